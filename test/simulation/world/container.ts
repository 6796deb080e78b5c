import type { ContainerCreateRequest } from '@docker/node-sdk';
import type { Image } from './image.ts';
import { type Listener, Namespace } from './namespace.ts';
import type { Endpoint } from './network.ts';
import { portNumber } from './udp.ts';
import type { Volume } from './volume.ts';

/** A request over HTTP, as far as anybody here looks at it. */
export interface HttpRequest {
  port: number;
  path: string;
  host: string;
  /** Headers, their names in lower case. */
  headers?: Readonly<Record<string, string>>;
  /** The address that it comes from, as the other end sees it. */
  from: string;
  /** GET where nothing is said. */
  method?: string;
  body?: string;
}

/** An answer over HTTP. */
export interface HttpAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** What a command in a running container came to. */
export interface Outcome {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Program is what runs in a container. */
export interface Program extends Listener {
  /** signal is told of every signal but KILL. */
  signal(name: string): void;
  /** answer answers a request that came to one of its ports. */
  answer?(request: HttpRequest): HttpAnswer;
  /** exec runs another command beside it; undefined where there is no such command. */
  exec(argv: readonly string[]): Outcome | Promise<Outcome> | undefined;
}

/** Process is a program's hold on the container that it runs in. */
export interface Process {
  readonly container: Container;
  now(): number;
  /** after does something later, unless the process has ended by then. */
  after(ms: number, work: () => void): void;
  /** say prints a line. */
  say(stream: 'stdout' | 'stderr', line: string): void;
  /** changed tells the world that requests may be answered otherwise now. */
  changed(what: string): void;
  /** end ends it, and so its container. */
  end(exitCode: number): void;
}

/** A mount of a container. */
export interface Mounted {
  type: 'volume' | 'bind' | 'tmpfs';
  volume: Volume | undefined;
  /** Of a path of the server that lies in a volume, where: the volume may go for all that the engine knows. */
  within?: { volume: Volume; path: string } | undefined;
  /** The path on the server, of one that is no volume. */
  source: string;
  target: string;
  isReadOnly: boolean;
}

/** A line that a container has printed. */
interface Line {
  stream: 'stdout' | 'stderr';
  text: string;
  at: number;
}

/** How a container is. */
export type Status = 'created' | 'running' | 'restarting' | 'exited';

/** Files of a container's own, by absolute path: nothing else is needed of them. */
const FOLDERS = ['/', '/etc', '/tmp'];

/** Container is one container of a server, running or not. What is done to it, the server does. */
export class Container {
  readonly id: string;
  name: string;
  readonly request: ContainerCreateRequest;
  readonly image: Image;
  readonly createdAt: number;
  readonly mounts: readonly Mounted[];
  readonly endpoints = new Map<string, Endpoint>();
  readonly files = new Map<string, string>();
  /** Addresses and ports of the server that lead into it while it runs. */
  readonly bindings: readonly { ip: string; port: number; containerPort: number }[];
  status: Status = 'created';
  isPaused = false;
  /** Somebody has stopped it, which a reboot does not forget. */
  isStoppedByHand = false;
  /** What ends it now shall end it: it is not started again by itself, whatever its policy. */
  isToStayDown = false;
  exitCode = 0;
  error = '';
  restarts = 0;
  pid = 0;
  startedAt: number | undefined;
  finishedAt: number | undefined;
  /** The restart policy, which may be changed later. */
  restart: { name: string; maximumRetryCount: number };
  /** While it runs. */
  program: Program | undefined;
  /** Its network while it runs: of its own, or another container's. */
  namespace = new Namespace();
  /** What its names mean stays so: those of these networks, as they were then. */
  remembers: { networks: readonly string[]; at: number } | undefined;
  /** An address that it keeps when it leaves the network. */
  keeps: { network: string; address: string } | undefined;
  readonly #lines: Line[] = [];

  constructor(facts: {
    id: string;
    name: string;
    request: ContainerCreateRequest;
    image: Image;
    createdAt: number;
    mounts: readonly Mounted[];
  }) {
    this.id = facts.id;
    this.name = facts.name;
    this.request = facts.request;
    this.image = facts.image;
    this.createdAt = facts.createdAt;
    this.mounts = facts.mounts;
    this.bindings = bindingsOf(facts.request);
    const { Name = 'no', MaximumRetryCount = 0 } = facts.request.HostConfig?.RestartPolicy ?? {};
    this.restart = { name: Name || 'no', maximumRetryCount: MaximumRetryCount };
  }

  get isRunning(): boolean {
    return this.status === 'running';
  }

  get labels(): Record<string, string> {
    return { ...this.image.labels, ...this.request.Labels };
  }

  get networkMode(): string {
    return this.request.HostConfig?.NetworkMode ?? 'bridge';
  }

  /** The words that it runs: those of its image where it has none of its own. */
  get argv(): string[] {
    return [...(this.request.Entrypoint ?? []), ...(this.request.Cmd ?? [])];
  }

  /** Its variables. */
  get environment(): Record<string, string> {
    return Object.fromEntries(
      (this.request.Env ?? []).map((pair) => [pair.split('=', 1)[0]!, pair.slice(pair.indexOf('=') + 1)]),
    );
  }

  /** Numbers of the ports that it or its image exposes. */
  get exposedPorts(): number[] {
    return Object.keys(this.request.ExposedPorts ?? {}).map(portNumber);
  }

  say(stream: Line['stream'], text: string, at: number): void {
    this.#lines.push({ stream, text, at });
  }

  /** log returns the last lines, those since a time in milliseconds. */
  log({ tail = Number.POSITIVE_INFINITY, since = 0 }: { tail?: number; since?: number }) {
    const lines = this.#lines.filter(({ at }) => at >= since);
    const last = lines.slice(-Math.min(tail, lines.length || 1));
    const of = (name: Line['stream']) =>
      last.map(({ stream, text }) => (stream === name ? `${text}\n` : '')).join('');
    return { stdout: of('stdout'), stderr: of('stderr') };
  }

  /** readFile returns a file as a program in it sees it. */
  readFile(path: string): string | undefined {
    const { files, rest } = this.#home(path);
    return files.get(rest);
  }

  /** writeFile writes a file as somebody in it would. */
  writeFile(path: string, content: string): void {
    const { files, rest } = this.#home(path);
    files.set(rest, content);
  }

  /** removeFile removes a file, and tells whether it was there. */
  removeFile(path: string): boolean {
    const { files, rest } = this.#home(path);
    return files.delete(rest);
  }

  /** list returns the files at or below a path, by their paths from its parent; undefined when there is no such path. */
  list(path: string): Map<string, string> | undefined {
    const { files, rest } = this.#home(path);
    const name = path.split('/').at(-1) ?? '';
    const whole = files.get(rest);
    if (whole !== undefined) return new Map([[name, whole]]);
    const prefix = rest === '' ? '' : `${rest}/`;
    const found = new Map<string, string>();
    for (const [file, content] of files)
      if (file.startsWith(prefix)) found.set(`${name}/${file.slice(prefix.length)}`, content);
    return found.size > 0 || this.#isFolder(path) ? found : undefined;
  }

  #isFolder(path: string): boolean {
    return FOLDERS.includes(path) || this.mounts.some(({ target }) => target === path);
  }

  /** Where a path leads: into a volume, or into the container's own files. */
  #home(path: string): { files: Map<string, string>; rest: string } {
    const byDepth = [...this.mounts].sort((a, b) => b.target.length - a.target.length);
    for (const { target, volume, within } of byDepth) {
      const home = within ?? (volume && { volume, path: '' });
      if (home === undefined || !`${path}/`.startsWith(`${target}/`)) continue;
      const rest = [home.path, path.slice(target.length + 1)].filter((part) => part !== '').join('/');
      return { files: home.volume.files, rest };
    }
    return { files: this.files, rest: path };
  }
}

function bindingsOf({ HostConfig }: ContainerCreateRequest): Container['bindings'] {
  return Object.entries(HostConfig?.PortBindings ?? {}).flatMap(([port, bindings]) =>
    (bindings ?? []).map(({ HostIp, HostPort }) => ({
      ip: HostIp || '0.0.0.0',
      port: portNumber(`${HostPort}/${port.split('/')[1]}`),
      containerPort: portNumber(port),
    })),
  );
}
