import { allNumbers, hostPort } from '../../model/ports.ts';
import type { EdgePort } from '../../model/spec.ts';
import { isTransferred } from '../../model/transferred-image.ts';
import { doorPorts, doorsOf, frontOf } from '../planning/adopted.ts';
import type { PlanInput } from '../planning/input.ts';
import { loopbackPorts } from '../planning/loopback.ts';
import { copiesOn, observedOn } from '../planning/observed-copies.ts';
import { type Plan, stepsOf } from '../planning/plan.ts';
import type { PrepareStep } from '../steps/prepare.ts';

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

function tcpPorts(ports: readonly EdgePort[]): number[] {
  return ports.filter((port) => port.endsWith('/tcp')).map((port) => Number.parseInt(port, 10));
}

/** neededImages returns the images that a plan asks a registry for on a server, each once. Pure. */
export function neededImages(plan: Plan, input: PlanInput, server: string): string[] {
  const pulled = stepsOf(plan, 'pull')
    .filter((step) => step.server === server && step.policy !== 'never')
    .map(({ image }) => image)
    .filter((image) => !isTransferred(image));
  const always = input.services
    .filter(({ name, isSelected, spec }) => {
      const stands = plan.copies[name]?.some((copy) => copy.server === server);
      return isSelected && stands && spec.policy.pullPolicy === 'always';
    })
    .map(({ spec }) => spec.container.image);
  return [...new Set([...pulled, ...always])];
}

/**
 * neededPorts returns the ports that must be free on a server: those of a new edge, but for what a front holds, and the host
 * ports of new copies. A port whose slot is taken by the service's own container is free when its turn comes. Pure.
 */
export function neededPorts(plan: Plan, input: PlanInput, server: string): Port[] {
  const observed = observedOn(input, server);
  const isComing = stepsOf(plan, 'prepare').some((step) => step.server === server && isNewEdge(step.edge));
  // What a front or an older edge holds is its until it leaves, without a gap.
  const front = frontOf(observed);
  const held = [
    ...(front === undefined ? [] : doorsOf(front, input.nginx).map(({ port }) => port)),
    ...tcpPorts(observed.madeEdge?.ports ?? []),
  ];
  const doors = [...doorPorts({}), ...tcpPorts(input.nginx.ports ?? [])];
  const upgrades = stepsOf(plan, 'upgrade').filter((step) => step.server === server);
  const ofEdge = new Set([
    ...(isComing ? doors.filter((port) => !held.includes(port)) : []),
    ...upgrades.flatMap(({ lacking }) => tcpPorts(lacking)),
  ]);
  const started = stepsOf(plan, 'start').filter(
    (step) => step.server === server && step.existing === undefined,
  );
  return [
    ...[...ofEdge].map((number) => ({ address: OWN_ADDRESS, number, owner: 'the edge' })),
    ...started.flatMap(({ service, slot, blueprint }) => {
      const there = copiesOn(input, service, server);
      const isOurs = there.some((copy) => copy.slot === slot);
      const { publishOn: address, ports, container, dependencies } = blueprint;
      if (container.isLoopback) {
        // It stops before its successor starts, whichever slots they have.
        const held = there.flatMap(({ settings }) => settings?.ports.map((port) => port.hostPort) ?? []);
        return loopbackPorts(dependencies)
          .map((port) => ({ address: port.address, number: port.hostPort, owner: service }))
          .filter(({ number }) => !held.includes(number));
      }
      if (address === undefined || ports === undefined || isOurs) return [];
      return allNumbers(ports).map(({ host }) => ({ address, number: hostPort(host, slot), owner: service }));
    }),
  ];
}
