import type { Change, Effect, Plan } from '../deploy/planning/plan.ts';
import { isEmpty } from '../deploy/planning/plan.ts';
import { describeUnfinished } from '../deploy/planning/unfinished-hook.ts';
import { describeStep } from '../deploy/steps/index.ts';

const EFFECTS: Record<Effect, string> = {
  create: 'new',
  toggle: 'new containers beside the old ones',
  recreate: 'RESTART: the old container stops before the new one starts',
  reload: 'routes only, no new container',
  record: 'the record only',
  remove: 'removed',
  none: 'unchanged',
};

/** describePlan returns a plan as lines for a log. */
export function describePlan(plan: Plan): string[] {
  const title = `${plan.scope.project} ${plan.scope.environment}`;
  if (isEmpty(plan)) return [`${title}: nothing to do, everything is as the file says`];
  const lines = [
    ...plan.changes.map(describeChange),
    ...describeStale(plan),
    ...plan.unfinished.map(describeUnfinished),
    ...plan.steps.map(({ step }) => `· ${describeStep(step)}`),
  ];
  return [`${title}: plan`, ...lines.map((line) => `  ${line}`)];
}

/** describeChange returns what happens to a service, and why, in one line. */
export function describeChange({ service, from, to, effect, reasons, servers }: Change): string {
  const number =
    effect === 'remove' ? `${from} → none` : from === to ? String(to) : `${from || 'none'} → ${to}`;
  const why = reasons.length > 0 ? ` (${reasons.join(', ')})` : '';
  const where = servers.length > 0 ? ` on ${servers.join(', ')}` : '';
  return `${service} ${number}: ${EFFECTS[effect]}${where}${why}`;
}

/** describeStale says which servers a plan leaves out, and which it brings up to date, a line each. */
export function describeStale({ stale }: Pick<Plan, 'stale'>): string[] {
  return [
    ...stale.left.map((server) => `${server} is left out: it gets no traffic, and stays as it is`),
    ...stale.returned.map((server) => `${server} is no longer left out`),
  ];
}
