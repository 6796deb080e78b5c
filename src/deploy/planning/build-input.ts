import type { Copy } from '../../model/copy.ts';
import { allocatePorts, type PortNumbers, type ServicePorts } from '../../model/ports.ts';
import type { EnvironmentState, RecordedPort, Release } from '../../model/release.ts';
import { type EnvironmentSpec, portsOf, type ServiceSpec } from '../../model/spec.ts';
import { checkAdoption } from './adoption-refusals.ts';
import { type CertificateFactsOfRun, NO_CERTIFICATE_FACTS } from './certificate-facts.ts';
import { checkData } from './data-refusals.ts';
import { NONE_SETTLED, type SettledSecrets } from './generated-secrets.ts';
import type { PlanInput } from './input.ts';
import {
  checkDependencies,
  checkDomains,
  checkNarrowing,
  checkPorts,
  type Narrowing,
  selectedOf,
  serversOf,
} from './narrowing.ts';
import type { ObservedServer } from './observed.ts';
import type { Comparison } from './plan.ts';
import { servingCopies, servingRelease } from './routed-copies.ts';
import { heldVersionPorts, versionPortsOf } from './version-ports.ts';
import {
  highestRelease,
  type KeptSecrets,
  type KnownReleases,
  numberRelease,
  type ReleaseSpec,
  secretsVersionOf,
  type UnfinishedHookAnswer,
  type WantedService,
} from './wanted.ts';

/** The releases that the record names, by service. */
export type KnownByService = ReadonlyMap<string, Pick<KnownReleases, 'current' | 'rollout'>>;

/** The releases that a rollback brings back, by service. */
export type Restored = ReadonlyMap<string, Release>;

/** What planning needs, from all who know it. */
export interface Facts {
  wanted: EnvironmentSpec;
  /** The repository that the run is of. */
  repository: string;
  /** Secret values by service and name. */
  secrets: Readonly<Record<string, Record<string, string>>>;
  /** The generated ones among them, where the run uses some. */
  generated?: SettledSecrets;
  /** Those that the servers keep. */
  keptSecrets: KeptSecrets;
  narrowing: Narrowing;
  unfinishedHook?: UnfinishedHookAnswer | undefined;
  observed: readonly ObservedServer[];
  state: EnvironmentState;
  known: KnownByService;
  drainedElsewhere: ReadonlySet<string>;
  /** Set in a rollback: `wanted` and `secrets` are those of these releases. */
  restored?: Restored;
  /** Those of them that connect to others as the releases that run do: their secrets are a set of its own. */
  reconnected?: ReadonlySet<string>;
  /** What is known of certificates, where anybody has asked. */
  certificates?: CertificateFactsOfRun;
  now: Date;
  /** See PlanInput. */
  retainedImages: ReadonlySet<string> | undefined;
}

/**
 * buildInput turns the facts into the planner's input: it gives ports and release numbers, and keeps what the run
 * was not asked to change as its last release says. Pure. It throws a UserError for a narrowing that names what
 * is not there, and for a service whose dependency is neither deployed nor selected.
 */
export function buildInput(facts: Facts): PlanInput {
  const { wanted, narrowing, observed, state } = facts;
  const scope = { project: wanted.project, environment: wanted.environment };
  checkNarrowing(wanted, narrowing);
  const selected = selectedOf(wanted, narrowing);
  checkAdoption(wanted, selected, observed, facts.now);
  checkData(selected, (service) => facts.known.get(service)?.current);
  const isNarrowed = narrowing.services !== undefined || narrowing.zones !== undefined;
  const ports = numbersOfAll(facts);
  const versionPorts = versionPortsOf(facts, ports);
  const services = wanted.services
    .flatMap((spec) => wantedService(facts, spec, ports))
    .map((service) => ({ ...service, versionPort: versionPorts.get(service.name) }));
  checkDependencies(services);
  checkPorts(services, wanted, narrowing);
  checkDomains(services);
  const names = new Set(wanted.services.map(({ name }) => name));
  const standing = observed.flatMap(({ copies, handMade, hooks }) =>
    [...copies, ...handMade, ...hooks].map(({ service }) => service),
  );
  const others = [...new Set([...standing, ...Object.keys(state.services)])]
    .filter((name) => !names.has(name))
    .sort();
  const lastReleases = new Map(
    others.flatMap((name) => {
      const release = facts.known.get(name)?.current;
      return release === undefined ? [] : [[name, release] as const];
    }),
  );
  const kept = isNarrowed ? others.flatMap((name) => keptService(facts, name, ports)) : [];
  return {
    scope,
    repository: facts.repository,
    servers: wanted.servers,
    nginx: wanted.nginx,
    compared: comparisonOf(facts),
    services: [...services, ...kept],
    observed,
    state,
    removes: isNarrowed ? [] : others,
    removesAll: !isNarrowed && wanted.services.length === 0,
    lastReleases,
    reached: serversOf(wanted, narrowing).map(({ name }) => name),
    excluded: new Set(narrowing.excludedServers),
    unfinishedHook: facts.unfinishedHook,
    drainedElsewhere: facts.drainedElsewhere,
    now: facts.now,
    certificates: facts.certificates ?? NO_CERTIFICATE_FACTS,
    generated: facts.generated ?? NONE_SETTLED,
    isSweeping: narrowing.services === undefined,
    retainedImages: facts.retainedImages,
  };
}

/** buildKeptInput returns the input for looking at, or routing to, exactly what is deployed. Pure. */
export function buildKeptInput(facts: Facts): PlanInput {
  return buildInput({ ...facts, generated: NONE_SETTLED, narrowing: { ...facts.narrowing, services: [] } });
}

function comparisonOf({ wanted, narrowing, restored, known }: Facts): Comparison {
  const { services } = narrowing;
  const servers = serversOf(wanted, narrowing).map(({ name }) => name);
  return {
    with: restored !== undefined ? 'releases' : services?.length === 0 ? 'deployed' : 'file',
    services: services?.length === 0 ? undefined : services,
    servers: servers.length === wanted.servers.length ? undefined : servers,
    deployed: Object.fromEntries(
      [...known].flatMap(([name, { current }]) => (current === undefined ? [] : [[name, current.number]])),
    ),
  };
}

function wantedService(
  facts: Facts,
  spec: ServiceSpec,
  numbers: ReadonlyMap<string, ServicePorts>,
): WantedService[] {
  const { narrowing, observed, state } = facts;
  const isSelected = narrowing.services === undefined || narrowing.services.includes(spec.name);
  const known: KnownReleases = {
    current: facts.known.get(spec.name)?.current,
    rollout: facts.known.get(spec.name)?.rollout,
    highest: highestRelease(spec.name, state, observed),
    serving: servingRelease(facts.wanted, observed, spec.name),
  };
  if (!isSelected && known.current === undefined) return [];
  const secrets = facts.secrets[spec.name] ?? {};
  const wanted: ReleaseSpec = isSelected ? spec : known.current!;
  const restored = facts.restored?.get(spec.name);
  const given = state.secrets_versions?.[spec.name] ?? 0;
  const labelled = observed
    .flatMap(({ copies }) => copies.filter(({ service }) => service === spec.name))
    .map((copy) => copy.secretsVersion);
  const isAsItWas = restored !== undefined && !facts.reconnected?.has(spec.name);
  const secretsVersion = () =>
    isAsItWas
      ? restored.secrets_version
      : secretsVersionOf(spec.name, secrets, facts.keptSecrets, known, { given, labelled });
  const release = isSelected ? numberRelease(spec, secretsVersion(), known) : currentNumber(known.current!);
  const { name, dependsOn, placement } = spec;
  const imageId = imageIdOf(wanted.container.image, observed);
  return [
    {
      name,
      spec: wanted,
      dependsOn,
      placement,
      ports: numbers.get(name),
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
  if (current === undefined) return [];
  return [
    {
      name,
      spec: current,
      dependsOn: [],
      placement: recordedPlacement(facts.state, name),
      ports: ports.get(name),
      release: currentNumber(current),
      known: { current, rollout: undefined, highest: current.number, serving: 0 },
      isSelected: false,
    },
  ];
}

/** Where a service stands that the file does not name: as recorded. */
function recordedPlacement({ services }: EnvironmentState, name: string): WantedService['placement'] {
  const serving = (services[name]?.copies ?? []).filter(({ state }) => state === 'serving');
  const servers = Math.max(1, new Set(serving.map(({ server }) => server)).size);
  return { servers, zones: [], replicas: Math.max(1, Math.ceil(serving.length / servers)) };
}

function currentNumber(current: Release) {
  return { number: current.number, isNew: false, secretsVersion: current.secrets_version };
}

/**
 * numbersOfAll returns the ports of all services that are wanted or stand. Recorded ones never move; where the record was
 * lost, the containers' labels still know them. Pure.
 */
export function numbersOfAll(facts: Facts): Map<string, ServicePorts> {
  const { wanted, observed, state } = facts;
  const recorded = new Map<string, ServicePorts>();
  for (const { service, hostPort, internalPort, extraPorts } of observed.flatMap(({ copies }) => copies)) {
    if (!(hostPort > 0 && internalPort > 0)) continue;
    // The old copy may have other ports than the new one.
    const extra = { ...recorded.get(service)?.extra, ...extraPorts };
    recorded.set(service, { host: hostPort, internal: internalPort, extra });
  }
  for (const [name, { host_port: host, internal_port: internal, extra_ports }] of Object.entries(
    state.services,
  )) {
    if (host === undefined || internal === undefined) continue;
    const extra = { ...recorded.get(name)?.extra, ...extraNumbers(extra_ports) };
    recorded.set(name, { host, internal, extra });
  }
  const foreign = observed.flatMap((server) => server.foreignHostPorts);
  const foreignHostPorts = new Set([...foreign, ...heldVersionPorts(facts)]);
  const requests = wanted.services.flatMap((spec) => portRequests(facts, spec));
  const allocated = allocatePorts(wanted, requests, { recorded, foreignHostPorts });
  return new Map([...recorded, ...allocated]);
}

/** The release that runs has its ports until it goes, whatever the file says by now. */
function portRequests({ known }: Facts, spec: ServiceSpec) {
  const current = known.get(spec.name)?.current;
  const [main, ...others] = [spec, ...(current ? [current] : [])].flatMap(portsOf);
  if (main === undefined) return [];
  const extra = others.flatMap(({ name, port }) => (name === undefined ? [] : [[name, port] as const]));
  return [{ service: spec.name, containerPort: main.port, extra: Object.fromEntries(extra) }];
}

function extraNumbers(recorded: Readonly<Record<string, RecordedPort>> = {}): Record<string, PortNumbers> {
  return Object.fromEntries(
    Object.entries(recorded).map(([name, { host_port, internal_port }]) => [
      name,
      { host: host_port, internal: internal_port },
    ]),
  );
}

/** What the rest of a run has to know that leaves servers out in its middle. */
interface Rest extends Pick<PlanInput, 'observed' | 'state'> {
  /** Names of the servers that it leaves out. */
  left: readonly string[];
  /** Where services stand as it was planned. */
  copies: Readonly<Record<string, readonly Copy[]>>;
  /** Ids of containers that the run itself drains. */
  draining: readonly string[];
}

/**
 * buildInputWithout returns the input for the rest of a run that leaves servers out in its middle. Releases keep the
 * numbers they were given; what stands on those servers moves to no other, since it has its data there and they come
 * back; and what left the file stays for the next run, since their nginx may send requests to it. Pure.
 */
export function buildInputWithout(input: PlanInput, rest: Rest): PlanInput {
  const isLeft = (server: string) => rest.left.includes(server);
  const now = { ...input, observed: rest.observed.filter(({ name }) => !isLeft(name)), state: rest.state };
  const reached = input.reached.filter((server) => !isLeft(server));
  const excluded = new Set([...input.excluded, ...rest.left]);
  const serving = (service: string) => servingCopies({ ...now, reached, excluded }, service);
  const zoneOf = (server: string) => input.servers.find(({ name }) => name === server)?.zone;
  return {
    ...input,
    services: input.services.map((service) => {
      const planned = rest.copies[service.name];
      if (planned === undefined) return service;
      const there = planned.filter(({ server }) => !isLeft(server));
      // Where it was to move to in a zone nobody is now: users of that zone have it where it stands.
      const zones = new Set(there.map(({ server }) => zoneOf(server)));
      const stays = serving(service.name).filter(
        ({ server }) => reached.includes(server) && !zones.has(zoneOf(server)),
      );
      if (there.length === 0 && serving(service.name).length > 0) {
        return { ...service, spec: service.known.current ?? service.spec, isSelected: false };
      }
      const servers = new Set([...there, ...stays].map(({ server }) => server)).size;
      return { ...service, placement: { ...service.placement, servers } };
    }),
    observed: now.observed,
    state: rest.state,
    reached,
    removes: [],
    removesAll: false,
    excluded,
    // They are on the servers, and on the record, before anything moves.
    generated: NONE_SETTLED,
    drainedElsewhere: new Set([...input.drainedElsewhere, ...rest.draining]),
  };
}
