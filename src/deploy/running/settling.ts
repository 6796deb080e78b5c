import type { Plan, SwitchStep } from '../planning/plan.ts';
import type { RunContext } from './context.ts';
import type { Means } from './means.ts';
import { switchRoutes } from './switch.ts';

/** settle brings all edges and sidecars to one view, where an earlier run was cut off while it switched. */
export async function settle(means: Means, context: RunContext, plan: Plan, step: SwitchStep): Promise<void> {
  await means.pullNginx(plan.pulls);
  await means.prepare(plan.prepare);
  await switchRoutes(context, step);
  means.reloadedAt = Date.now();
}

/**
 * planSettled returns what `look` sees and plans, settled first where edges and sidecars do not agree. It throws when
 * they do not agree after that either.
 */
export async function planSettled<T extends { plan: Plan }>(
  means: Means,
  context: RunContext,
  look: () => Promise<T>,
): Promise<T> {
  const seen = await look();
  if (seen.plan.settle === undefined) return seen;
  await settle(means, context, seen.plan, seen.plan.settle);
  const after = await look();
  if (after.plan.settle !== undefined) throw new Error('edges and sidecars do not agree who has the traffic');
  return after;
}
