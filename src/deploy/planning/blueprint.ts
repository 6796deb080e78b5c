import type { ContainerOptions } from '../../model/container-options.ts';
import { cleanPath } from '../../model/container-path.ts';
import type { Slot } from '../../model/copy.ts';
import { fieldsOf } from '../../model/engine-fields.ts';
import { LABEL } from '../../model/labels.ts';
import {
  containerName,
  type HookName,
  networkName,
  type Scope,
  SIDECAR_ALIAS,
  sidecarName,
  volumeName,
} from '../../model/names.ts';
import { allNumbers, extraPortsText, hostPort, numbersOf, type ServicePorts } from '../../model/ports.ts';
import {
  type ContainerSpec,
  type EdgePort,
  edgePort,
  portsOf,
  type ServerSpec,
  specHash,
  type VolumeMount,
} from '../../model/spec.ts';
import { versionedName } from '../../model/version-name.ts';
import { portKey } from '../../nginx/routes.ts';
import { changedSettings, type WantedSettings } from './container-settings.ts';
import type { PlanInput } from './input.ts';
import { loopbackFile, loopbackPorts } from './loopback.ts';
import type { ObservedCopy } from './observed.ts';
import { observedOn } from './observed-copies.ts';
import { toldFile, toldVariables } from './told-services.ts';
import { ownPorts, type WantedService } from './wanted.ts';

/** Everything that the copies of a service on one server are made from, but for slot, name and the values of secrets. */
export interface Blueprint {
  scope: Scope;
  /** The repository that makes them: no part of the hash, since an environment can be handed over as it is. */
  repository: string;
  service: string;
  container: ContainerSpec;
  /** The main port of the container, and further ones by their names; a worker has none. */
  containerPort: number | undefined;
  extraPorts?: Record<string, number>;
  /** Those of them that speak UDP, by their names; the main one has the empty one. */
  udp?: string[];
  ports: ServicePorts | undefined;
  /** The container's own host port, as the slot `base` would have it, where names and ports carry the version. */
  versionPort?: number | undefined;
  /** The address to publish the host port on; undefined publishes nothing. */
  publishOn: string | undefined;
  /** Internal ports of the services it depends on, by the ends of the variables that say them. */
  dependencies: Record<string, number>;
  secretsVersion: number;
}

/** blueprintOf returns what a service's copies on a server are made from. Pure. */
export function blueprintOf(input: PlanInput, service: WantedService, server: ServerSpec): Blueprint {
  const isAlone = input.servers.filter(({ zone }) => zone === server.zone).length === 1;
  const isVersioned = service.spec.container.naming === 'version';
  return {
    scope: input.scope,
    repository: input.repository,
    service: service.name,
    container: service.spec.container,
    containerPort: service.spec.port,
    ...extraPortsOf(service),
    ...udpOf(service),
    ports: ownPorts(service),
    versionPort: isVersioned ? service.versionPort : undefined,
    publishOn: isAlone ? undefined : server.privateIp,
    dependencies: Object.fromEntries(service.dependsOn.flatMap((name) => addressesOf(input, name))),
    secretsVersion: service.release.secretsVersion,
  };
}

function extraPortsOf({ spec }: WantedService): Pick<Blueprint, 'extraPorts'> {
  const others = portsOf(spec).flatMap(({ name, port }) =>
    name === undefined ? [] : [[name, port] as const],
  );
  return others.length > 0 ? { extraPorts: Object.fromEntries(others) } : {};
}

function udpOf({ spec }: WantedService): Pick<Blueprint, 'udp'> {
  const udp = portsOf(spec).flatMap(({ name = '', protocol }) => (protocol === 'udp' ? [name] : []));
  return udp.length > 0 ? { udp } : {};
}

/** Where the sidecar serves the ports of a service, by their keys; nobody connects to a worker. */
function addressesOf({ services }: PlanInput, service: string): [key: string, port: number][] {
  const found = services.find(({ name }) => name === service);
  const ports = found && ownPorts(found);
  if (found === undefined || ports === undefined) return [];
  return portsOf(found.spec).map((port) => [portKey(service, port), numbersOf(ports, port.name).internal]);
}

/**
 * blueprintHash returns the hash that decides whether a container is what is wanted. It holds no secret: the
 * version of the secret set stands for the values, which could be guessed from a hash. Nor does it hold a port that
 * carries the version: each container of a version has another one.
 */
export function blueprintHash(blueprint: Blueprint): string {
  const { ports, publishOn, repository, versionPort, ...rest } = blueprint;
  const hosts = ports === undefined ? [] : allNumbers(ports).map(({ host }) => host);
  const isPublished = publishOn !== undefined && hosts.length > 0;
  return specHash({ ...rest, published: isPublished ? `${publishOn}:${hosts.join()}` : null });
}

/** settingsOf returns how a copy of a blueprint is to be made. Pure. */
export function settingsOf(
  blueprint: Blueprint,
  { slot, release }: { slot: Slot; release: number },
): WantedSettings {
  const { scope, container, publishOn, dependencies } = blueprint;
  const told = { dependencies, connections: container.connections };
  const loopback = container.isLoopback ? loopbackPorts(dependencies) : undefined;
  const ownFiles = [toldFile(told), loopback && loopbackFile(loopback)].filter((file) => file !== undefined);
  return {
    image: container.image,
    command: container.command,
    entrypoint: container.entrypoint,
    user: container.user ?? '',
    workingDir: container.workingDir === undefined ? '' : cleanPath(container.workingDir),
    stopSignal: container.stopSignal ?? '',
    environment: { ...container.environment, ...toldVariables(told) },
    secrets: container.secrets,
    labels: container.labels,
    ownLabels: ownLabels(blueprint, slot, release),
    volumes: container.volumes.map((volume) => ({
      type: volume.type,
      source: cleanPath(sourceOf(scope, volume) ?? ''),
      target: cleanPath(volume.target),
      readOnly: volume.readOnly,
      ...(volume.more && { more: volume.more }),
    })),
    files: [...(container.files ?? []), ...ownFiles],
    containerPorts:
      loopback?.map(({ containerPort }) => edgePort(containerPort, 'tcp')) ?? containerPortsOf(blueprint),
    ports:
      loopback ??
      (publishOn === undefined
        ? []
        : hostPortsOf(blueprint, slot).map((one) => ({ address: publishOn, ...one }))),
    restart: { name: container.restart.name, maximumRetryCount: container.restart.maximumRetryCount ?? 0 },
    logging: container.logging,
    resources: {
      cpus: Math.round((container.resources.cpus ?? 0) * 1e9),
      memoryBytes: container.resources.memoryBytes ?? 0,
      reservedMemoryBytes: container.resources.reservedMemoryBytes ?? 0,
      pids: container.resources.pids ?? 0,
    },
    networks: [networkName(scope)],
    fields: fieldsOf(container.options ?? {}),
    aliases: aliasesOf(blueprint, slot),
    // While an older nginx has the same alias on the network, a container's own word for it is ours.
    links: [`${sidecarName(scope)}:${SIDECAR_ALIAS}`],
  };
}

/**
 * hookSettings returns how the container of a hook is to be made: like those of the service, but it takes no traffic,
 * ends, and may write to no volume, since the old copy may be writing there. Pure.
 */
export function hookSettings(
  blueprint: Blueprint,
  { hook, command, release }: { hook: HookName; command: string[]; release: number },
): WantedSettings {
  const { scope, repository, service, container } = blueprint;
  const settings = settingsOf(blueprint, { slot: 'base', release });
  return {
    ...settings,
    command,
    ownLabels: {
      [LABEL.role]: 'hook',
      [LABEL.project]: scope.project,
      [LABEL.environment]: scope.environment,
      [LABEL.repository]: repository,
      [LABEL.service]: service,
      [LABEL.hook]: hook,
      [LABEL.release]: String(release),
      [LABEL.version]: container.image,
    },
    containerPorts: [],
    ports: [],
    restart: { name: 'no', maximumRetryCount: 0 },
    // What nobody else sees can be written.
    volumes: settings.volumes.map((volume) => ({ ...volume, readOnly: volume.source !== '' })),
    // Nobody is at its terminal, and nobody looks for it from outside.
    fields: fieldsOf(withoutTerminal(container.options ?? {})),
    // Not the service's alias: whoever asks the network for the service must not find this.
    aliases: [],
  };
}

function withoutTerminal({ tty, stdin_open, expose, ...options }: ContainerOptions): ContainerOptions {
  return options;
}

/**
 * changedByHand returns in what a copy differs from what its labels say that it was made from (see changedSettings).
 * Where they say that another blueprint made it, nothing can be told. Pure.
 */
export function changedByHand(
  input: PlanInput,
  service: WantedService,
  server: ServerSpec,
  { hash, slot, release, settings, imageId, versionPort }: ObservedCopy,
): string[] {
  // Each container of a version has a port of its own, which the hash leaves out.
  const blueprint = { ...blueprintOf(input, service, server), versionPort };
  if (settings === undefined || hash !== blueprintHash(blueprint)) return [];
  const image = observedOn(input, server.name).images.get(blueprint.container.image);
  const defaults = image?.id === imageId ? image.defaults : undefined;
  return changedSettings(settingsOf(blueprint, { slot, release }), settings, defaults);
}

/** nameOf returns the name of a new container: by its slot, or by its version. `taken` are the names there are. Pure. */
export function nameOf(
  { scope, service, container }: Pick<Blueprint, 'scope' | 'service' | 'container'>,
  slot: Slot,
  taken: ReadonlySet<string>,
  now: Date,
): string {
  if (container.naming !== 'version') return containerName(scope, service, slot);
  return versionedName(scope, service, container.image, taken, now);
}

/** sourceOf returns a volume's name on the server, or the path of a directory there; undefined for scratch space. */
export function sourceOf(scope: Scope, { type, source, external }: VolumeMount): string | undefined {
  return type === 'volume' && source && !external ? volumeName(scope, source) : source;
}

function containerPortsOf({ containerPort, extraPorts = {}, udp = [] }: Blueprint): EdgePort[] {
  if (containerPort === undefined) return [];
  return Object.entries({ '': containerPort, ...extraPorts }).map(([name, port]) =>
    edgePort(port, udp.includes(name) ? 'udp' : 'tcp'),
  );
}

/**
 * A container with a port of its own has its slot's too: that one is known before the container is, and is where old
 * workers of other servers' nginx send what they still hold when the old container has gone.
 */
function hostPortsOf(
  { ports, containerPort, extraPorts = {}, versionPort, udp = [] }: Blueprint,
  slot: Slot,
): { hostPort: number; containerPort: number; protocol?: 'udp' }[] {
  const spoken = (name: string) => (udp.includes(name) ? { protocol: 'udp' as const } : {});
  if (ports === undefined || containerPort === undefined) return [];
  const bases = versionPort === undefined ? [ports.host] : [ports.host, versionPort];
  const others = Object.entries(extraPorts).map(([name, port]) => ({
    base: numbersOf(ports, name).host,
    containerPort: port,
    ...spoken(name),
  }));
  return [...bases.map((base) => ({ base, containerPort, ...spoken('') })), ...others]
    .map(({ base, ...port }) => ({ hostPort: hostPort(base, slot), ...port }))
    .sort((a, b) => a.hostPort - b.hostPort);
}

/** nginx finds a copy by the name of its slot: a container that is called by its version has it as an alias. */
function aliasesOf({ scope, service, container }: Blueprint, slot: Slot): string[] {
  return container.naming === 'version' ? [service, containerName(scope, service, slot)] : [service];
}

function ownLabels(blueprint: Blueprint, slot: Slot, release: number): Record<string, string> {
  const { scope, repository, service, container, ports, versionPort, secretsVersion } = blueprint;
  return {
    [LABEL.role]: 'service',
    [LABEL.project]: scope.project,
    [LABEL.environment]: scope.environment,
    [LABEL.repository]: repository,
    [LABEL.service]: service,
    [LABEL.release]: String(release),
    [LABEL.version]: container.image,
    [LABEL.slot]: slot,
    ...(ports !== undefined && {
      [LABEL.hostPort]: String(ports.host),
      [LABEL.internalPort]: String(ports.internal),
    }),
    ...(ports?.extra !== undefined && { [LABEL.extraPorts]: extraPortsText(ports.extra) }),
    ...(versionPort !== undefined && { [LABEL.versionPort]: String(versionPort) }),
    [LABEL.containerHash]: blueprintHash(blueprint),
    [LABEL.secretsVersion]: String(secretsVersion),
  };
}
