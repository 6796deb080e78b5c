import { freeSlots, inSlotOrder, type Slot } from '../../model/copy.ts';
import type { StrategyName } from '../../model/spec.ts';
import type { ObservedCopy } from './observed.ts';

/** What stands of one service on one server, as a strategy sees it. */
export interface Standing {
  /** The copies that have the traffic, in the order of their slots. */
  active: readonly ObservedCopy[];
  /** The copies beside them. */
  beside: readonly ObservedCopy[];
  /** The slots that the live routes point to; their containers may be gone. */
  routed: readonly Slot[];
  /** How many copies shall stand here. */
  replicas: number;
  /** The number of the release that shall run. */
  release: number;
  /** The release of a rollout that a run has begun and not finished: no copy of it had traffic by its will. */
  rollout: number | undefined;
  /** Slots in which no new copy may stand, whatever of these goes. */
  taken: readonly Slot[];
  isWanted(copy: ObservedCopy): boolean;
}

/** A copy that has the traffic afterwards. */
export interface ServingCopy {
  slot: Slot;
  /** The container that stays there, also one that starts again; undefined where one is created. */
  standing: ObservedCopy | undefined;
  /** A container to create, or to start again. */
  start: { existing: string | undefined } | undefined;
  /** A container that already runs and still has to prove itself: an earlier run was cut off. */
  resume: boolean;
}

/** What a strategy wants to happen on one server. What it does not name goes as a leftover. */
export interface Replacement {
  /** In the order of their slots. */
  copies: ServingCopy[];
  /** Must be gone before anything starts. */
  vacate: readonly ObservedCopy[];
  /** Must be stopped before the new ones start. */
  stop: readonly ObservedCopy[];
  /** Are drained and removed once the traffic has moved. */
  retire: readonly ObservedCopy[];
}

/** A strategy turns what stands on one server into what has to happen there. Pure. */
export type Strategy = (standing: Standing) => Replacement;

/**
 * toggle starts new copies beside the old ones and moves the traffic when all of them are healthy. Copies that are as wanted
 * stay: where only their number changes, only the difference starts or goes.
 */
const toggle: Strategy = (standing) => {
  const { active, beside, release, replicas } = standing;
  const right = active.filter(standing.isWanted);
  const kept = [...right].sort((a, b) => Number(b.isRunning) - Number(a.isRunning)).slice(0, replicas);
  const resumed = beside
    .filter((copy) => copy.isRunning && copy.release === release && standing.isWanted(copy))
    .slice(0, replicas - kept.length);
  const isStaying = (copy: ObservedCopy) => kept.includes(copy) || resumed.includes(copy);
  const served = active.filter((copy) => !isStaying(copy));
  const rest = beside.filter((copy) => !isStaying(copy));
  const missing = replicas - kept.length - resumed.length;
  if (missing === 0) return { ...servingAs(kept, resumed, []), vacate: [], stop: [], retire: served };

  const backups = kept.length > 0 ? [] : servingInstead(standing, rest);
  const old = backups.length > 0 ? backups : served;
  const slots = freeSlots(
    missing,
    [...kept, ...resumed].map(({ slot }) => slot),
    // A new container must not stand where routes point to: it would have traffic before it is healthy.
    [...old.map(({ slot }) => slot), ...standing.routed, ...standing.taken],
  );
  const dead = backups.length > 0 ? served : [];
  const inTheWay = rest.filter((copy) => !old.includes(copy) && slots.includes(copy.slot));
  return {
    ...servingAs(kept, resumed, slots),
    vacate: [...dead, ...inTheWay],
    stop: [],
    retire: old,
  };
};

/** Where no active copy runs, what runs beside them is the backup that serves, unless it never had traffic. */
function servingInstead({ active, rollout }: Standing, beside: readonly ObservedCopy[]): ObservedCopy[] {
  if (active.some(({ isRunning }) => isRunning)) return [];
  return beside.filter(({ isRunning, release }) => isRunning && (active.length === 0 || release !== rollout));
}

/**
 * recreate stops the old copy before the new one starts: the two never write one volume together. Of such a service one
 * copy stands on a server.
 */
const recreate: Strategy = (standing) => {
  const plan = toggle({ ...standing, replicas: 1 });
  const isNew = plan.copies.some(({ start, resume }) => resume || (start && start.existing === undefined));
  const isServing = (copy: ObservedCopy) =>
    plan.retire.includes(copy) || plan.copies.some(({ standing }) => standing === copy);
  // The other containers must not run while this one does.
  const vacate = [
    ...plan.vacate,
    ...standing.beside.filter((copy) => !isServing(copy) && !plan.vacate.includes(copy)),
  ];
  // Also one that does not run right now: its engine may be about to start it again.
  return { ...plan, vacate, stop: isNew ? plan.retire : [] };
};

/** The strategies by their name in the file. */
export const STRATEGIES: Record<StrategyName, Strategy> = { toggle, recreate };

function servingAs(
  kept: readonly ObservedCopy[],
  resumed: readonly ObservedCopy[],
  created: readonly Slot[],
): Pick<Replacement, 'copies'> {
  const copies: ServingCopy[] = [
    ...kept.map((standing) => ({
      slot: standing.slot,
      standing,
      start: standing.isRunning ? undefined : { existing: standing.id },
      resume: false,
    })),
    ...resumed.map((standing) => ({ slot: standing.slot, standing, start: undefined, resume: true })),
    ...created.map((slot) => ({ slot, standing: undefined, start: { existing: undefined }, resume: false })),
  ];
  return { copies: inSlotOrder(copies) };
}
