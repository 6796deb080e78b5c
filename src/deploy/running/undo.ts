import { messageOf } from '../../model/errors.ts';
import { observe } from '../looking/observe.ts';
import type { ObservedServer } from '../planning/observed.ts';
import type { Plan } from '../planning/plan.ts';
import type { PlanInput } from '../planning/plan-input.ts';
import { planDeploy } from '../planning/planner.ts';
import { assembleUndo } from '../planning/rest-of-run.ts';
import type { Means } from './means.ts';
import type { Run } from './progress.ts';
import { retire, runLevel } from './run-level.ts';
import { planSettled } from './settling.ts';

/**
 * undo brings a failed level back to what had the traffic before: by a plan, like everything else. It never throws; what
 * it cannot undo is a warning, noted in `run`, and left to the next run.
 */
export async function undo(means: Means, input: PlanInput, run: Run): Promise<void> {
  // The run may have been cancelled: what goes back must not be.
  const context = means.context({ ...means.guard(), signal: new AbortController().signal });
  try {
    // A copy that did not run may have made room: its traffic goes to who served in its stead.
    const { plan } = await planSettled(means, context, () => planUndo(means, input, run));
    await means.prepare(plan.prepare);
    await Promise.all(plan.vacate.map((step) => retire(context, step, 0)));
    for (const level of plan.levels) await (await runLevel(context, level)).done;
    run.isUndone = run.dead.length === 0;
  } catch (error) {
    run.isUndone = false;
    means.request.log.warning(`going back did not succeed, the next run does it: ${messageOf(error)}`);
  }
}

async function planUndo(
  means: Means,
  input: PlanInput,
  { failed, done, dead }: Run,
): Promise<{ plan: Plan }> {
  const observed = await observeLiving(means, input, dead);
  const unused = new Set([...means.unused.values()].flatMap((ids) => [...ids]));
  return { plan: planDeploy(assembleUndo(input, { failed, done, unused }, observed)) };
}

/** A server that died does not keep the others from going back. */
async function observeLiving(
  { request: { log, wanted }, fleet }: Means,
  { scope, hosts }: PlanInput,
  dead: string[],
): Promise<ObservedServer[]> {
  const outcomes = await Promise.allSettled(hosts.map((host) => observe(fleet.server(host), scope, wanted)));
  return outcomes.flatMap((outcome, index) => {
    if (outcome.status === 'fulfilled') return [outcome.value];
    const host = hosts[index]!;
    if (dead.includes(host)) return [];
    dead.push(host);
    log.warning(
      `${host} does not answer any more; the others go back without it: ${messageOf(outcome.reason)}`,
    );
    return [];
  });
}
