import type { EngineFields } from '../../model/container-options.ts';
import { changedOptions } from '../../model/engine-fields.ts';
import { canonicalJson, type EdgePort, type FileSpec, type MountMore } from '../../model/spec.ts';

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
  /** Ports of the server that lead to the container, sorted by them. */
  ports: { address: string; hostPort: number; containerPort: number; protocol?: 'udp' }[];
  restart: { name: string; maximumRetryCount: number };
  logging: { driver: string; options: Record<string, string> };
  resources: { cpus: number; memoryBytes: number; reservedMemoryBytes: number; pids: number };
  networks: string[];
  /** What its options are to the engine. */
  fields: EngineFields;
}

/** A mount that is wanted, with what few mounts say. */
export type WantedVolume = ContainerSettings['volumes'][number] & { more?: MountMore };

/** How a container of ours is to be made: everything, but for the values of its secrets. */
export interface WantedSettings extends Omit<ContainerSettings, 'command' | 'entrypoint' | 'volumes'> {
  /** Undefined leaves it to the image; an empty one is none. */
  command: string[] | undefined;
  entrypoint: string[] | undefined;
  volumes: WantedVolume[];
  files: readonly FileSpec[];
  /** Names of the secrets that become environment variables. */
  secrets: string[];
  /** The labels by which it is found again. */
  ownLabels: Record<string, string>;
  /** The ports that it listens on, as Docker writes them; none of one that takes no traffic. */
  containerPorts: EdgePort[];
  /** Its names on the network. */
  aliases: string[];
  /** Names that it alone has for other containers: `container:alias`. */
  links: string[];
}

/**
 * changedSettings returns, in the words of a release, in what a container differs from how it was made: somebody has
 * changed it, or has made it anew by hand. Names only: a value may be a secret. `defaults` are those of its image;
 * without them what is left to the image is not judged. Pure.
 */
export function changedSettings(
  asked: WantedSettings,
  is: ContainerSettings,
  defaults: ImageDefaults | undefined,
): string[] {
  const isOwnEntry = asked.entrypoint !== undefined && asked.entrypoint.length > 0;
  const entrypoint = asked.entrypoint ?? defaults?.entrypoint;
  // An entrypoint of its own takes the image's command away; for the engine an empty command is none that was given.
  const ownCommand = asked.command ?? [];
  const command = ownCommand.length > 0 || isOwnEntry ? ownCommand : defaults?.command;
  return [
    ...differing('image', asked.image, is.image),
    ...changedVariables(asked, is.environment, defaults),
    ...differing('command', command, is.command),
    ...differing('entrypoint', entrypoint, is.entrypoint),
    ...differing('user', asked.user || undefined, is.user),
    ...differing('working_dir', asked.workingDir || undefined, is.workingDir),
    ...differing('stop_signal', asked.stopSignal || undefined, is.stopSignal),
    ...differingIn('labels', asked.labels, is.labels),
    ...differing(
      'volumes',
      true,
      asked.volumes.every((volume) => hasVolume(is, volume)),
    ),
    ...differing(
      'files',
      true,
      asked.files.every(({ target }) => hasVolume(is, { type: 'bind', source: '', target, readOnly: true })),
    ),
    ...differing('ports', asked.ports, is.ports),
    ...differing('restart', asked.restart, is.restart),
    ...differing('logging.driver', asked.logging.driver, is.logging.driver),
    ...differingIn('logging.options', asked.logging.options, is.logging.options),
    ...changedLimits(asked.resources, is.resources),
    ...changedOptions(asked.fields, is.fields),
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
  { environment: asked, secrets }: WantedSettings,
  is: Record<string, string>,
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
