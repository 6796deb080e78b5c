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
  Volume as VolumeAnswer,
} from '@docker/node-sdk';
import type { ArchiveEntry } from '../../../src/docker/archive.ts';
import type {
  Engine,
  ExecResult,
  LogOptions,
  PullProgress,
  RegistryAuth,
} from '../../../src/docker/engine.ts';
import { EngineError, isStatus } from '../../../src/docker/http.ts';
import {
  imageAnswer,
  imageSummary,
  inspectAnswer,
  networkAnswer,
  networkSummary,
  summaryAnswer,
  volumeAnswer,
} from './answers.ts';
import type { Container } from './container.ts';
import { isTold, type Tunnel } from './faults.ts';
import type { Machine } from './machine.ts';

/** How long an engine takes for what it is asked, in ms; a stop takes as long as the app does. */
const TAKES_MS = { look: 2, change: 4, start: 40, exec: 10, pull: 300 };
const API_VERSION = '1.45';

/** SimulatedEngine is the engine of a machine as one run reaches it, with the words that real engines use. */
export class SimulatedEngine implements Engine {
  readonly #machine: Machine;
  readonly #tunnel: Tunnel;
  #guard: () => void = () => undefined;
  #explain: (error: unknown) => unknown = (error) => error;
  requests = 0;

  constructor(machine: Machine, tunnel: Tunnel) {
    this.#machine = machine;
    this.#tunnel = tunnel;
  }

  guardWith(guard: () => void): void {
    this.#guard = guard;
  }

  explainWith(explain: (error: unknown) => unknown): void {
    this.#explain = explain;
  }

  async info(signal?: AbortSignal): Promise<SystemInfo> {
    return await this.#look('info', () => this.#info(), signal);
  }

  #info(): SystemInfo {
    const { engineVersion, memoryBytes } = this.#machine;
    return {
      DockerRootDir: '/var/lib/docker',
      MemTotal: memoryBytes,
      ServerVersion: engineVersion,
      SystemTime: this.#tell(this.#machine.now()),
    } as SystemInfo;
  }

  async ping(): Promise<string> {
    return await this.#look('_ping', () => API_VERSION);
  }

  async listContainers(
    filter: { label?: string[]; name?: string[]; ancestor?: string[] } = {},
  ): Promise<ContainerSummary[]> {
    return await this.#look('containers/json', () =>
      [...this.#machine.containers.values()]
        .filter((container) => matches(container, filter))
        .reverse()
        .map((container) => summaryAnswer(container, this.#machine.images)),
    );
  }

  async inspectContainer(id: string): Promise<ContainerInspectResponse> {
    return await this.#look(`containers/${this.#nameOf(id)}/json`, () =>
      inspectAnswer(this.#machine.need(id), this.#tell),
    );
  }

  async memoryRatio(id: string): Promise<number> {
    return await this.#look(`containers/${this.#nameOf(id)}/stats`, () => {
      const { behaviour } = this.#machine.need(id).image;
      return (behaviour.runs === 'app' ? behaviour.app.memoryRatio : undefined) ?? 0.1;
    });
  }

  async findContainer(id: string): Promise<ContainerInspectResponse | undefined> {
    return await this.inspectContainer(id).catch(undefinedWhenMissing);
  }

  async createContainer(name: string, spec: ContainerCreateRequest): Promise<string> {
    return await this.#change(`POST containers/create ${name}`, () => this.#machine.create(name, spec).id);
  }

  async startContainer(id: string): Promise<void> {
    const facts = { takesMs: TAKES_MS.start };
    try {
      await this.#on(id, 'start', (container) => this.#machine.start(container), facts);
    } catch (error) {
      if (!(error instanceof EngineError && /paused container/.test(error.message))) throw error;
      await this.#on(id, 'unpause', (container) => this.#machine.unpause(container));
    }
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    await this.#on(id, 'stop', (container) => this.#machine.stop(container, graceSeconds * 1_000)).catch(
      undefinedWhenMissing,
    );
  }

  async removeContainer(id: string): Promise<void> {
    try {
      await this.#change(`DELETE containers/${this.#nameOf(id)}`, () =>
        this.#machine.remove(this.#machine.need(id)),
      );
    } catch (error) {
      if (!isStatus(error, 404, 409)) throw error;
    }
  }

  async renameContainer(id: string, name: string): Promise<void> {
    await this.#on(id, 'rename', (container) => this.#machine.rename(container, name));
  }

  async signalContainer(id: string, signal: string): Promise<void> {
    await this.#change(`POST containers/${this.#nameOf(id)}/kill ${signal}`, () => {
      const container = this.#machine.find(id);
      if (container === undefined)
        throw new EngineError(404, `cannot kill container: ${id}: No such container: ${id}`);
      this.#machine.signal(container, signal);
    });
  }

  async logs(
    id: string,
    { tail, since, stderrOnly = false }: LogOptions,
  ): Promise<{ stdout: string; stderr: string }> {
    return await this.#look(`containers/${this.#nameOf(id)}/logs`, () => {
      const said = this.#machine.need(id).log({
        ...(tail !== undefined && { tail }),
        ...(since !== undefined && { since: since * 1_000 - this.#machine.aheadMs }),
      });
      return stderrOnly ? { ...said, stdout: '' } : said;
    });
  }

  async exec(id: string, command: readonly string[], signal?: AbortSignal): Promise<ExecResult> {
    return await this.#on(id, `exec ${command.join(' ')}`, (container) => exec(container, id, command), {
      takesMs: TAKES_MS.exec,
      signal,
    });
  }

  execStream(): never {
    throw new Error('the model of the engine has no streams of commands yet');
  }

  async writeFiles(id: string, folder: string, files: ReadonlyMap<string, string>): Promise<void> {
    await this.#change(`PUT containers/${this.#nameOf(id)}/archive`, () => {
      const container = this.#machine.need(id);
      if (container.list(folder) === undefined) throw noFile(folder, id);
      for (const [path, content] of files) container.writeFile(`${folder}/${path}`, content);
    });
  }

  async writeEntries(id: string, folder: string, entries: readonly ArchiveEntry[]): Promise<void> {
    await this.#change(`PUT containers/${this.#nameOf(id)}/archive`, () => {
      const container = this.#machine.need(id);
      if (container.list(folder) === undefined) throw noFile(folder, id);
      for (const { path, content } of entries)
        if (content !== undefined) container.writeFile(`${folder}/${path}`, content.toString());
    });
  }

  async readFiles(id: string, folder: string): Promise<Map<string, string>> {
    return await this.#look(`containers/${this.#nameOf(id)}/archive`, () => {
      const found = this.#machine.need(id).list(folder.replace(/(?<=.)\/$/, ''));
      if (found === undefined) throw noFile(folder, id);
      return found;
    });
  }

  listFiles(): never {
    throw new Error('the model of the engine knows no times of files');
  }

  writeArchive(): never {
    throw new Error('the model of the engine knows no archives, only files');
  }

  readArchive(): never {
    throw new Error('the model of the engine knows no archives, only files');
  }

  async findImage(name: string): Promise<ImageInspect | undefined> {
    const { images } = this.#machine;
    return await this.#look(`images/${name}/json`, () => {
      const image = images.find(name);
      return image && imageAnswer(image, images, this.#tell);
    });
  }

  async pullImage(
    name: string,
    {
      onProgress,
      signal,
    }: { auth?: RegistryAuth; onProgress: (progress: PullProgress) => void; signal?: AbortSignal },
  ): Promise<void> {
    const pull = () => {
      this.#machine.pullImage(name);
      onProgress({ status: 'Pull complete', id: 'layer' });
    };
    await this.#change(`POST images/create ${name}`, pull, { takesMs: TAKES_MS.pull, signal });
  }

  async tagImage(image: string, name: string): Promise<void> {
    await this.#change(`POST images/${image}/tag ${name}`, () => this.#machine.tagImage(image, name));
  }

  loadImages(): never {
    throw new Error('the model of the engine knows no archives of images');
  }

  async findInRegistry(name: string, _auth?: RegistryAuth, signal?: AbortSignal): Promise<void> {
    await this.#look(
      `distribution/${name}/json`,
      () => {
        this.#machine.simulation.registry.pull(name);
      },
      signal,
    );
  }

  async listImages(label: readonly string[]): Promise<ImageSummary[]> {
    const { images } = this.#machine;
    return await this.#look('images/json', () =>
      images
        .all()
        .filter(({ labels }) => hasLabels(labels, label))
        .map((image) => imageSummary(image, images)),
    );
  }

  async removeImage(id: string): Promise<void> {
    await this.#change(`DELETE images/${id}`, () => this.#machine.removeImage(id)).catch(
      undefinedWhenMissing,
    );
  }

  async listNetworks(label: readonly string[]): Promise<NetworkSummary[]> {
    return await this.#look('networks', () =>
      [...this.#machine.networks.values()]
        .filter(({ labels }) => hasLabels(labels, label))
        .map((network) => networkSummary(network, this.#tell)),
    );
  }

  async findNetwork(name: string): Promise<NetworkInspect | undefined> {
    return await this.#look(`networks/${name}`, () => {
      const network = this.#machine.findNetwork(name);
      return network && networkAnswer(network, this.#tell);
    });
  }

  async createNetwork(spec: NetworkCreateRequest): Promise<void> {
    try {
      await this.#change(`POST networks/create ${spec.Name}`, () => this.#machine.createNetwork(spec));
    } catch (error) {
      if (!isStatus(error, 409)) throw error;
    }
  }

  async removeNetwork(name: string): Promise<void> {
    await this.#change(`DELETE networks/${name}`, () => this.#machine.removeNetwork(name)).catch(
      undefinedWhenMissing,
    );
  }

  async joinNetwork(network: string, container: string, aliases?: readonly string[]): Promise<void> {
    try {
      await this.#change(`POST networks/${network}/connect ${this.#nameOf(container)}`, () =>
        this.#machine.join(network, this.#machine.need(container), aliases),
      );
    } catch (error) {
      if (!(error instanceof EngineError && /already exists in network/.test(error.message))) throw error;
    }
  }

  async leaveNetwork(network: string, container: string): Promise<void> {
    const leave = () => {
      const found = this.#machine.find(container);
      if (found === undefined) throw new EngineError(404, `endpoint ${container} not found`);
      this.#machine.leave(network, found);
    };
    try {
      await this.#change(`POST networks/${network}/disconnect ${this.#nameOf(container)}`, leave);
    } catch (error) {
      if (!isStatus(error, 404) && !(error instanceof EngineError && /not connected/.test(error.message)))
        throw error;
    }
  }

  async createVolume(name: string, labels: Record<string, string>): Promise<string> {
    return await this.#change(
      `POST volumes/create ${name}`,
      () => this.#machine.createVolume(name, labels).mountpoint,
    );
  }

  async hasVolume(name: string): Promise<boolean> {
    return await this.#look(`volumes/${name}`, () => this.#machine.volumes.has(name));
  }

  async listUnusedVolumes(label: readonly string[]): Promise<VolumeAnswer[]> {
    return await this.#look('volumes', () =>
      [...this.#machine.volumes.values()]
        .filter((volume) => hasLabels(volume.labels, label) && this.#machine.mountersOf(volume).length === 0)
        .map((volume) => volumeAnswer(volume, this.#tell)),
    );
  }

  async removeVolume(name: string): Promise<void> {
    await this.#change(`DELETE volumes/${name}`, () => this.#machine.removeVolume(name)).catch(
      undefinedWhenMissing,
    );
  }

  async close(): Promise<void> {
    this.#tunnel.close();
  }

  readonly #tell = (at: number): string => new Date(at + this.#machine.aheadMs).toISOString();

  /** Names are kinder to readers than ids. */
  #nameOf(reference: string): string {
    return this.#machine.find(reference)?.name ?? reference;
  }

  async #on<T>(
    id: string,
    what: string,
    work: (container: Container) => T | Promise<T>,
    facts: { takesMs?: number; signal?: AbortSignal | undefined } = {},
  ): Promise<T> {
    const serve = () => work(this.#machine.need(id));
    return await this.#change(`POST containers/${this.#nameOf(id)}/${what}`, serve, facts);
  }

  async #look<T>(path: string, serve: () => T, signal?: AbortSignal): Promise<T> {
    return await this.#call(`GET ${path}`, false, serve, { takesMs: TAKES_MS.look, signal });
  }

  async #change<T>(
    name: string,
    serve: () => T | Promise<T>,
    { takesMs = TAKES_MS.change, signal }: { takesMs?: number; signal?: AbortSignal | undefined } = {},
  ): Promise<T> {
    this.#guard();
    return await this.#call(name, true, serve, { takesMs, signal });
  }

  async #call<T>(
    what: string,
    isChange: boolean,
    serve: () => T | Promise<T>,
    { takesMs, signal }: { takesMs: number; signal: AbortSignal | undefined },
  ): Promise<T> {
    this.requests += 1;
    const name = `${this.#machine.name} ${what}`;
    try {
      return await this.#tunnel.call({ name, isChange, takesMs, signal }, serve);
    } catch (error) {
      throw isTold(error, signal) ? error : this.#explain(error);
    }
  }
}

async function exec(
  container: Container,
  reference: string,
  command: readonly string[],
): Promise<ExecResult> {
  const { id, isPaused, status, program } = container;
  if (isPaused)
    throw new EngineError(409, `Container ${reference} is paused, unpause the container before exec`);
  if (status === 'restarting')
    throw new EngineError(409, `Container ${id} is restarting, wait until the container is running`);
  if (program === undefined) throw new EngineError(409, `container ${id} is not running`);
  const outcome = await program.exec(command);
  if (outcome !== undefined) return outcome;
  const stdout = `OCI runtime exec failed: exec failed: unable to start container process: exec: "${command[0]}": executable file not found in $PATH: unknown\r\n`;
  return { exitCode: 126, stdout, stderr: '' };
}

function matches(
  container: Container,
  { label = [], name, ancestor }: { label?: string[]; name?: string[]; ancestor?: string[] },
): boolean {
  const isNamed = name?.some((pattern) => new RegExp(pattern).test(`/${container.name}`)) ?? true;
  const isDescended = ancestor?.includes(container.image.id) ?? true;
  return hasLabels(container.labels, label) && isNamed && isDescended;
}

function hasLabels(labels: Readonly<Record<string, string>>, wanted: readonly string[]): boolean {
  return wanted.every((one) => {
    const at = one.indexOf('=');
    return at < 0 ? one in labels : labels[one.slice(0, at)] === one.slice(at + 1);
  });
}

function noFile(path: string, reference: string): EngineError {
  return new EngineError(404, `Could not find the file ${path} in container ${reference}`);
}

function undefinedWhenMissing(error: unknown): undefined {
  if (isStatus(error, 404)) return undefined;
  throw error;
}
