import { containerName, type Scope } from '../model/names.ts';
import { allocateVersionPorts, basePort, hostPort, type ServicePorts } from '../model/ports.ts';
import type { EnvironmentState, RecordedServer } from '../model/release.ts';
import type { EnvironmentSpec } from '../model/spec.ts';
import { versionOf } from '../model/version-name.ts';
import type { ObservedContainer, ObservedServer } from './observed.ts';

/** What is known of host ports before any are given. */
interface PortFacts {
  wanted: EnvironmentSpec;
  observed: readonly ObservedServer[];
  state: EnvironmentState;
}

/**
 * versionPortsOf returns the base host ports of the next containers of all services whose ports carry the version.
 * Nothing else has them: no service, no container here or of others, none that the record names. Pure.
 */
export function versionPortsOf(
  facts: PortFacts,
  ports: ReadonlyMap<string, ServicePorts>,
): ReadonlyMap<string, number> {
  const requests = facts.wanted.services
    .filter(({ container }) => container.naming === 'version')
    .map(({ name, port, container }) => ({
      service: name,
      containerPort: port,
      version: versionOf(container.image),
    }));
  const foreign = facts.observed.flatMap(({ foreignHostPorts }) => foreignHostPorts);
  const own = [...ports.values()].map(({ host }) => host);
  return allocateVersionPorts(facts.wanted, requests, new Set([...foreign, ...own, ...heldHostPorts(facts)]));
}

/** heldHostPorts returns the base host ports of this environment's containers, also of those that only the record knows. */
export function heldHostPorts({ wanted, observed, state }: PortFacts): number[] {
  const labelled = observed.flatMap(({ containers, copies }) =>
    [...containers, ...copies].map((container) => container.hostPort),
  );
  const recorded = Object.entries(state.services).flatMap(([service, { servers }]) =>
    servers.flatMap((server) => recordedPort(wanted, service, server) ?? []),
  );
  return [...labelled, ...recorded.map(basePort)];
}

/** portOf returns a container's host port where that is not its side's; `base` is the service's. */
export function portOf(
  { side, hostPort: own }: Pick<ObservedContainer, 'side' | 'hostPort'>,
  base: number | undefined,
): number | undefined {
  return own > 0 && own !== base ? hostPort(own, side) : undefined;
}

/** recordedPort is portOf for a container of a server that is not looked at: its name tells what its port follows from. */
export function recordedPort(scope: Scope, service: string, recorded: RecordedServer): number | undefined {
  const { side, container, port } = recorded;
  return container === containerName(scope, service, side) ? undefined : port;
}
