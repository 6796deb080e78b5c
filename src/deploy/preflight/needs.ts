import { hostPort } from '../../model/ports.ts';
import { DOOR_PORTS, doorsOf } from '../planning/adopted.ts';
import type { Plan, PrepareStep } from '../planning/plan.ts';
import type { PlanInput } from '../planning/plan-input.ts';
import { containersAt, observedAt } from '../planning/spots.ts';

/** A port of a server that a plan needs. */
export interface Port {
  /** Where to ask whether it is free. */
  address: string;
  number: number;
  /** Who shall have it. */
  owner: string;
}

/** Reaches what listens on all addresses of the server. */
const OWN_ADDRESS = '127.0.0.1';

/** It is made at once, or when a front has left. */
function isNewEdge(edge: PrepareStep['edge']): boolean {
  return edge === 'create' || edge === 'bridge' || edge === 'open';
}

/** neededImages returns the images that a plan asks a registry for on a server, each once. Pure. */
export function neededImages(plan: Plan, input: PlanInput, host: string): string[] {
  const pulled = plan.pulls
    .filter((step) => step.host === host && step.policy !== 'never')
    .map(({ image }) => image);
  const always = input.services
    .filter(({ name, isSelected, spec }) => {
      const stands = plan.standing[name]?.some((copy) => copy.host === host);
      return isSelected && stands && spec.policy.pullPolicy === 'always';
    })
    .map(({ spec }) => spec.container.image);
  return [...new Set([...pulled, ...always])];
}

/**
 * neededPorts returns the ports that must be free on a server: those of a new edge, but for what a front holds, and the host ports of new sides.
 * A port whose side is taken by the service's own container is free when its turn comes. Pure.
 */
export function neededPorts(plan: Plan, input: PlanInput, host: string): Port[] {
  const server = observedAt(input, host);
  const isComing = plan.prepare.some(({ edge, ...step }) => step.host === host && isNewEdge(edge));
  // What a front holds is its until it leaves, without a gap.
  const held = server.foreign.flatMap(doorsOf).map(({ port }) => port);
  const ofEdge = isComing ? DOOR_PORTS.filter((port) => !held.includes(port)) : [];
  const started = plan.levels
    .flatMap(({ start }) => start)
    .filter((step) => step.host === host && step.existing === undefined);
  return [
    ...ofEdge.map((number) => ({ address: OWN_ADDRESS, number, owner: 'the edge' })),
    ...started.flatMap(({ service, side, blueprint }) => {
      const isOurs = containersAt(input, service, host).some((container) => container.side === side);
      if (blueprint.publishOn === undefined || isOurs) return [];
      return [{ address: blueprint.publishOn, number: hostPort(blueprint.ports.host, side), owner: service }];
    }),
  ];
}
