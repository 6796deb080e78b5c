import { freeSlot, type Slot } from '../../model/copy.ts';
import type { StrategyName } from '../../model/spec.ts';
import type { ObservedCopy } from './observed.ts';

/** What stands of one service on one server, as a strategy sees it. */
export interface Standing {
  /** The copy that has the traffic. */
  active: ObservedCopy | undefined;
  /** The copy beside it. */
  idle: ObservedCopy | undefined;
  /** The slot that the live routes point to; its container may be gone. */
  routed: Slot | undefined;
  /** The number of the release that shall run. */
  release: number;
  /** The release of a rollout that a run has begun and not finished: no copy of it had traffic by its will. */
  rollout: number | undefined;
  /** Slots in which no new copy may stand, whatever of these goes. */
  taken: readonly Slot[];
  isWanted(copy: ObservedCopy): boolean;
}

/** What a strategy wants to happen on one server. */
export interface Replacement {
  /** The slot that has the traffic afterwards. */
  slot: Slot;
  /** A container to create, or to start again. */
  start: { existing: string | undefined } | undefined;
  /** A container that already runs and still has to prove itself: an earlier run was cut off. */
  resume: boolean;
  /** Must be gone before anything starts. */
  vacate: ObservedCopy | undefined;
  /** Must be stopped before the new one starts. */
  stop: ObservedCopy | undefined;
  /** Is drained and removed once the traffic has moved. */
  retire: ObservedCopy | undefined;
}

/** A strategy turns what stands on one server into what has to happen there. Pure. */
export type Strategy = (standing: Standing) => Replacement;

/** toggle starts the new copy beside the old one and moves the traffic when it is healthy. */
const toggle: Strategy = (standing) => {
  const { active, idle, release } = standing;
  if (active !== undefined && standing.isWanted(active)) return keep(active, idle);
  if (idle?.isRunning && idle.release === release && standing.isWanted(idle)) return resume(idle, active);
  const [old, vacate] = servesInstead(standing) ? [idle, active] : [active, idle];
  return {
    // A new container must not stand where routes point to: it would have traffic before it is healthy.
    slot: freeSlot([old?.slot, standing.routed, ...standing.taken].filter((slot) => slot !== undefined)),
    start: { existing: undefined },
    resume: false,
    vacate,
    stop: undefined,
    retire: old,
  };
};

/** Where the active copy does not run, the other one is the backup that serves, unless it never had traffic. */
function servesInstead({ active, idle, rollout }: Standing): boolean {
  if (!idle?.isRunning || active?.isRunning) return false;
  return active === undefined || idle.release !== rollout;
}

/** recreate stops the old copy before the new one starts: the two never write one volume together. */
const recreate: Strategy = (standing) => {
  const plan = toggle(standing);
  if (plan.resume || (plan.start?.existing === undefined && plan.start !== undefined)) {
    // Also one that does not run right now: its engine may be about to start it again.
    return { ...plan, stop: plan.retire };
  }
  // The other container must not run while this one does.
  return { ...plan, vacate: standing.idle, retire: undefined };
};

/** The strategies by their name in the file. */
export const STRATEGIES: Record<StrategyName, Strategy> = { toggle, recreate };

function keep(active: ObservedCopy, idle: ObservedCopy | undefined): Replacement {
  return {
    slot: active.slot,
    start: active.isRunning ? undefined : { existing: active.id },
    resume: false,
    vacate: undefined,
    stop: undefined,
    retire: idle,
  };
}

function resume(idle: ObservedCopy, active: ObservedCopy | undefined): Replacement {
  return {
    slot: idle.slot,
    start: undefined,
    resume: true,
    vacate: undefined,
    stop: undefined,
    retire: active,
  };
}
