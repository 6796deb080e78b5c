import type { ReleaseSpec } from './desired.ts';
import type { ObservedContainer } from './observed.ts';
import type { RetireStep } from './plan.ts';
import type { PlanInput } from './plan-input.ts';

/** A container that never had traffic has nothing to finish, and a cancelled run has 7 s to undo what it did. */
const UNUSED_GRACE_MS = 3_000;

/**
 * retire returns the step that ends a container: with a drain, unless nobody can be connected. What an earlier run
 * left running may have had traffic, whatever became of that run.
 */
export function retire(
  { unused }: Pick<PlanInput, 'unused'>,
  service: {
    name: string;
    spec: {
      port: number;
      policy: Pick<ReleaseSpec['policy'], 'strategy' | 'drainTimeoutMs' | 'stopGracePeriodMs'>;
    };
  },
  host: string,
  {
    id,
    name,
    release,
    isRunning,
    helpers,
    isAdopted,
  }: Pick<ObservedContainer, 'id' | 'name' | 'release' | 'isRunning' | 'helpers' | 'isAdopted'>,
): RetireStep {
  const { port, policy } = service.spec;
  const isUnused = unused.has(id);
  // What may write to a volume gets the time it was promised, whatever was asked of it.
  const isHurried = isUnused && policy.strategy !== 'recreate';
  return {
    kind: 'retire',
    service: service.name,
    host,
    id,
    name,
    containerPort: isAdopted ? undefined : port,
    release,
    helpers,
    drainTimeoutMs: isRunning && !isUnused ? policy.drainTimeoutMs : undefined,
    graceMs: isHurried ? Math.min(policy.stopGracePeriodMs, UNUSED_GRACE_MS) : policy.stopGracePeriodMs,
  };
}
