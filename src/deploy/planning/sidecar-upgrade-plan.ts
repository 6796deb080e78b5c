import { sidecarSuccessorName } from '../../model/names.ts';
import type { HandOverStep } from '../steps/hand-over.ts';
import type { UpgradeSidecarStep } from '../steps/upgrade-sidecar.ts';
import type { After, StepGraph } from './graph.ts';
import type { PlanInput } from './input.ts';
import type { MadeNginx, ObservedServer } from './observed.ts';
import { observedOn } from './observed-copies.ts';
import { addRetirements, type Retirement } from './retirement.ts';
import { retireNginx } from './takeover-plan.ts';
import { imageChange } from './upgrade-plan.ts';

/** A sidecar that goes: it gives its name away, and then it is drained, stopped and removed. */
interface Leaving {
  handOver: HandOverStep;
  old: Retirement;
}

/** How the sidecar of a server is replaced by another one, and what an earlier run has left of that. */
export interface SidecarUpgrade {
  /** Those beside the sidecar that are not wanted: they were replaced, or were to replace it. */
  left: Leaving[];
  /** Undefined where the sidecar is made of what it has to be. */
  next: (Leaving & { begin: UpgradeSidecarStep }) | undefined;
}

/** planSidecarUpgrades returns how the sidecars leave that are not made of what they have to be, server by server. Pure. */
export function planSidecarUpgrades(input: PlanInput): SidecarUpgrade[] {
  if (input.removesAll) return [];
  return input.reached.flatMap((server) => {
    const { left, next } = upgradeOf(input, observedOn(input, server));
    return left.length === 0 && next === undefined ? [] : [{ left, next }];
  });
}

/** isSidecarOutdated tells whether the sidecar of a server is made of another image than it has to be, and runs. Pure. */
function isSidecarOutdated({ nginx }: PlanInput, { sidecar, madeSidecar: made }: ObservedServer): boolean {
  return made !== undefined && sidecar?.isRunning === true && made.image !== nginx.image;
}

function upgradeOf(input: PlanInput, observed: ObservedServer): SidecarUpgrade {
  const { madeSidecar: made, otherSidecars: others = [] } = observed;
  const server = observed.name;
  const isOutdated = isSidecarOutdated(input, observed);
  const isSuccessor = ({ name, image }: MadeNginx) =>
    isOutdated && name === sidecarSuccessorName(input.scope) && image === input.nginx.image;
  const left = others.filter((one) => !isSuccessor(one)).map((one) => leavingOf(input, server, one));
  if (made === undefined || !isOutdated)
    return { left: observed.sidecar?.isRunning ? left : [], next: undefined };
  const { id, name } = made;
  const changes = [imageChange(made.image, input.nginx.image)];
  const begin: UpgradeSidecarStep = { kind: 'upgrade sidecar', server, old: { id, name }, changes };
  return { left, next: { begin, ...leavingOf(input, server, made) } };
}

function leavingOf(input: PlanInput, server: string, made: MadeNginx): Leaving {
  const { id, name } = made;
  return {
    handOver: { kind: 'hand over', server, old: { id, name } },
    old: retireNginx(input, server, made),
  };
}

/** leavingSidecars returns the containers that go by upgrades. */
export function leavingSidecars(upgrades: readonly SidecarUpgrade[]): Retirement[] {
  return upgrades.flatMap(({ left, next }) => [...left, ...(next ? [next] : [])].map(({ old }) => old));
}

/**
 * layOutSidecarUpgrades adds the steps of upgrades. The first server shows whether the new nginx comes up and answers for
 * every route, and the others follow side by side.
 */
export function layOutSidecarUpgrades(
  graph: StepGraph,
  upgrades: readonly SidecarUpgrade[],
  after: After,
): void {
  let shown: string[] = [];
  for (const { left, next } of upgrades) {
    const freed = left.flatMap(({ handOver, old }) => {
      const handed = graph.add(handOver, after);
      addRetirements(graph, [old], handed);
      return handed;
    });
    if (next === undefined) continue;
    const begun = graph.add(next.begin, [after, freed, shown]);
    if (shown.length === 0) shown = begun;
    addRetirements(graph, [next.old], graph.add(next.handOver, begun));
  }
}
