import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
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
  VolumeListResponse,
} from '@docker/node-sdk';
import { type Files, type Modes, packFiles, unpackFiles } from './archive.ts';
import { type Dial, EngineError, EngineHttp, isStatus } from './http.ts';
import { demultiplex } from './multiplex.ts';

/** How long a command may go on after its output has ended, and how often it is asked for. */
const EXEC_END_MS = 5_000;
const EXEC_END_POLL_MS = 10;

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

/**
 * Engine is the Docker Engine API of one server: one method a call, plain objects in and out.
 * Every method throws an EngineError with the engine's own words when the engine refuses.
 */
export class Engine {
  readonly http: EngineHttp;

  /** `connections` bounds the streams open at once, 16 unless given. */
  constructor(dial: Dial, connections = 16) {
    this.http = new EngineHttp(dial, connections);
  }

  info(signal?: AbortSignal): Promise<SystemInfo> {
    return this.http.json({ method: 'GET', path: ['info'], signal });
  }

  /** ping returns the newest API version that the engine speaks, `1.45`. */
  async ping(): Promise<string> {
    const { headers, body } = await this.http.send({ method: 'GET', path: ['_ping'] });
    await body.dump();
    return String(headers['api-version'] ?? '');
  }

  /**
   * listContainers returns all containers, stopped ones too, that carry the label `filter` (`key` or `key=value`), or
   * were made from an image of these ids or from one that is built on it.
   */
  listContainers(
    filter: { label?: string[]; name?: string[]; ancestor?: string[] } = {},
  ): Promise<ContainerSummary[]> {
    return this.http.json({
      method: 'GET',
      path: ['containers', 'json'],
      query: { all: true, filters: filter },
    });
  }

  inspectContainer(id: string): Promise<ContainerInspectResponse> {
    return this.http.json({ method: 'GET', path: ['containers', id, 'json'] });
  }

  /** findContainer is inspectContainer, with undefined for a container that is not there. */
  findContainer(id: string): Promise<ContainerInspectResponse | undefined> {
    return this.inspectContainer(id).catch(undefinedWhenMissing);
  }

  /** createContainer returns the new container's id. */
  async createContainer(name: string, spec: ContainerCreateRequest): Promise<string> {
    const { Id } = await this.http.json<{ Id: string }>({
      method: 'POST',
      path: ['containers', 'create'],
      query: { name },
      body: spec,
    });
    return Id;
  }

  /** startContainer starts a container, and lets a paused one go on; one that runs already is left alone. */
  async startContainer(id: string): Promise<void> {
    try {
      await this.http.json({ method: 'POST', path: ['containers', id, 'start'] });
    } catch (error) {
      if (!(error instanceof EngineError && /paused container/.test(error.message))) throw error;
      await this.http.json({ method: 'POST', path: ['containers', id, 'unpause'] });
    }
  }

  /** stopContainer sends the stop signal and, after `graceSeconds`, KILL. A stopped or missing container is fine. */
  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    await this.http
      .json({ method: 'POST', path: ['containers', id, 'stop'], query: { t: graceSeconds } })
      .catch(undefinedWhenMissing);
  }

  /** removeContainer removes a container, running or not; a missing one is fine. Named volumes stay. */
  async removeContainer(id: string): Promise<void> {
    try {
      await this.http.json({ method: 'DELETE', path: ['containers', id], query: { force: true, v: true } });
    } catch (error) {
      // 409: somebody else is removing it right now.
      if (!isStatus(error, 404, 409)) throw error;
    }
  }

  async signalContainer(id: string, signal: string): Promise<void> {
    await this.http.json({ method: 'POST', path: ['containers', id, 'kill'], query: { signal } });
  }

  /** logs returns the last `tail` lines of a container, or those since a time (seconds since 1970). */
  async logs(
    id: string,
    options: { tail?: number; since?: number },
  ): Promise<{ stdout: string; stderr: string }> {
    const query = { stdout: true, stderr: true, tail: options.tail ?? 'all', since: options.since };
    return demultiplex(await this.http.bytes({ method: 'GET', path: ['containers', id, 'logs'], query }));
  }

  /** exec runs a command inside a running container: three round trips. */
  async exec(id: string, command: readonly string[], signal?: AbortSignal): Promise<ExecResult> {
    const exec = await this.http.json<{ Id: string }>({
      method: 'POST',
      path: ['containers', id, 'exec'],
      body: { Cmd: command, AttachStdout: true, AttachStderr: true },
      signal,
    });
    const output = await this.http.bytes({
      method: 'POST',
      path: ['exec', exec.Id, 'start'],
      body: { Detach: false, Tty: false },
      signal,
    });
    return { exitCode: await this.#exitCode(exec.Id, signal), ...demultiplex(output) };
  }

  /** A command's output may end a moment before the engine has noticed the command's own end. */
  async #exitCode(exec: string, signal?: AbortSignal): Promise<number> {
    const giveUpAt = Date.now() + EXEC_END_MS;
    while (true) {
      const { ExitCode, Running } = await this.http.json<{ ExitCode: number | null; Running: boolean }>({
        method: 'GET',
        path: ['exec', exec, 'json'],
        signal,
      });
      if (!Running && ExitCode !== null) return ExitCode;
      if (Date.now() > giveUpAt)
        throw new Error('a command in a container ended its output and does not end');
      await sleep(EXEC_END_POLL_MS, undefined, { signal });
    }
  }

  /** writeFiles writes text files below `folder` of a container, running or not, or of a volume mounted there. */
  async writeFiles(id: string, folder: string, files: Files, modes?: Modes): Promise<void> {
    await this.http.json({
      method: 'PUT',
      path: ['containers', id, 'archive'],
      query: { path: folder },
      body: await packFiles(files, modes),
    });
  }

  /** readFiles returns the text files below `folder` of a container, or the one that it is, by path from its parent. */
  async readFiles(id: string, folder: string): Promise<Map<string, string>> {
    return await unpackFiles(
      await this.http.bytes({ method: 'GET', path: ['containers', id, 'archive'], query: { path: folder } }),
    );
  }

  findImage(name: string): Promise<ImageInspect | undefined> {
    return this.http
      .json<ImageInspect>({ method: 'GET', path: ['images', name, 'json'] })
      .catch(undefinedWhenMissing);
  }

  /** pullImage pulls an image (with a tag or digest in its name) and reports the engine's progress. */
  async pullImage(
    name: string,
    options: { auth?: RegistryAuth; onProgress: (progress: PullProgress) => void; signal?: AbortSignal },
  ): Promise<void> {
    const { body } = await this.http.send({
      method: 'POST',
      path: ['images', 'create'],
      query: { fromImage: name },
      signal: options.signal,
      headers: authHeaders(options.auth),
    });
    for await (const line of createInterface({ input: body })) {
      if (line.trim() === '') continue;
      const progress = JSON.parse(line) as PullProgress;
      // A failed pull is a 200 whose last line says so.
      if (progress.error !== undefined) throw new EngineError(500, progress.error);
      options.onProgress(progress);
    }
  }

  /** findInRegistry asks the registry of an image (with a tag or digest in its name) for it, from the server, and pulls nothing. */
  async findInRegistry(name: string, auth?: RegistryAuth, signal?: AbortSignal): Promise<void> {
    await this.http.json({
      method: 'GET',
      path: ['distribution', name, 'json'],
      headers: authHeaders(auth),
      signal,
    });
  }

  /** listImages returns the images that carry labels (`key` or `key=value`). */
  listImages(label: readonly string[]): Promise<ImageSummary[]> {
    return this.http.json({ method: 'GET', path: ['images', 'json'], query: { filters: { label } } });
  }

  /**
   * removeImage removes an image and its one name; a missing one is fine. The engine refuses where a container uses it
   * or where it has names in several repositories. What it was built on stays.
   */
  async removeImage(id: string): Promise<void> {
    await this.http
      .json({ method: 'DELETE', path: ['images', id], query: { noprune: true } })
      .catch(undefinedWhenMissing);
  }

  /** listNetworks returns the networks that carry labels, without the containers in them. */
  listNetworks(label: readonly string[]): Promise<NetworkSummary[]> {
    return this.http.json({ method: 'GET', path: ['networks'], query: { filters: { label } } });
  }

  findNetwork(name: string): Promise<NetworkInspect | undefined> {
    return this.http
      .json<NetworkInspect>({ method: 'GET', path: ['networks', name] })
      .catch(undefinedWhenMissing);
  }

  /** createNetwork creates a network; one of the same name is fine. */
  async createNetwork(spec: NetworkCreateRequest): Promise<void> {
    try {
      await this.http.json({
        method: 'POST',
        path: ['networks', 'create'],
        body: { CheckDuplicate: true, ...spec },
      });
    } catch (error) {
      if (!isStatus(error, 409)) throw error;
    }
  }

  /** removeNetwork removes a network; a missing one is fine. */
  async removeNetwork(name: string): Promise<void> {
    await this.http.json({ method: 'DELETE', path: ['networks', name] }).catch(undefinedWhenMissing);
  }

  /** joinNetwork attaches a container to a network; one that is attached is fine. */
  async joinNetwork(network: string, container: string): Promise<void> {
    try {
      await this.http.json({
        method: 'POST',
        path: ['networks', network, 'connect'],
        body: { Container: container },
      });
    } catch (error) {
      if (!(error instanceof EngineError && /already exists in network/.test(error.message))) throw error;
    }
  }

  /** leaveNetwork detaches a container from a network; one that is not attached is fine. */
  async leaveNetwork(network: string, container: string): Promise<void> {
    try {
      await this.http.json({
        method: 'POST',
        path: ['networks', network, 'disconnect'],
        body: { Container: container, Force: true },
      });
    } catch (error) {
      if (!isStatus(error, 404) && !(error instanceof EngineError && /not connected/.test(error.message)))
        throw error;
    }
  }

  /** createVolume creates a volume; one of the same name is fine and keeps its labels. */
  async createVolume(name: string, labels: Record<string, string>): Promise<void> {
    await this.http.json({
      method: 'POST',
      path: ['volumes', 'create'],
      body: { Name: name, Labels: labels },
    });
  }

  /** hasVolume tells whether there is a volume of this name. */
  async hasVolume(name: string): Promise<boolean> {
    const found = await this.http
      .json<object>({ method: 'GET', path: ['volumes', name] })
      .catch(undefinedWhenMissing);
    return found !== undefined;
  }

  /** listUnusedVolumes returns the volumes that carry labels and that no container mounts, running or not. */
  async listUnusedVolumes(label: readonly string[]): Promise<Volume[]> {
    const { Volumes } = await this.http.json<VolumeListResponse>({
      method: 'GET',
      path: ['volumes'],
      query: { filters: { label, dangling: ['true'] } },
    });
    return Volumes ?? [];
  }

  /** removeVolume removes a volume; a missing one is fine. */
  async removeVolume(name: string): Promise<void> {
    await this.http.json({ method: 'DELETE', path: ['volumes', name] }).catch(undefinedWhenMissing);
  }

  /** close ends all connections. */
  async close(): Promise<void> {
    await this.http.destroy();
  }
}

function authHeaders(auth: RegistryAuth | undefined): Record<string, string> {
  if (auth === undefined) return {};
  return { 'x-registry-auth': Buffer.from(JSON.stringify(auth)).toString('base64url') };
}

function undefinedWhenMissing(error: unknown): undefined {
  if (isStatus(error, 404)) return undefined;
  throw error;
}
