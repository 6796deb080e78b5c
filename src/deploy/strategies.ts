import { otherSide, type Side } from '../model/side.ts';
import type { StrategyName } from '../model/spec.ts';
import type { ObservedContainer } from './observed.ts';

/** One service on one server: what stands there and whether it is what is wanted. */
export interface Spot {
  /** The container that gets the traffic. */
  active: ObservedContainer | undefined;
  /** The container on the other side. */
  idle: ObservedContainer | undefined;
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
export const toggle: Strategy = (spot) => {
  const { active, idle } = spot;
  if (active !== undefined && spot.isWanted(active)) return keep(active, idle);
  if (idle?.isRunning && spot.isWanted(idle)) {
    return {
      side: idle.side,
      start: undefined,
      resume: true,
      vacate: undefined,
      stop: undefined,
      retire: active,
    };
  }
  return {
    side: active === undefined ? 'base' : otherSide(active.side),
    start: { existing: undefined },
    resume: false,
    vacate: idle,
    stop: undefined,
    retire: active,
  };
};

/** recreate stops the old container before the new one starts: the two never write one volume together. */
export const recreate: Strategy = (spot) => {
  const { active, idle } = spot;
  const plan = toggle(spot);
  if (plan.resume) return { ...plan, stop: active?.isRunning ? active : undefined };
  if (plan.start === undefined || plan.start.existing !== undefined) {
    // The other container must not run while this one does.
    return { ...plan, vacate: idle, retire: undefined };
  }
  return { ...plan, stop: active?.isRunning ? active : undefined };
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
