import type { Readable } from 'node:stream';
import type {
  ContainerCreateRequest,
  ContainerInspectResponse,
  ContainerSummary,
  ImageInspect,
  ImageSummary,
  NetworkCreateRequest,
  NetworkInspect,
  NetworkSummary,
  SystemInfo,
  Volume,
} from '@docker/node-sdk';
import type { ArchiveEntry, FileFacts, Files, Modes } from './archive.ts';
import type { RunningCommand } from './running-command.ts';

/** Credentials for one registry, as the Engine API takes them. */
export interface RegistryAuth {
  username?: string;
  password?: string;
  identitytoken?: string;
  serveraddress: string;
}

/** A line of the engine's progress while it pulls. */
export interface PullProgress {
  id?: string;
  status?: string;
  progressDetail?: { current?: number; total?: number };
  error?: string;
}

/** Outcome of a command inside a container. */
export interface ExecResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** LogOptions says which lines of a container are wanted. */
export interface LogOptions {
  /** The last so many of both streams. */
  tail?: number;
  /** Those since a time, in seconds since 1970. */
  since?: number;
  /** Only what it complains of: an access log may be much longer. `tail` counts both streams all the same. */
  stderrOnly?: boolean;
}

/**
 * Engine is the Docker Engine API of one server: one method a call, plain objects in and out.
 * Every method throws an EngineError with the engine's own words when the engine refuses.
 */
export interface Engine {
  /** Number of requests sent so far: a deploy's round trips are counted. */
  readonly requests: number;

  /** guardWith has `guard` asked before every request that may change something; what it throws is thrown instead of sending that. */
  guardWith(guard: () => void): void;

  /** explainWith has `explain` turn what cut a request off into an error for people: who connects knows the server's name. */
  explainWith(explain: (error: unknown) => unknown): void;

  /** info returns what the engine says of itself and its machine. */
  info(signal?: AbortSignal): Promise<SystemInfo>;

  /** ping returns the newest API version that the engine speaks, `1.45`. */
  ping(): Promise<string>;

  /**
   * listContainers returns all containers, stopped ones too; with a filter those that carry its labels (`key` or
   * `key=value`), or were made from an image of these ids or from one that is built on it.
   */
  listContainers(filter?: {
    label?: string[];
    name?: string[];
    ancestor?: string[];
  }): Promise<ContainerSummary[]>;

  /** inspectContainer returns all that the engine knows of a container, by id or name. */
  inspectContainer(id: string): Promise<ContainerInspectResponse>;

  /** findContainer is inspectContainer, with undefined for a container that is not there. */
  findContainer(id: string): Promise<ContainerInspectResponse | undefined>;

  /** createContainer returns the new container's id; the image has to be there for `platform`, that of the server unless given. */
  createContainer(name: string, spec: ContainerCreateRequest, platform?: string): Promise<string>;

  /** startContainer starts a container, and lets a paused one go on; one that runs already is left alone. */
  startContainer(id: string): Promise<void>;

  /** stopContainer sends the stop signal and, after `graceSeconds`, KILL. A stopped or missing container is fine. */
  stopContainer(id: string, graceSeconds: number): Promise<void>;

  /** removeContainer removes a container, running or not; a missing one is fine. Named volumes stay. */
  removeContainer(id: string): Promise<void>;

  /** renameContainer gives a container another name; it runs on undisturbed. */
  renameContainer(id: string, name: string): Promise<void>;

  /** signalContainer sends a signal, `HUP`, to the first process of a container. */
  signalContainer(id: string, signal: string): Promise<void>;

  /** memoryRatio returns how much of its memory a container uses, from 0 to 1: of its limit, or of its server's where it has none. */
  memoryRatio(id: string): Promise<number>;

  /** logs returns what a container has written. */
  logs(id: string, options: LogOptions): Promise<{ stdout: string; stderr: string }>;

  /** exec runs a command inside a running container: three round trips. */
  exec(id: string, command: readonly string[], signal?: AbortSignal): Promise<ExecResult>;

  /**
   * execStream runs a command inside a running container with what `input` has on its stdin, and returns it while it
   * runs. The command itself is not ended by `signal`, since the engine has no call for that: it sees the end of its
   * stdin, and its output goes nowhere.
   */
  execStream(
    id: string,
    command: readonly string[],
    options?: { input?: Readable; signal?: AbortSignal },
  ): Promise<RunningCommand>;

  /** writeFiles writes text files below `folder` of a container, running or not, or of a volume mounted there. */
  writeFiles(id: string, folder: string, files: Files, modes?: Modes): Promise<void>;

  /** writeEntries is writeFiles for bytes, with the mode and the owner of each file and folder. */
  writeEntries(id: string, folder: string, entries: readonly ArchiveEntry[]): Promise<void>;

  /** readFiles returns the text files below `folder` of a container, or the one that it is, by path from its parent. */
  readFiles(id: string, folder: string): Promise<Map<string, string>>;

  /** listFiles returns what there is to know of the files below `folder`, by path from its parent, without what is in them. */
  listFiles(id: string, folder: string): Promise<FileFacts[]>;

  /**
   * writeArchive unpacks a tar archive in `folder` of a container, running or not, or of a volume mounted there; what
   * makes `tar` fail, it throws, and a part may be unpacked by then.
   */
  writeArchive(id: string, folder: string, tar: Readable, signal?: AbortSignal): Promise<void>;

  /** readArchive returns a file or folder of a container as a tar archive, by paths from its parent. */
  readArchive(id: string, path: string, signal?: AbortSignal): Promise<Readable>;

  /** findImage returns an image by name or id, or undefined for one that is not there. */
  findImage(name: string): Promise<ImageInspect | undefined>;

  /** pullImage pulls an image (with a tag or digest in its name) and reports the engine's progress. */
  pullImage(
    name: string,
    options: {
      auth?: RegistryAuth;
      platform?: string;
      onProgress: (progress: PullProgress) => void;
      signal?: AbortSignal;
    },
  ): Promise<void>;

  /** tagImage gives an image, known by name or id, a further name with a tag; whatever had that name before loses it. */
  tagImage(image: string, name: string): Promise<void>;

  /** loadImages takes in the images of a tar archive, as `docker save` writes them or as an OCI layout. */
  loadImages(tar: Readable, signal?: AbortSignal): Promise<void>;

  /** findInRegistry asks the registry of an image (with a tag or digest in its name) for it, from the server, and pulls nothing. */
  findInRegistry(name: string, auth?: RegistryAuth, signal?: AbortSignal): Promise<void>;

  /** listImages returns the images that carry labels (`key` or `key=value`). */
  listImages(label: readonly string[]): Promise<ImageSummary[]>;

  /**
   * removeImage removes an image and its one name; a missing one is fine. The engine refuses where a container uses it
   * or where it has names in several repositories. What it was built on stays.
   */
  removeImage(id: string): Promise<void>;

  /** listNetworks returns the networks that carry labels, without the containers in them. */
  listNetworks(label: readonly string[]): Promise<NetworkSummary[]>;

  /** findNetwork returns a network by name, or undefined for one that is not there. */
  findNetwork(name: string): Promise<NetworkInspect | undefined>;

  /** createNetwork creates a network; one of the same name is fine. */
  createNetwork(spec: NetworkCreateRequest): Promise<void>;

  /** removeNetwork removes a network; a missing one is fine. */
  removeNetwork(name: string): Promise<void>;

  /** joinNetwork attaches a container to a network, where others find it by `aliases` too; one that is attached is fine. */
  joinNetwork(network: string, container: string, aliases?: readonly string[]): Promise<void>;

  /** leaveNetwork detaches a container from a network; one that is not attached is fine. */
  leaveNetwork(network: string, container: string): Promise<void>;

  /**
   * createVolume creates a volume; one of the same name is fine and keeps its labels. It returns the path of its files
   * on the server.
   */
  createVolume(name: string, labels: Record<string, string>): Promise<string>;

  /** hasVolume tells whether there is a volume of this name. */
  hasVolume(name: string): Promise<boolean>;

  /** listUnusedVolumes returns the volumes that carry labels and that no container mounts, running or not. */
  listUnusedVolumes(label: readonly string[]): Promise<Volume[]>;

  /** removeVolume removes a volume; a missing one is fine. */
  removeVolume(name: string): Promise<void>;

  /** close ends all connections. */
  close(): Promise<void>;
}
