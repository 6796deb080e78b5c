import { posix } from 'node:path';
import type { ContainerCreateRequest, ContainerInspectResponse, HostConfig } from '@docker/node-sdk';
import type { Side } from '../../model/side.ts';
import { canonicalJson } from '../../model/spec.ts';
import { type Blueprint, containerRequest } from './container.ts';

/** What an image gives to its containers where they say nothing themselves. */
export interface ImageDefaults {
  environment: Record<string, string>;
  command: string[];
  entrypoint: string[];
}

/** How a container is made, as far as a service of the file can say it; empty where it says nothing. */
export interface ContainerSettings extends ImageDefaults {
  image: string;
  user: string;
  workingDir: string;
  stopSignal: string;
  labels: Record<string, string>;
  volumes: { type: string; source: string; target: string; readOnly: boolean }[];
  /** `10.0.0.2:8123->3000/tcp`, sorted. */
  ports: string[];
  restart: string;
  logging: { driver: string; options: Record<string, string> };
  resources: { cpus: number; memoryBytes: number; reservedMemoryBytes: number; pids: number };
  networks: string[];
}

/** settingsOf returns how a container that was found is made, by what the engine says of it. */
export function settingsOf({
  Config,
  HostConfig,
  Mounts,
  NetworkSettings,
}: ContainerInspectResponse): ContainerSettings {
  const volumes = (Mounts ?? []).map(({ Type, Name, Source, Destination, RW }) =>
    volumeOf({ type: Type, source: Type === 'volume' ? Name : Source, target: Destination, readOnly: !RW }),
  );
  return {
    ...made(Config ?? {}, HostConfig ?? {}),
    volumes,
    networks: Object.keys(NetworkSettings?.Networks ?? {}),
  };
}

/** settingsAsked returns how a container is made that the engine is asked for. */
export function settingsAsked(request: ContainerCreateRequest): ContainerSettings {
  const volumes = (request.HostConfig?.Mounts ?? []).map(({ Type, Source, Target, ReadOnly }) =>
    volumeOf({ type: Type, source: Source, target: Target, readOnly: ReadOnly === true }),
  );
  const networks = Object.keys(request.NetworkingConfig?.EndpointsConfig ?? {});
  return { ...made(request, request.HostConfig ?? {}), volumes, networks };
}

/** defaultsOf returns what an image gives to its containers, by the part `Config` of what the engine says of it. */
export function defaultsOf(config: Partial<ContainerCreateRequest>): ImageDefaults {
  return {
    environment: Object.fromEntries(
      (config.Env ?? []).map((pair) => {
        const at = pair.indexOf('=');
        return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
      }),
    ),
    command: config.Cmd ?? [],
    entrypoint: config.Entrypoint ?? [],
  };
}

/**
 * changedSettings returns, in the words of a release, in what a container differs from the blueprint that its labels
 * name: somebody has changed it, or has made it anew by hand. Names only: a value may be a secret. `defaults` are those
 * of its image; without them what the blueprint leaves to the image is not judged. Pure.
 */
export function changedSettings(
  blueprint: Blueprint,
  side: Side,
  is: ContainerSettings,
  defaults: ImageDefaults | undefined,
): string[] {
  // The release is in labels only, and the version of the secrets stands for their values.
  const asked = settingsAsked(containerRequest(blueprint, { side, release: 0, secrets: {} }));
  const { secrets, labels } = blueprint.container;
  const isOwnEntry = asked.entrypoint.length > 0;
  const entrypoint = isOwnEntry ? asked.entrypoint : defaults?.entrypoint;
  // An entrypoint of its own takes the image's command away.
  const command = asked.command.length > 0 || isOwnEntry ? asked.command : defaults?.command;
  return [
    ...differing('image', asked.image, is.image),
    ...changedVariables(asked.environment, is.environment, secrets, defaults),
    ...differing('command', command, is.command),
    ...differing('entrypoint', entrypoint, is.entrypoint),
    ...differing('user', asked.user || undefined, is.user),
    ...differing('working_dir', asked.workingDir || undefined, is.workingDir),
    ...differing('stop_signal', asked.stopSignal || undefined, is.stopSignal),
    ...differingIn('labels', labels, is.labels),
    ...differing(
      'volumes',
      true,
      asked.volumes.every((volume) => hasVolume(is, volume)),
    ),
    ...differing('ports', asked.ports, is.ports),
    ...differing('restart', asked.restart, is.restart),
    ...differing('logging.driver', asked.logging.driver, is.logging.driver),
    ...differingIn('logging.options', asked.logging.options, is.logging.options),
    ...changedLimits(asked.resources, is.resources),
    ...differing(
      'networks',
      true,
      asked.networks.every((network) => is.networks.includes(network)),
    ),
  ];
}

/** Undefined leaves it open. */
function differing<T>(name: string, asked: T | undefined, is: T): string[] {
  return asked === undefined || canonicalJson(asked) === canonicalJson(is) ? [] : [name];
}

/** What is there beside that comes from the image or from the engine's own settings. */
function differingIn(path: string, asked: Record<string, string>, is: Record<string, string>): string[] {
  return Object.entries(asked).flatMap(([name, value]) => differing(`${path}.${name}`, value, is[name]));
}

function changedVariables(
  asked: Record<string, string>,
  is: Record<string, string>,
  secrets: readonly string[],
  defaults: ImageDefaults | undefined,
): string[] {
  const names = new Set([...Object.keys(asked), ...(defaults === undefined ? [] : Object.keys(is))]);
  return [...names]
    .filter((name) => !secrets.includes(name))
    .filter((name) => is[name] !== (asked[name] ?? defaults?.environment[name]))
    .map((name) => `environment.${name}`);
}

function hasVolume(
  { volumes }: ContainerSettings,
  { type, source, target, readOnly }: ContainerSettings['volumes'][number],
): boolean {
  const found = volumes.find((volume) => volume.target === target);
  const isSource = source === '' || found?.source === source;
  return found?.type === type && isSource && found.readOnly === readOnly;
}

/** An engine whose kernel cannot keep a limit drops it with a warning: then no new container would have it either. */
function changedLimits(asked: ContainerSettings['resources'], is: ContainerSettings['resources']): string[] {
  const limits = [
    ['cpus', asked.cpus, is.cpus],
    ['memory_bytes', asked.memoryBytes, is.memoryBytes],
    ['reserved_memory_bytes', asked.reservedMemoryBytes, is.reservedMemoryBytes],
    ['pids', asked.pids, is.pids],
  ] as const;
  return limits.filter(([, wanted, has]) => has > 0 && has !== wanted).map(([name]) => `resources.${name}`);
}

function made(config: Partial<ContainerCreateRequest>, host: HostConfig) {
  const { Name = '', MaximumRetryCount = 0 } = host.RestartPolicy ?? {};
  return {
    ...defaultsOf(config),
    image: config.Image ?? '',
    user: config.User ?? '',
    workingDir: config.WorkingDir ? cleanPath(config.WorkingDir) : '',
    stopSignal: config.StopSignal ?? '',
    labels: config.Labels ?? {},
    ports: Object.entries(host.PortBindings ?? {})
      .flatMap(([port, bindings]) =>
        (bindings ?? []).map(({ HostIp = '', HostPort = '' }) => `${HostIp}:${HostPort}->${port}`),
      )
      .sort(),
    restart: Name === 'on-failure' ? `${Name}:${MaximumRetryCount}` : Name || 'no',
    logging: { driver: host.LogConfig?.Type ?? '', options: host.LogConfig?.Config ?? {} },
    resources: {
      cpus: host.NanoCpus ?? 0,
      memoryBytes: host.Memory ?? 0,
      reservedMemoryBytes: host.MemoryReservation ?? 0,
      pids: host.PidsLimit ?? 0,
    },
  };
}

function volumeOf(mount: {
  type: string | undefined;
  source: string | undefined;
  target: string | undefined;
  readOnly: boolean;
}): ContainerSettings['volumes'][number] {
  const { type = '', source = '', target = '', readOnly } = mount;
  return { type, source: type === 'bind' ? cleanPath(source) : source, target: cleanPath(target), readOnly };
}

/** The engine keeps paths without doubled slashes and without one at the end. */
function cleanPath(path: string): string {
  return posix.normalize(path).replace(/(?<=.)\/$/, '');
}
