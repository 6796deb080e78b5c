import type { DeployReport } from '../../../src/deploy/request.ts';
import type { EnvironmentState } from '../../../src/model/release.ts';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import type { Ended } from '../world/simulation.ts';
import type { RunOptions, World } from '../world/world.ts';

/** Between two deploys old workers of nginx come to their end, as they do when people deploy. */
const BETWEEN_RUNS_MS = 10_000;

/** complaintOf says what users have lost, and which rule was broken, with what came before; undefined for nothing. */
export function complaintOf({ lost, broken }: World): string | undefined {
  const [loss] = lost;
  const [rule] = broken;
  if (loss !== undefined) {
    const { atMs, place, what, after } = loss;
    return `lost after ${atMs} ms at ${place}: ${what} (${lost.length} in all)\n  ${after.join('\n  ')}`;
  }
  return rule && `broken after ${rule.atMs} ms: ${rule.what}\n  ${rule.after.join('\n  ')}`;
}

/** failureOf returns why a run has not ended well; undefined where it has. */
export function failureOf(ended: Ended<DeployReport>): unknown {
  if (ended.how === 'done') return ended.value.failure;
  return ended.how === 'failed' ? ended.error : 'it was killed';
}

/** rest lets the time pass that lies between two deploys. */
export async function rest(world: World): Promise<void> {
  await world.clock.pass(BETWEEN_RUNS_MS);
}

/**
 * convergence deploys once more after something has happened, and returns what is wrong then: the run fails, a second one
 * finds something to do, or somebody has lost something. Undefined when all is well.
 */
export async function convergence(
  world: World,
  wanted: EnvironmentSpec,
  options: RunOptions = {},
): Promise<string | undefined> {
  const next = await world.tryDeploy(wanted, options);
  if (failureOf(next) !== undefined) return `the next run fails: ${String(failureOf(next))}`;
  await rest(world);
  const after = await world.tryDeploy(wanted, options);
  if (failureOf(after) !== undefined) return `the run after it fails: ${String(failureOf(after))}`;
  if (options.rollback === undefined && after.how === 'done' && after.value.changed) {
    return `the run after it still finds something to do: ${JSON.stringify(after.value.plan.changes)}`;
  }
  return complaintOf(world) ?? strangersIn(world.stateOf(wanted));
}

/** Copies that are recorded with another release than their service has, where no server is left out that could have one. */
function strangersIn({ services, stale_servers = {} }: EnvironmentState): string | undefined {
  if (Object.keys(stale_servers).length > 0) return undefined;
  const found = Object.entries(services).flatMap(([name, { release, copies }]) =>
    copies
      .filter((copy) => copy.release !== release)
      .map((copy) => `${name} ${release}: ${JSON.stringify(copy)}`),
  );
  return found.length === 0 ? undefined : `recorded with another release: ${found.join(', ')}`;
}
