import { UserError } from '../../model/errors.ts';
import type { ServicePorts } from '../../model/ports.ts';
import { allocatePorts } from '../../model/ports.ts';
import type { EnvironmentState, Release } from '../../model/release.ts';
import type { EnvironmentSpec, ServerSpec, ServiceSpec } from '../../model/spec.ts';
import { checkAdoption } from './adoption-refusals.ts';
import {
  highestRelease,
  type KnownReleases,
  numberRelease,
  type ReleaseSpec,
  secretsVersionOf,
} from './desired.ts';
import type { ObservedServer } from './observed.ts';
import type { PlanInput, UnfinishedHookAnswer, WantedService } from './plan-input.ts';
import { currentPlacements, hostsWithAdopted, servingRelease } from './spots.ts';
import { heldVersionPorts, versionPortsOf } from './version-ports.ts';

/** What a run was narrowed to; undefined is everything. */
export interface Narrowing {
  services: readonly string[] | undefined;
  zones: readonly string[] | undefined;
  /** Hosts of servers that are left out because they cannot be reached: they get no traffic. */
  excludedServers?: readonly string[] | undefined;
}

/** The releases that the record names, by service. */
export type KnownByService = ReadonlyMap<string, Pick<KnownReleases, 'current' | 'pending'>>;

/** The releases that a rollback brings back, by service. */
export type Restored = ReadonlyMap<string, Release>;

/** What planning needs, from all who know it. */
export interface Facts {
  wanted: EnvironmentSpec;
  /** Secret values by service and name. */
  secrets: Readonly<Record<string, Record<string, string>>>;
  narrowing: Narrowing;
  unfinishedHook?: UnfinishedHookAnswer | undefined;
  observed: readonly ObservedServer[];
  state: EnvironmentState;
  known: KnownByService;
  drainedElsewhere: ReadonlySet<string>;
  /** Set in a rollback: `wanted` and `secrets` are those of these releases. */
  restored?: Restored;
  now: Date;
  /** See PlanInput. */
  retainedImages: ReadonlySet<string> | undefined;
}

/**
 * assemble turns the facts into the planner's input: it gives ports and release numbers, and keeps what the run
 * was not asked to change as its last release says. Pure. It throws a UserError for a narrowing that names what
 * is not there, and for a service whose dependency is neither deployed nor selected.
 */
export function assemble(facts: Facts): PlanInput {
  const { wanted, narrowing, observed, state } = facts;
  const scope = { project: wanted.project, environment: wanted.environment };
  checkNarrowing(wanted, narrowing);
  checkAdoption(wanted, selectedOf(wanted, narrowing), observed);
  const isNarrowed = narrowing.services !== undefined || narrowing.zones !== undefined;
  const ports = portsOf(facts);
  const versionPorts = versionPortsOf(facts, ports);
  const services = wanted.services
    .flatMap((spec) => wantedService(facts, spec, ports.get(spec.name)!))
    .map((service) => ({ ...service, versionPort: versionPorts.get(service.name) }));
  checkDependencies(services);
  checkPorts(services, wanted, narrowing);
  checkDomains(services);
  const names = new Set(wanted.services.map(({ name }) => name));
  const standing = observed.flatMap(({ containers, copies, hooks }) =>
    [...containers, ...copies, ...hooks].map(({ service }) => service),
  );
  const others = [...new Set([...standing, ...Object.keys(state.services)])]
    .filter((name) => !names.has(name))
    .sort();
  const leaving = new Map(
    others.flatMap((name) => {
      const release = facts.known.get(name)?.current;
      return release === undefined ? [] : [[name, release] as const];
    }),
  );
  const kept = isNarrowed ? others.flatMap((name) => keptService(facts, name, ports)) : [];
  return {
    scope,
    servers: wanted.servers,
    nginx: wanted.nginx,
    services: [...services, ...kept],
    observed,
    state,
    removes: isNarrowed ? [] : others,
    isLeaving: !isNarrowed && wanted.services.length === 0,
    keepsActive: false,
    unused: new Set(),
    leaving,
    hosts: serversOf(wanted, narrowing).map(({ host }) => host),
    excluded: new Set(narrowing.excludedServers),
    unfinishedHook: facts.unfinishedHook,
    drainedElsewhere: facts.drainedElsewhere,
    now: facts.now,
    isSweeping: narrowing.services === undefined,
    retainedImages: facts.retainedImages,
  };
}

function selectedOf({ services }: EnvironmentSpec, narrowing: Narrowing): ServiceSpec[] {
  return services.filter(({ name }) => narrowing.services?.includes(name) ?? true);
}

/** serversOf returns the servers that a run talks to. */
export function serversOf(
  { servers }: EnvironmentSpec,
  { zones, excludedServers = [] }: Omit<Narrowing, 'services'>,
): ServerSpec[] {
  return servers.filter(
    ({ host, zone }) => (zones === undefined || zones.includes(zone)) && !excludedServers.includes(host),
  );
}

/** assembleKept returns the input for looking at, or routing to, exactly what is deployed. Pure. */
export function assembleKept(facts: Facts): PlanInput {
  return assemble({ ...facts, narrowing: { ...facts.narrowing, services: [] } });
}

/** What an undo has to know of the run that failed. */
interface Undone extends Pick<PlanInput, 'unused'> {
  /** Services of the level that failed, and of those that are done. */
  failed: readonly string[];
  done: readonly string[];
}

/**
 * assembleUndo returns the input that brings the services of a failed level back to what had the traffic before:
 * undoing is a plan like any other. The levels that are done stay as they are. Pure.
 */
export function assembleUndo(
  input: PlanInput,
  { failed, done, unused }: Undone,
  observed: readonly ObservedServer[],
): PlanInput {
  // The others go back without a server that cannot be asked any more; what nginx knows of it stays as it was.
  const hosts = input.hosts.filter((host) => observed.some((server) => server.host === host));
  const seen = { ...input, observed, hosts };
  const services = input.services.flatMap((service): WantedService[] => {
    const { current } = service.known;
    if (done.includes(service.name)) return [{ ...service, isSelected: false }];
    const isSelected = failed.includes(service.name);
    if (current !== undefined) {
      return [{ ...service, spec: current, release: currentNumber(current), isSelected }];
    }
    // The record may have been lost: what has the traffic keeps it.
    const isServed = isSelected && currentPlacements(seen, service.name).length > 0;
    const isAdopting = isSelected && hostsWithAdopted(seen, service.name).length > 0;
    return isServed || isAdopting ? [{ ...service, isSelected }] : [];
  });
  const names = new Set(services.map(({ name }) => name));
  return {
    ...seen,
    services,
    removes: failed.filter((name) => !names.has(name)),
    isLeaving: false,
    keepsActive: true,
    isSweeping: false,
    unused,
  };
}

/** What the rest of a run has to know that leaves servers out in its middle. */
interface Rest extends Pick<PlanInput, 'observed' | 'state'> {
  /** Hosts that it leaves out. */
  left: readonly string[];
  /** Where services stand as it was planned. */
  standing: Readonly<Record<string, readonly { host: string }[]>>;
  /** Ids of containers that the run itself drains. */
  draining: readonly string[];
}

/**
 * assembleWithout returns the input for the rest of a run that leaves servers out in its middle. Releases keep the
 * numbers they were given; what stands on those servers moves to no other, since it has its data there and they come
 * back; and what left the file stays for the next run, since their nginx may send requests to it. Pure.
 */
export function assembleWithout(input: PlanInput, rest: Rest): PlanInput {
  const isLeft = (host: string) => rest.left.includes(host);
  return {
    ...input,
    services: input.services.map((service) => {
      const planned = rest.standing[service.name];
      if (planned === undefined) return service;
      const servers = planned.filter(({ host }) => !isLeft(host)).length;
      return { ...service, placement: { ...service.placement, servers } };
    }),
    observed: rest.observed.filter(({ host }) => !isLeft(host)),
    state: rest.state,
    hosts: input.hosts.filter((host) => !isLeft(host)),
    removes: [],
    isLeaving: false,
    excluded: new Set([...input.excluded, ...rest.left]),
    drainedElsewhere: new Set([...input.drainedElsewhere, ...rest.draining]),
  };
}

function wantedService(facts: Facts, spec: ServiceSpec, ports: ServicePorts): WantedService[] {
  const { narrowing, observed, state } = facts;
  const isSelected = narrowing.services === undefined || narrowing.services.includes(spec.name);
  const known: KnownReleases = {
    current: facts.known.get(spec.name)?.current,
    pending: facts.known.get(spec.name)?.pending,
    highest: highestRelease(spec.name, state, observed),
    serving: servingRelease(facts.wanted, observed, spec.name),
  };
  if (!isSelected && known.current === undefined) return [];
  const secrets = facts.secrets[spec.name] ?? {};
  const wanted: ReleaseSpec = isSelected ? spec : known.current!;
  const restored = facts.restored?.get(spec.name);
  const given = state.secrets_versions?.[spec.name] ?? 0;
  const secretsVersion = () =>
    restored?.secrets_version ?? secretsVersionOf(spec.name, secrets, observed, known, given);
  const release = isSelected ? numberRelease(spec, secretsVersion(), known) : currentNumber(known.current!);
  const { name, dependsOn, placement } = spec;
  const imageId = imageIdOf(wanted.container.image, observed);
  return [
    {
      name,
      spec: wanted,
      dependsOn,
      placement,
      ports,
      release,
      known,
      isSelected,
      ...(imageId !== undefined && { imageId }),
      ...(restored !== undefined && { restored }),
    },
  ];
}

/** The id that an image has on all servers that have it; undefined where they do not agree, or none has it. */
function imageIdOf(image: string, observed: readonly ObservedServer[]): string | undefined {
  const ids = new Set(observed.flatMap(({ images }) => images.get(image)?.id ?? []));
  return ids.size === 1 ? [...ids][0] : undefined;
}

/** A service that is deployed and that a narrowed run leaves alone, also when the file has forgotten it. */
function keptService(facts: Facts, name: string, ports: ReadonlyMap<string, ServicePorts>): WantedService[] {
  const current = facts.known.get(name)?.current;
  const own = ports.get(name);
  if (current === undefined || own === undefined) return [];
  return [
    {
      name,
      spec: current,
      dependsOn: [],
      placement: { servers: facts.state.services[name]?.servers.length ?? 1, zones: [] },
      ports: own,
      release: currentNumber(current),
      known: { current, pending: undefined, highest: current.number, serving: 0 },
      isSelected: false,
    },
  ];
}

function currentNumber(current: Release) {
  return { number: current.number, isNew: false, secretsVersion: current.secrets_version };
}

/** Recorded ports never move; where the record was lost, the containers' labels still know them. */
function portsOf(facts: Facts): Map<string, ServicePorts> {
  const { wanted, observed, state } = facts;
  const recorded = new Map<string, ServicePorts>();
  for (const { service, hostPort, internalPort } of observed.flatMap(({ containers }) => containers)) {
    if (hostPort > 0 && internalPort > 0) recorded.set(service, { host: hostPort, internal: internalPort });
  }
  for (const [name, { host_port, internal_port }] of Object.entries(state.services)) {
    recorded.set(name, { host: host_port, internal: internal_port });
  }
  const requests = wanted.services.map(({ name, port }) => ({ service: name, containerPort: port }));
  const foreign = observed.flatMap((server) => server.foreignHostPorts);
  const foreignHostPorts = new Set([...foreign, ...heldVersionPorts(facts)]);
  const allocated = allocatePorts(wanted, requests, { recorded, foreignHostPorts });
  return new Map([...recorded, ...allocated]);
}

/** checkNarrowing throws a UserError when a run is narrowed to what is not there, or to nothing. */
export function checkNarrowing(
  wanted: EnvironmentSpec,
  { services, zones, excludedServers }: Narrowing,
): void {
  const known = wanted.services.map(({ name }) => name);
  const unknown = services?.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UserError(`there is no service "${unknown}" in the file`, {
      hint: `The input "service" takes one of ${known.join(', ')} a line.`,
    });
  }
  const allZones = [...new Set(wanted.servers.map(({ zone }) => zone))];
  const unknownZone = zones?.find((zone) => !allZones.includes(zone));
  if (unknownZone !== undefined) {
    throw new UserError(`no server of ${wanted.environment} is in zone "${unknownZone}"`, {
      hint: `The zones are ${allZones.join(', ')}.`,
    });
  }
  checkExcluded(wanted, { zones, excludedServers });
}

function checkExcluded(wanted: EnvironmentSpec, narrowing: Omit<Narrowing, 'services'>): void {
  const hosts = wanted.servers.map(({ host }) => host);
  const unknown = narrowing.excludedServers?.find((host) => !hosts.includes(host));
  if (unknown !== undefined) {
    throw new UserError(`no server of ${wanted.environment} is "${unknown}", so it cannot be excluded`, {
      hint: `The input "exclude-servers" takes one of ${hosts.join(', ')} a line.`,
    });
  }
  if (serversOf(wanted, narrowing).length > 0) return;
  throw new UserError(`no server of ${wanted.environment} is left to work on`, {
    hint: 'The inputs "exclude-servers" and "zones" leave none.',
  });
}

/** A route has one container port: copies that listen on different ones cannot be served together. */
function checkPorts(
  services: readonly WantedService[],
  { servers }: EnvironmentSpec,
  { zones }: Narrowing,
): void {
  if (zones === undefined || servers.every(({ zone }) => zones.includes(zone))) return;
  const moved = services.find(({ isSelected, spec, known: { current } }) => {
    if (!isSelected || current === undefined) return false;
    return spec.port !== current.port || spec.protocol !== current.protocol;
  });
  if (moved === undefined) return;
  throw new UserError(`the port of ${moved.name} changes, and this run is narrowed to some zones`, {
    hint: 'Deploy it to all zones in one run: leave the input "zones" empty.',
  });
}

/** Services that this run leaves alone keep their domains: the file may have given one of them to another by now. */
function checkDomains(services: readonly WantedService[]): void {
  for (const service of services.filter(({ isSelected }) => isSelected)) {
    for (const domain of service.spec.route.domains) {
      const owner = services.find((other) => other !== service && other.spec.route.domains.includes(domain));
      if (owner === undefined) continue;
      throw new UserError(`${service.name} shall serve ${domain}, which ${owner.name} serves now`, {
        hint: `Add "${owner.name}" to the input "service", so that both change in one run.`,
      });
    }
  }
}

function checkDependencies(services: readonly WantedService[]): void {
  const names = new Set(services.map(({ name }) => name));
  for (const service of services.filter(({ isSelected }) => isSelected)) {
    const missing = service.dependsOn.find((name) => !names.has(name));
    if (missing !== undefined) {
      throw new UserError(`${service.name} depends on ${missing}, which is not deployed yet`, {
        hint: `Deploy it first, or in the same run: add "${missing}" to the input "service".`,
      });
    }
  }
}
