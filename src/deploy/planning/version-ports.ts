import type { Slot } from '../../model/copy.ts';
import { containerName, type Scope } from '../../model/names.ts';
import {
  allNumbers,
  allocateVersionPorts,
  basePort,
  hostPort,
  type ServicePorts,
} from '../../model/ports.ts';
import type { EnvironmentState, RecordedCopy } from '../../model/release.ts';
import type { EnvironmentSpec } from '../../model/spec.ts';
import { versionOf } from '../../model/version-name.ts';
import type { ObservedServer } from './observed.ts';

/** What is known of host ports before any are given. */
interface PortFacts {
  wanted: EnvironmentSpec;
  observed: readonly ObservedServer[];
  state: EnvironmentState;
}

/**
 * versionPortsOf returns the host ports, as the slot `base` would have them, of the next containers of all services whose ports carry the version.
 * Nothing else has them: no service, no container here or of others, none that the record names. Pure.
 */
export function versionPortsOf(
  facts: PortFacts,
  ports: ReadonlyMap<string, ServicePorts>,
): ReadonlyMap<string, number> {
  const requests = facts.wanted.services
    .filter(({ container }) => container.naming === 'version')
    .flatMap(({ name, port, container }) =>
      port === undefined ? [] : [{ service: name, containerPort: port, version: versionOf(container.image) }],
    );
  const foreign = facts.observed.flatMap(({ foreignHostPorts }) => foreignHostPorts);
  const own = [...ports.values()].flatMap(allNumbers).map(({ host }) => host);
  return allocateVersionPorts(
    facts.wanted,
    requests,
    new Set([...foreign, ...own, ...heldVersionPorts(facts)]),
  );
}

/** heldVersionPorts returns the version ports of this environment's containers, also of those that only the record knows. */
export function heldVersionPorts({ wanted, observed, state }: PortFacts): number[] {
  const labelled = observed.flatMap(({ copies, handMade }) =>
    [...copies, ...handMade].flatMap(({ versionPort }) => versionPort ?? []),
  );
  const recorded = Object.entries(state.services).flatMap(([service, { copies }]) =>
    copies.flatMap((copy) => recordedPort(wanted, service, copy) ?? []),
  );
  return [...labelled, ...recorded.map(basePort)];
}

/** portOf returns a container's own host port; undefined where it has its slot's only. */
export function portOf(slot: Slot, versionPort: number | undefined): number | undefined {
  return versionPort === undefined ? undefined : hostPort(versionPort, slot);
}

/** recordedPort is portOf for a container of a server that is not looked at: its name tells what its port follows from. */
export function recordedPort(scope: Scope, service: string, recorded: RecordedCopy): number | undefined {
  const { slot, container, port } = recorded;
  return container === containerName(scope, service, slot) ? undefined : port;
}
