import { createInterface } from 'node:readline';
import { PassThrough, Readable } from 'node:stream';
import type {
  ContainerCreateRequest,
  ContainerInspectResponse,
  ContainerStatsResponse,
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
import { type Clock, poll, systemClock } from '../model/clock.ts';
import { repositoryOf } from '../model/image-name.ts';
import {
  type ArchiveEntry,
  type FileFacts,
  type Files,
  factsOfFiles,
  type Modes,
  packEntries,
  packFiles,
  unpackFiles,
} from './archive.ts';
import type { Engine, ExecResult, LogOptions, PullProgress, RegistryAuth } from './engine.ts';
import { type Dial, EngineError, EngineHttp, type EngineRequest, isStatus } from './http.ts';
import { demultiplex, isFramed } from './multiplex.ts';
import { type RunningCommand, runningCommand } from './running-command.ts';

/** How often a run looks whether another one has given up the network of the same name, and for how long. */
const NETWORK_POLL_MS = 100;
const NETWORK_POLLS_MS = 10_000;

/** How long a command may go on after its output has ended, and how often it is asked for. */
const EXEC_END_MS = 5_000;
const EXEC_END_POLL_MS = 10;

/** EngineClient asks an engine over connections that `dial` opens. */
export class EngineClient implements Engine {
  readonly #http: EngineHttp;
  readonly #clock: Clock;

  /** `connections` bounds the streams open at once, 16 unless given; those of running commands come on top. */
  constructor(
    dial: Dial,
    { connections = 16, clock = systemClock }: { connections?: number; clock?: Clock } = {},
  ) {
    this.#http = new EngineHttp(dial, connections);
    this.#clock = clock;
  }

  get requests(): number {
    return this.#http.requests;
  }

  guardWith(guard: () => void): void {
    this.#http.guard = guard;
  }

  explainWith(explain: (error: unknown) => unknown): void {
    this.#http.explain = explain;
  }

  info(signal?: AbortSignal): Promise<SystemInfo> {
    return this.#http.json({ method: 'GET', path: ['info'], signal });
  }

  async ping(): Promise<string> {
    const { headers, body } = await this.#http.send({ method: 'GET', path: ['_ping'] });
    await body.dump();
    return String(headers['api-version'] ?? '');
  }

  listContainers(
    filter: { label?: string[]; name?: string[]; ancestor?: string[] } = {},
  ): Promise<ContainerSummary[]> {
    return this.#http.json({
      method: 'GET',
      path: ['containers', 'json'],
      query: { all: true, filters: filter },
    });
  }

  inspectContainer(id: string): Promise<ContainerInspectResponse> {
    return this.#http.json({ method: 'GET', path: ['containers', id, 'json'] });
  }

  findContainer(id: string): Promise<ContainerInspectResponse | undefined> {
    return this.inspectContainer(id).catch(undefinedWhenMissing);
  }

  async createContainer(name: string, spec: ContainerCreateRequest, platform?: string): Promise<string> {
    const { Id } = await this.#http.json<{ Id: string }>({
      method: 'POST',
      path: ['containers', 'create'],
      query: { name, platform },
      body: spec,
    });
    return Id;
  }

  async startContainer(id: string): Promise<void> {
    try {
      await this.#http.json({ method: 'POST', path: ['containers', id, 'start'] });
    } catch (error) {
      if (!(error instanceof EngineError && /paused container/.test(error.message))) throw error;
      await this.#http.json({ method: 'POST', path: ['containers', id, 'unpause'] });
    }
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    await this.#http
      .json({ method: 'POST', path: ['containers', id, 'stop'], query: { t: graceSeconds } })
      .catch(undefinedWhenMissing);
  }

  async removeContainer(id: string): Promise<void> {
    try {
      await this.#http.json({ method: 'DELETE', path: ['containers', id], query: { force: true, v: true } });
    } catch (error) {
      // 409: somebody else is removing it right now.
      if (!isStatus(error, 404, 409)) throw error;
    }
  }

  async renameContainer(id: string, name: string): Promise<void> {
    await this.#http.json({ method: 'POST', path: ['containers', id, 'rename'], query: { name } });
  }

  async signalContainer(id: string, signal: string): Promise<void> {
    await this.#http.json({ method: 'POST', path: ['containers', id, 'kill'], query: { signal } });
  }

  async memoryRatio(id: string): Promise<number> {
    const { memory_stats: memory } = await this.#http.json<ContainerStatsResponse>({
      method: 'GET',
      path: ['containers', id, 'stats'],
      query: { stream: false, 'one-shot': true },
    });
    const { usage, limit, stats } = memory ?? {};
    // What the kernel keeps of files it gives up when somebody needs the room; cgroups of version 1 call it otherwise.
    const files = stats?.inactive_file ?? stats?.total_inactive_file ?? 0;
    return usage && limit ? Math.max(0, usage - files) / limit : 0;
  }

  async logs(
    id: string,
    { tail, since, stderrOnly = false }: LogOptions,
  ): Promise<{ stdout: string; stderr: string }> {
    const query = { stdout: !stderrOnly, stderr: true, tail: tail ?? 'all', since };
    const log = await this.#http.bytes({ method: 'GET', path: ['containers', id, 'logs'], query });
    // What a terminal shows has no frames.
    return isFramed(log) ? demultiplex(log) : { stdout: log.toString(), stderr: '' };
  }

  async exec(id: string, command: readonly string[], signal?: AbortSignal): Promise<ExecResult> {
    const exec = await this.#createExec(id, command, { AttachStdin: false }, signal);
    const output = await this.#http.bytes({
      method: 'POST',
      path: ['exec', exec, 'start'],
      body: { Detach: false, Tty: false },
      signal,
    });
    return { exitCode: await this.#exitCode(exec, signal), ...demultiplex(output) };
  }

  async execStream(
    id: string,
    command: readonly string[],
    { input, signal }: { input?: Readable; signal?: AbortSignal } = {},
  ): Promise<RunningCommand> {
    const exec = await this.#createExec(id, command, { AttachStdin: input !== undefined }, signal);
    const connection = await this.#http.hijack({
      method: 'POST',
      path: ['exec', exec, 'start'],
      body: { Detach: false, Tty: false },
      signal,
    });
    return runningCommand(connection, {
      input,
      signal,
      exitCode: () => this.#exitCode(exec, signal),
      explain: (error) => this.#http.explain(error),
    });
  }

  async #createExec(
    id: string,
    command: readonly string[],
    options: { AttachStdin: boolean },
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const { Id } = await this.#http.json<{ Id: string }>({
      method: 'POST',
      path: ['containers', id, 'exec'],
      body: { Cmd: command, AttachStdout: true, AttachStderr: true, ...options },
      signal,
    });
    return Id;
  }

  /** A command's output may end a moment before the engine has noticed the command's own end. */
  async #exitCode(exec: string, signal: AbortSignal | undefined): Promise<number> {
    const clock = signal === undefined ? this.#clock : this.#clock.endingWith(signal);
    const code = await poll(clock, { everyMs: EXEC_END_POLL_MS, timeoutMs: EXEC_END_MS }, async () => {
      const { ExitCode, Running } = await this.#http.json<{ ExitCode: number | null; Running: boolean }>({
        method: 'GET',
        path: ['exec', exec, 'json'],
        signal,
      });
      return Running ? undefined : (ExitCode ?? undefined);
    });
    if (code === undefined) throw new Error('a command in a container ended its output and does not end');
    return code;
  }

  async writeFiles(id: string, folder: string, files: Files, modes?: Modes): Promise<void> {
    await this.writeArchive(id, folder, Readable.from([await packFiles(files, modes)]));
  }

  async writeEntries(id: string, folder: string, entries: readonly ArchiveEntry[]): Promise<void> {
    await this.writeArchive(id, folder, Readable.from([await packEntries(entries)]));
  }

  async readFiles(id: string, folder: string): Promise<Map<string, string>> {
    return await this.#readWhole(id, folder, unpackFiles);
  }

  async listFiles(id: string, folder: string): Promise<FileFacts[]> {
    return await this.#readWhole(id, folder, factsOfFiles);
  }

  /** What is not there to its end tells nothing: who took it for all would take what is missing for gone. */
  async #readWhole<T>(id: string, folder: string, read: (archive: Buffer) => Promise<T>): Promise<T> {
    const archive = await this.#http.bytes(archiveRequest(id, folder));
    return await read(archive).catch((error) => {
      throw this.#http.explain(error);
    });
  }

  async writeArchive(id: string, folder: string, tar: Readable, signal?: AbortSignal): Promise<void> {
    // Whatever becomes of the request, what made the archive fail stays apart from it.
    const body = tar.pipe(new PassThrough());
    tar.once('error', (error) => body.destroy(error));
    body.once('close', () => tar.destroy());
    try {
      await this.#http.json({
        method: 'PUT',
        path: ['containers', id, 'archive'],
        query: { path: folder },
        body,
        signal,
      });
    } catch (error) {
      throw tar.errored ?? error;
    }
  }

  async readArchive(id: string, path: string, signal?: AbortSignal): Promise<Readable> {
    return await this.#http.stream({ ...archiveRequest(id, path), signal });
  }

  findImage(name: string): Promise<ImageInspect | undefined> {
    return this.#http
      .json<ImageInspect>({ method: 'GET', path: ['images', name, 'json'] })
      .catch(undefinedWhenMissing);
  }

  async pullImage(
    name: string,
    options: {
      auth?: RegistryAuth;
      platform?: string;
      onProgress: (progress: PullProgress) => void;
      signal?: AbortSignal;
    },
  ): Promise<void> {
    const { body } = await this.#http.send({
      method: 'POST',
      path: ['images', 'create'],
      query: { fromImage: name, platform: options.platform },
      signal: options.signal,
      headers: authHeaders(options.auth),
    });
    await readProgress(body, options.onProgress);
  }

  async tagImage(image: string, name: string): Promise<void> {
    const repo = repositoryOf(name);
    const tag = name.slice(repo.length + 1);
    await this.#http.json({ method: 'POST', path: ['images', image, 'tag'], query: { repo, tag } });
  }

  async loadImages(tar: Readable, signal?: AbortSignal): Promise<void> {
    const { body } = await this.#http.send({
      method: 'POST',
      path: ['images', 'load'],
      query: { quiet: true },
      body: tar,
      signal,
    });
    await readProgress(body, () => undefined);
  }

  async findInRegistry(name: string, auth?: RegistryAuth, signal?: AbortSignal): Promise<void> {
    await this.#http.json({
      method: 'GET',
      path: ['distribution', name, 'json'],
      headers: authHeaders(auth),
      signal,
    });
  }

  listImages(label: readonly string[]): Promise<ImageSummary[]> {
    return this.#http.json({ method: 'GET', path: ['images', 'json'], query: { filters: { label } } });
  }

  async removeImage(id: string): Promise<void> {
    await this.#http
      .json({ method: 'DELETE', path: ['images', id], query: { noprune: true } })
      .catch(undefinedWhenMissing);
  }

  listNetworks(label: readonly string[]): Promise<NetworkSummary[]> {
    return this.#http.json({ method: 'GET', path: ['networks'], query: { filters: { label } } });
  }

  findNetwork(name: string): Promise<NetworkInspect | undefined> {
    return this.#http
      .json<NetworkInspect>({ method: 'GET', path: ['networks', name] })
      .catch(undefinedWhenMissing);
  }

  async createNetwork(spec: NetworkCreateRequest): Promise<void> {
    try {
      const body = { CheckDuplicate: true, ...spec };
      const path = ['networks', 'create'];
      const { Id } = await this.#http.json<{ Id: string }>({ method: 'POST', path, body });
      await this.#beOnlyNetwork(spec.Name, Id);
    } catch (error) {
      if (!isStatus(error, 409)) throw error;
    }
  }

  /**
   * An engine looks for the name before it makes a network, and two runs may do so at the same moment; a name that two
   * networks have is good for nothing. All agree which one stays, and each removes its own.
   */
  async #beOnlyNetwork(name: string, id: string): Promise<void> {
    const filters = { name: [name] };
    await poll(this.#clock, { everyMs: NETWORK_POLL_MS, timeoutMs: NETWORK_POLLS_MS }, async () => {
      const all = await this.#http.json<NetworkSummary[]>({
        method: 'GET',
        path: ['networks'],
        query: { filters },
      });
      const [first, ...others] = all.filter(({ Name }) => Name === name).sort(byAge);
      if (others.length === 0) return true;
      if (first?.Id === id) return undefined;
      await this.removeNetwork(id);
      return true;
    });
  }

  async removeNetwork(name: string): Promise<void> {
    await this.#http.json({ method: 'DELETE', path: ['networks', name] }).catch(undefinedWhenMissing);
  }

  async joinNetwork(network: string, container: string, aliases?: readonly string[]): Promise<void> {
    try {
      await this.#http.json({
        method: 'POST',
        path: ['networks', network, 'connect'],
        body: { Container: container, ...(aliases && { EndpointConfig: { Aliases: aliases } }) },
      });
    } catch (error) {
      if (!(error instanceof EngineError && /already exists in network/.test(error.message))) throw error;
    }
  }

  async leaveNetwork(network: string, container: string): Promise<void> {
    try {
      await this.#http.json({
        method: 'POST',
        path: ['networks', network, 'disconnect'],
        body: { Container: container, Force: true },
      });
    } catch (error) {
      if (!isStatus(error, 404) && !(error instanceof EngineError && /not connected/.test(error.message)))
        throw error;
    }
  }

  async createVolume(name: string, labels: Record<string, string>): Promise<string> {
    const { Mountpoint } = await this.#http.json<Volume>({
      method: 'POST',
      path: ['volumes', 'create'],
      body: { Name: name, Labels: labels },
    });
    return Mountpoint;
  }

  async hasVolume(name: string): Promise<boolean> {
    const found = await this.#http
      .json<object>({ method: 'GET', path: ['volumes', name] })
      .catch(undefinedWhenMissing);
    return found !== undefined;
  }

  async listUnusedVolumes(label: readonly string[]): Promise<Volume[]> {
    const { Volumes } = await this.#http.json<VolumeListResponse>({
      method: 'GET',
      path: ['volumes'],
      query: { filters: { label, dangling: ['true'] } },
    });
    return Volumes ?? [];
  }

  async removeVolume(name: string): Promise<void> {
    await this.#http.json({ method: 'DELETE', path: ['volumes', name] }).catch(undefinedWhenMissing);
  }

  async close(): Promise<void> {
    await this.#http.destroy();
  }
}

/** A failed pull is a 200 whose last line says so. */
async function readProgress(body: Readable, onProgress: (progress: PullProgress) => void): Promise<void> {
  for await (const line of createInterface({ input: body })) {
    if (line.trim() === '') continue;
    const progress = JSON.parse(line) as PullProgress;
    if (progress.error !== undefined) throw new EngineError(500, progress.error);
    onProgress(progress);
  }
}

function archiveRequest(id: string, path: string): EngineRequest {
  return { method: 'GET', path: ['containers', id, 'archive'], query: { path } };
}

function authHeaders(auth: RegistryAuth | undefined): Record<string, string> {
  if (auth === undefined) return {};
  // Engines want the padding that base64url leaves away, and forget a login without it, without a word.
  const encoded = Buffer.from(JSON.stringify(auth)).toString('base64');
  return { 'x-registry-auth': encoded.replaceAll('+', '-').replaceAll('/', '_') };
}

function undefinedWhenMissing(error: unknown): undefined {
  if (isStatus(error, 404)) return undefined;
  throw error;
}

/** The older one first; ids decide between networks of the same moment. */
function byAge(one: NetworkSummary, other: NetworkSummary): number {
  const key = ({ Created, Id }: NetworkSummary) => `${Created ?? ''} ${Id ?? ''}`;
  return key(one) < key(other) ? -1 : 1;
}
