import type { Level, Plan } from './plan.ts';
import { NO_TAKEOVER } from './takeover-plan.ts';

/**
 * joinPlans returns the plan that a run has followed that made a new one in its middle: `run` are the levels that the
 * first plan had come through, the last of them up to its switch. For what is said about the run afterwards. Pure.
 */
export function joinPlans(first: Plan, run: readonly Level[], rest: Plan): Plan {
  const done = run.map((level, index) => (index === run.length - 1 ? { ...level, retire: [] } : level));
  return {
    ...rest,
    // What has happened to a service already is no part of the rest of the plan.
    changes: rest.changes.map((change) => {
      const before = first.changes.find(({ service }) => service === change.service);
      return before === undefined || before.effect === 'none' ? change : { ...before, hosts: change.hosts };
    }),
    levels: [...done, ...rest.levels],
  };
}

/**
 * keepOldSides returns a plan that retires nothing: an nginx that was left out with its old routes may go on sending
 * requests to the old containers of every server, and the next run retires them. What ran before Switchyard stays for
 * the same reason. Pure.
 */
export function keepOldSides(plan: Plan): Plan {
  const levels = plan.levels
    .map((level) => ({ ...level, retire: [] }))
    .filter(({ preDeploy, stop, start, check, switch: step, postDeploy }) => {
      const steps = [...preDeploy, ...stop, ...start, ...check, ...postDeploy];
      return steps.length > 0 || step !== undefined;
    });
  return { ...plan, levels, takeover: NO_TAKEOVER };
}
