import { otherSide, type Side } from '../../model/side.ts';
import type { StrategyName } from '../../model/spec.ts';
import type { ObservedContainer } from './observed.ts';

/** One service on one server: what stands there and whether it is what is wanted. */
export interface Spot {
  /** The container that gets the traffic. */
  active: ObservedContainer | undefined;
  /** The container on the other side. */
  idle: ObservedContainer | undefined;
  /** The side that the live routes point to; its container may be gone. */
  routed: Side | undefined;
  isWanted(container: ObservedContainer): boolean;
}

/** What a strategy wants to happen on one spot. */
export interface SpotPlan {
  /** The side that has the traffic afterwards. */
  side: Side;
  /** A container to create, or to start again. */
  start: { existing: string | undefined } | undefined;
  /** A container that already runs and still has to prove itself: an earlier run was cut off. */
  resume: boolean;
  /** Must be gone before anything starts. */
  vacate: ObservedContainer | undefined;
  /** Must be stopped before the new one starts. */
  stop: ObservedContainer | undefined;
  /** Is drained and removed once the traffic has moved. */
  retire: ObservedContainer | undefined;
}

/** A strategy turns what stands on one spot into what has to happen there. Pure. */
export type Strategy = (spot: Spot) => SpotPlan;

/** toggle starts the new container beside the old one and moves the traffic when it is healthy. */
const toggle: Strategy = (spot) => {
  const { active, idle } = spot;
  if (active !== undefined && spot.isWanted(active)) return keep(active, idle);
  if (idle?.isRunning && spot.isWanted(idle) && !isOlder(idle, active)) {
    return {
      side: idle.side,
      start: undefined,
      resume: true,
      vacate: undefined,
      stop: undefined,
      retire: active,
    };
  }
  const [old, free] = servesInstead(spot) ? [idle, active] : [active, idle];
  return {
    side: freeSide(old?.side ?? spot.routed),
    start: { existing: undefined },
    resume: false,
    vacate: free,
    stop: undefined,
    retire: old,
  };
};

/** A new container must not stand where routes point to: it would have traffic before it is healthy. */
function freeSide(taken: Side | undefined): Side {
  return taken === undefined ? 'base' : otherSide(taken);
}

/** Where the active container does not run, the old side is the backup that serves, unless it never had traffic. */
function servesInstead({ active, idle }: Spot): boolean {
  if (!idle?.isRunning || active?.isRunning) return false;
  return active === undefined || isOlder(idle, active);
}

/** Traffic goes to higher numbers only: an older container has had some, a newer one has not. */
function isOlder(container: ObservedContainer, than: ObservedContainer | undefined): boolean {
  return than !== undefined && container.release < than.release;
}

/** recreate stops the old container before the new one starts: the two never write one volume together. */
const recreate: Strategy = (spot) => {
  const plan = toggle(spot);
  if (plan.resume || (plan.start?.existing === undefined && plan.start !== undefined)) {
    return { ...plan, stop: plan.retire?.isRunning ? plan.retire : undefined };
  }
  // The other container must not run while this one does.
  return { ...plan, vacate: spot.idle, retire: undefined };
};

/** The strategies by their name in the file. */
export const STRATEGIES: Record<StrategyName, Strategy> = { toggle, recreate };

function keep(active: ObservedContainer, idle: ObservedContainer | undefined): SpotPlan {
  return {
    side: active.side,
    start: active.isRunning ? undefined : { existing: active.id },
    resume: false,
    vacate: undefined,
    stop: undefined,
    retire: idle,
  };
}
