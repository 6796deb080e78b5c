import { createHash } from 'node:crypto';
import { type Slot, slotIndex } from './copy.ts';
import { UserError } from './errors.ts';
import type { Scope } from './names.ts';

/** Host ports of the slot `base`; those of every further slot are SLOT_OFFSET above the one before. */
export const HOST_PORTS = { first: 8000, count: 1000 } as const;
/** Ports that apps connect to at the sidecar. */
export const INTERNAL_PORTS = { first: 5000, count: 1000 } as const;
/** The host port of a slot is that of the slot before it plus this. */
export const SLOT_OFFSET = 10_000;

/** The two ports that are allocated to a service once and never move. */
export interface ServicePorts {
  /** 8000-8999: the port of the slot `base` on the server; see {@link hostPort} for the others. */
  host: number;
  /** 5000-5999: where the sidecar serves the service. */
  internal: number;
}

/**
 * stablePort returns `first + n mod count`, where n is the first four bytes (big endian) of the SHA-256
 * of `input` in UTF-8.
 */
export function stablePort(input: string, range: { first: number; count: number }): number {
  return range.first + (createHash('sha256').update(input, 'utf8').digest().readUInt32BE(0) % range.count);
}

/** preferredHostPort hashes `project/environment/service/containerPort` into 8000-8999. */
export function preferredHostPort(scope: Scope, service: string, containerPort: number): number {
  return stablePort(`${scope.project}/${scope.environment}/${service}/${containerPort}`, HOST_PORTS);
}

/** preferredInternalPort hashes `project/environment/service` into 5000-5999. */
export function preferredInternalPort(scope: Scope, service: string): number {
  return stablePort(`${scope.project}/${scope.environment}/${service}`, INTERNAL_PORTS);
}

/** preferredVersionPort hashes `project/environment/service/containerPort/version` into 8000-8999. */
export function preferredVersionPort(
  scope: Scope,
  { service, containerPort, version }: VersionPortRequest,
): number {
  return stablePort(
    `${scope.project}/${scope.environment}/${service}/${containerPort}/${version}`,
    HOST_PORTS,
  );
}

/** hostPort returns the port of a slot for a service whose slot `base` has `base`. */
export function hostPort(base: number, slot: Slot): number {
  return base + SLOT_OFFSET * slotIndex(slot);
}

/** basePort is the inverse of hostPort: it returns the port of the slot `base` for the port of any slot. */
export function basePort(port: number): number {
  return HOST_PORTS.first + ((port - HOST_PORTS.first) % SLOT_OFFSET);
}

/** A service that needs ports. */
export interface PortRequest {
  service: string;
  containerPort: number;
}

/** What is known before ports are allocated. */
export interface PortsInUse {
  /** What state or labels say of this environment's services; these never move. */
  recorded: ReadonlyMap<string, ServicePorts>;
  /** Base host ports that other projects or environments, or versions of services, hold on any of the servers. */
  foreignHostPorts: ReadonlySet<number>;
}

/** A service whose next container needs a host port that carries its version. */
export interface VersionPortRequest extends PortRequest {
  version: string;
}

/**
 * allocatePorts gives every service its ports: the recorded ones where there are any, else the hashed
 * ones, moved to the next free port (wrapping at the end of the range) when another service has them.
 * The result depends on neither the order of `requests` nor on anything but the arguments.
 * It throws a UserError when a range is full.
 */
export function allocatePorts(
  scope: Scope,
  requests: readonly PortRequest[],
  inUse: PortsInUse,
): Map<string, ServicePorts> {
  const hosts = new Set(inUse.foreignHostPorts);
  const internals = new Set<number>();
  for (const ports of inUse.recorded.values()) {
    hosts.add(ports.host);
    internals.add(ports.internal);
  }
  const byName = [...requests].sort((a, b) => (a.service < b.service ? -1 : 1));
  const allocated = new Map<string, ServicePorts>();
  for (const { service, containerPort } of byName) {
    const ports = inUse.recorded.get(service) ?? {
      host: take(hosts, HOST_PORTS, preferredHostPort(scope, service, containerPort)),
      internal: take(internals, INTERNAL_PORTS, preferredInternalPort(scope, service)),
    };
    allocated.set(service, ports);
  }
  return allocated;
}

/**
 * allocateVersionPorts gives the next container of each service a base host port of its own: the hashed one, moved
 * to the next free port when something has it, another container of the same version too. The result does not
 * depend on the order of `requests`. It throws a UserError when the range is full.
 */
export function allocateVersionPorts(
  scope: Scope,
  requests: readonly VersionPortRequest[],
  inUse: ReadonlySet<number>,
): Map<string, number> {
  const taken = new Set(inUse);
  const byName = [...requests].sort((a, b) => (a.service < b.service ? -1 : 1));
  return new Map(
    byName.map((request) => [request.service, take(taken, HOST_PORTS, preferredVersionPort(scope, request))]),
  );
}

function take(taken: Set<number>, range: { first: number; count: number }, preferred: number): number {
  for (let step = 0; step < range.count; step++) {
    const port = range.first + ((preferred - range.first + step) % range.count);
    if (!taken.has(port)) {
      taken.add(port);
      return port;
    }
  }
  throw new UserError(`all ports from ${range.first} to ${range.first + range.count - 1} are taken`);
}
