import { createHash } from 'node:crypto';
import { type Slot, slotIndex } from './copy.ts';
import { UserError } from './errors.ts';
import type { Scope } from './names.ts';

/** Host ports of the slot `base`; see {@link hostPort} for those of the others. */
export const HOST_PORTS = { first: 8000, count: 1000 } as const;
/** Ports that apps connect to at the sidecar. */
export const INTERNAL_PORTS = { first: 5000, count: 1000 } as const;
/** The host port of a slot is that of the slot before it plus this, six times; then it begins anew, a thousand higher. */
export const SLOT_OFFSET = 10_000;
const SLOTS_IN_A_ROW = 6;

/** The two numbers that are allocated to a port of a service once and never move. */
export interface PortNumbers {
  /** 8000-8999: the port of the slot `base` on the server; see {@link hostPort} for the others. */
  host: number;
  /** 5000-5999: where the sidecar serves the port. */
  internal: number;
}

/** Those of the main port of a service, and of its further ones by their names. */
export interface ServicePorts extends PortNumbers {
  extra?: Readonly<Record<string, PortNumbers>>;
}

/** numbersOf returns those of one port: the main one has no name. It throws for a port that has none. */
export function numbersOf(ports: ServicePorts, name?: string): PortNumbers {
  const found = name === undefined ? ports : ports.extra?.[name];
  if (found === undefined) throw new Error(`no numbers were given to the port ${JSON.stringify(name)}`);
  return found;
}

/** allNumbers returns those of all ports of a service. */
export function allNumbers({ host, internal, extra = {} }: ServicePorts): PortNumbers[] {
  return [{ host, internal }, ...Object.values(extra)];
}

/** extraPortsText returns the numbers of further ports as a label has them: `console=5321/8123 metrics=5400/8007`. */
export function extraPortsText(extra: Readonly<Record<string, PortNumbers>>): string {
  return Object.entries(extra)
    .map(([name, { internal, host }]) => `${name}=${internal}/${host}`)
    .join(' ');
}

/** parseExtraPorts is the inverse of extraPortsText; what it cannot read it leaves out. */
export function parseExtraPorts(text = ''): Record<string, PortNumbers> {
  const found = text.matchAll(/([^\s=]+)=(\d+)\/(\d+)/g);
  return Object.fromEntries(
    [...found].map(([, name, internal, host]) => [name, { host: Number(host), internal: Number(internal) }]),
  );
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

/**
 * preferredInternalPort hashes `project/environment/service` into 5000-5999, and `project/environment/service/name` for
 * a further port. No name holds a slash, so no two ports have one text.
 */
export function preferredInternalPort(scope: Scope, service: string, name?: string): number {
  const ending = name === undefined ? '' : `/${name}`;
  return stablePort(`${scope.project}/${scope.environment}/${service}${ending}`, INTERNAL_PORTS);
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

/**
 * hostPort returns the port of a slot for a service whose slot `base` has `base`: 10000 more for each slot, up to `6`, which
 * has 50000 more; ports end at 65535, so `7` has 1000 more, `8` has 11000 more, and so on to 51000. No two slots of any two
 * bases have the same port.
 */
export function hostPort(base: number, slot: Slot): number {
  const index = slotIndex(slot);
  const row = Math.floor(index / SLOTS_IN_A_ROW);
  return base + HOST_PORTS.count * row + SLOT_OFFSET * (index % SLOTS_IN_A_ROW);
}

/** basePort is the inverse of hostPort: it returns the port of the slot `base` for the port of any slot. */
export function basePort(port: number): number {
  return HOST_PORTS.first + ((port - HOST_PORTS.first) % HOST_PORTS.count);
}

/** A service that needs ports. */
export interface PortRequest {
  service: string;
  containerPort: number;
  /** Its further ports, by their names. */
  extra?: Readonly<Record<string, number>>;
}

/** What is known before ports are allocated. */
export interface PortsInUse {
  /** What state or labels say of this environment's services; these never move. */
  recorded: ReadonlyMap<string, ServicePorts>;
  /** Base host ports that other projects or environments, or versions of services, hold on any of the servers. */
  foreignHostPorts: ReadonlySet<number>;
}

/** A service whose next container needs a host port that carries its version. */
export interface VersionPortRequest extends Omit<PortRequest, 'extra'> {
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
  for (const { host, internal } of [...inUse.recorded.values()].flatMap(allNumbers)) {
    hosts.add(host);
    internals.add(internal);
  }
  const give = (service: string, containerPort: number, name?: string): PortNumbers => ({
    host: take(hosts, HOST_PORTS, preferredHostPort(scope, service, containerPort)),
    internal: take(internals, INTERNAL_PORTS, preferredInternalPort(scope, service, name)),
  });
  const byName = [...requests].sort((a, b) => (a.service < b.service ? -1 : 1));
  // Main ports first: a further port of one service never takes the number that another one would have had.
  const mains = byName.map(({ service, containerPort }) => {
    const { host, internal } = inUse.recorded.get(service) ?? give(service, containerPort);
    return { host, internal };
  });
  return new Map(
    byName.map(({ service, extra = {} }, index): [string, ServicePorts] => {
      const recorded = inUse.recorded.get(service)?.extra;
      const others = Object.entries(extra)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, port]) => [name, recorded?.[name] ?? give(service, port, name)] as const);
      return [service, { ...mains[index]!, ...(others.length > 0 && { extra: Object.fromEntries(others) }) }];
    }),
  );
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
