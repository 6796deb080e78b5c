import type { ContainerCreateRequest, NetworkCreateRequest } from '@docker/node-sdk';
import { EngineError } from '../../../src/docker/http.ts';
import type { ServerSpec } from '../../../src/model/spec.ts';
import { Container, type Mounted, type Process } from './container.ts';
import type { Image } from './image.ts';
import { ImageStore } from './image.ts';
import { Namespace } from './namespace.ts';
import { type Endpoint, Network } from './network.ts';
import { launch } from './programs.ts';
import type { Simulation } from './simulation.ts';
import { Volume } from './volume.ts';

/** A port of a container that takes a connection. */
export interface Target {
  container: Container;
  port: number;
}

/**
 * What happens to a connection that nobody takes: it is refused at once, nobody has the address any more, or whose it is
 * has no power.
 */
export type Unreached = 'refused' | 'silent' | 'off';

/** Where the server's iptables lead new connections instead. */
interface Diversion {
  address: string;
  ports: readonly number[];
}

/** The network of containers that name none: nobody is found by name there. */
const DEFAULT_NETWORK = 'bridge';
/** Pauses between two starts of a container that ends again and again: each is twice as long as the one before. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 60_000;
/** One that has run for so long begins with the first pause again. */
const RAN_WELL_MS = 10_000;
const LOOPBACK = '127.0.0.1';
const KILLED = 137;
/** What a container says whose start has failed. */
const NOT_STARTED = 128;
/** Engines before this one take every signal for a stop by hand. */
const TELLS_SIGNALS_APART = 23;
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** Machine is a server with a Docker engine: what is on it, and what its engine does when it is asked to. */
export class Machine {
  readonly simulation: Simulation;
  readonly containers = new Map<string, Container>();
  readonly networks = new Map<string, Network>();
  readonly volumes = new Map<string, Volume>();
  readonly images = new ImageStore();
  /** Ports of its 127.0.0.1 that lead to the machines of runs. */
  readonly forwards = new Set<number>();
  #lastForward = 40_000;
  /** Ports on which programs of the server listen that are in no container. */
  readonly taken = new Set<number>([22]);
  /** Directories of the server that containers may mount. */
  readonly directories = new Set<string>(['/', '/tmp']);
  /** The file's view of it, which may change. */
  spec: ServerSpec;
  engineVersion = '26.1.5';
  memoryBytes = 8e9;
  freeBytes = 50e9;
  /** How far its clock is ahead of the true time. */
  aheadMs = 0;
  hasIptables = true;
  /** It has ip and nsenter. */
  hasIp = true;
  /** How long the first request of a probe takes. */
  firstProbeMs = 2;
  /** How long its nginx works on a reload between reading its files and serving what they say. */
  reloadMs = 0;
  /** Its nginx takes no new configuration. */
  isStubborn = false;
  /** Nobody reaches it, and nothing on it runs. */
  isOff = false;
  readonly #pauses = new Map<Container, number>();
  readonly #awaited = new Map<Container, (() => void)[]>();
  #diversion: Diversion | undefined;
  #networkIndex = 0;

  constructor(simulation: Simulation, spec: ServerSpec) {
    this.simulation = simulation;
    this.spec = spec;
    this.createNetwork({ Name: DEFAULT_NETWORK });
  }

  get name(): string {
    return this.spec.name;
  }

  now(): number {
    return this.simulation.clock.now();
  }

  /** find returns a container by id, by the beginning of its id, or by name. */
  find(reference: string): Container | undefined {
    const byId = this.containers.get(reference);
    if (byId !== undefined) return byId;
    for (const container of this.containers.values())
      if (container.name === reference || (reference.length >= 12 && container.id.startsWith(reference)))
        return container;
    return undefined;
  }

  /** need is find; it throws the engine's 404. */
  need(reference: string): Container {
    const found = this.find(reference);
    if (found === undefined) throw new EngineError(404, `No such container: ${reference}`);
    return found;
  }

  /** create makes a container that does not run yet. */
  create(name: string, request: ContainerCreateRequest): Container {
    if (!NAME.test(name))
      throw new EngineError(
        400,
        `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
      );
    this.#refuseTakenName(name, '');
    const image = this.images.find(request.Image ?? '');
    if (image === undefined) throw new EngineError(404, `No such image: ${request.Image}`);
    const asked = request.HostConfig?.Mounts ?? [];
    // The paths of all are looked at before a volume is made.
    for (const mount of asked.filter(({ Type }) => Type === 'bind')) this.#mount(mount);
    const container = new Container({
      id: this.simulation.newId(),
      name,
      request: withDefaults(request, image),
      image,
      createdAt: this.now(),
      mounts: asked.map((mount) => this.#mount(mount)),
    });
    const mode = container.networkMode;
    const configs = request.NetworkingConfig?.EndpointsConfig ?? {};
    const strays = Object.keys(configs).filter((network) => network !== mode);
    if (strays.length > 0)
      throw new Error(`the model has one network for a new container, not ${strays} too`);
    if (!mode.startsWith('container:')) container.endpoints.set(mode, endpointOf(mode, configs[mode]));
    this.containers.set(container.id, container);
    return container;
  }

  #refuseTakenName(name: string, why: string): void {
    const holder = [...this.containers.values()].find((one) => one.name === name);
    if (holder === undefined) return;
    throw new EngineError(
      409,
      `${why}Conflict. The container name "/${name}" is already in use by container "${holder.id}". You have to remove (or rename) that container to be able to reuse that name.`,
    );
  }

  #mount(mount: NonNullable<NonNullable<ContainerCreateRequest['HostConfig']>['Mounts']>[number]): Mounted {
    const { Type = 'volume', Source = '', Target = '', ReadOnly = false, VolumeOptions } = mount;
    const facts = { source: Source, target: Target.replace(/(?<=.)\/$/, ''), isReadOnly: ReadOnly };
    if (Type === 'tmpfs') return { type: 'tmpfs', volume: undefined, ...facts, source: '' };
    if (Type === 'bind') {
      const within = this.#withinVolume(Source);
      if (within !== undefined) return { type: 'bind', volume: undefined, within, ...facts };
      if (!this.directories.has(Source))
        throw new EngineError(
          400,
          `invalid mount config for type "bind": bind source path does not exist: ${Source}`,
        );
      return { type: 'bind', volume: undefined, ...facts };
    }
    const volume =
      Source === ''
        ? this.#addVolume(this.simulation.newId(), {}, true)
        : this.createVolume(Source, VolumeOptions?.Labels);
    return { type: 'volume', volume, ...facts, source: volume.mountpoint };
  }

  /** A path of the server that is one of a volume's files. */
  #withinVolume(path: string): Mounted['within'] {
    for (const volume of this.volumes.values()) {
      const place = path.slice(volume.mountpoint.length + 1);
      if (path.startsWith(`${volume.mountpoint}/`) && volume.has(place)) return { volume, path: place };
    }
    return undefined;
  }

  /** start starts a container that does not run; one that runs is left alone. */
  start(container: Container): void {
    if (container.isPaused)
      throw new EngineError(409, 'cannot start a paused container, try unpause instead');
    if (container.isRunning) return;
    container.restarts = 0;
    container.isStoppedByHand = false;
    try {
      this.#run(container);
    } catch (error) {
      container.error = (error as Error).message;
      container.exitCode = NOT_STARTED;
      if (container.request.HostConfig?.AutoRemove) this.#drop(container);
      throw error;
    }
  }

  #run(container: Container): void {
    const shared = this.#sharedNamespace(container);
    const networks = [...container.endpoints.values()].flatMap((endpoint) => this.#networkOf(endpoint));
    this.#refuseTakenPorts(container);
    const now = this.now();
    for (const [network, endpoint] of networks) network.enter(container, endpoint, now);
    Object.assign(container, { status: 'running', exitCode: 0, error: '', startedAt: now });
    container.pid = this.simulation.newNumber();
    container.isToStayDown = false;
    container.namespace = shared ?? new Namespace();
    container.program = launch(this.#processOf(container), this);
    container.namespace.listeners.add(container.program);
    this.simulation.started(this, container);
    this.changed(`${container.name} starts`);
  }

  #sharedNamespace({ networkMode }: Container): Namespace | undefined {
    if (!networkMode.startsWith('container:')) return undefined;
    const other = this.need(networkMode.slice('container:'.length));
    if (!other.isRunning)
      throw new EngineError(409, `cannot join network of a non running container: ${other.id}`);
    return other.namespace;
  }

  #networkOf(endpoint: Endpoint): [Network, Endpoint][] {
    if (endpoint.network === 'none' || endpoint.network === 'host') return [];
    const network = this.networks.get(endpoint.network);
    if (network === undefined) throw new EngineError(404, `network ${endpoint.network} not found`);
    return [[network, endpoint]];
  }

  #refuseTakenPorts(container: Container): void {
    for (const { ip, port } of container.bindings) {
      const fail = (why: string) =>
        new EngineError(
          500,
          `driver failed programming external connectivity on endpoint ${container.name} (${container.id}): ${why}`,
        );
      if (ip !== '0.0.0.0' && ip !== LOOPBACK && ip !== this.spec.privateIp)
        throw fail(
          `Error starting userland proxy: listen tcp4 ${ip}:${port}: bind: cannot assign requested address`,
        );
      const isTaken = this.taken.has(port);
      const rival = this.#publishers(ip, port).length > 0;
      if (rival) throw fail(`Bind for ${ip}:${port} failed: port is already allocated`);
      if (isTaken)
        throw fail(`Error starting userland proxy: listen tcp4 ${ip}:${port}: bind: address already in use`);
    }
  }

  /** What a program may do with the container that it runs in, for as long as it runs. */
  #processOf(container: Container): Process {
    const { pid } = container;
    const isOver = () => container.pid !== pid || !container.isRunning;
    return {
      container,
      now: () => this.now(),
      after: (ms, work) => {
        this.simulation.clock.after(ms, () => {
          if (!isOver()) work();
        });
      },
      say: (stream, line) => container.say(stream, line, this.now()),
      changed: (what) => this.changed(`${container.name} ${what}`),
      end: (exitCode) => {
        if (!isOver()) this.#end(container, exitCode, false);
      },
    };
  }

  /** Ends a container that runs. `isForGood` says that somebody wanted it so: it is not started again. */
  #end(container: Container, exitCode: number, isForGood: boolean): void {
    if (!container.isRunning) return;
    container.isToStayDown ||= isForGood;
    const now = this.now();
    this.simulation.users.ends(this, container);
    for (const endpoint of container.endpoints.values())
      this.networks.get(endpoint.network)?.leave(container, endpoint, now);
    if (container.keeps !== undefined)
      this.networks.get(container.keeps.network)?.free(container.keeps.address);
    Object.assign(container, { keeps: undefined, remembers: undefined });
    if (container.program !== undefined) container.namespace.listeners.delete(container.program);
    if (!container.networkMode.startsWith('container:')) container.namespace.end();
    const ranMs = now - (container.startedAt ?? now);
    Object.assign(container, { status: 'exited', isPaused: false, exitCode, finishedAt: now, pid: 0 });
    container.program = undefined;
    this.simulation.ended(this, container);
    for (const resolve of this.#awaited.get(container) ?? []) resolve();
    this.#awaited.delete(container);
    if (container.request.HostConfig?.AutoRemove) this.#drop(container);
    else if (!container.isToStayDown && this.#isStartedAgain(container)) this.#startAgain(container, ranMs);
    this.changed(`${container.name} ends with ${exitCode}`);
  }

  #isStartedAgain({ restart, restarts, isStoppedByHand, exitCode }: Container): boolean {
    if (restart.name === 'always') return true;
    if (restart.name === 'unless-stopped') return !isStoppedByHand;
    const isAnyLeft = restart.maximumRetryCount === 0 || restarts < restart.maximumRetryCount;
    return restart.name === 'on-failure' && exitCode !== 0 && isAnyLeft;
  }

  #startAgain(container: Container, ranMs: number): void {
    const fresh = ranMs >= RAN_WELL_MS;
    const pauseMs = fresh
      ? FIRST_PAUSE_MS
      : Math.min((this.#pauses.get(container) ?? 50) * 2, LONGEST_PAUSE_MS);
    this.#pauses.set(container, pauseMs);
    container.status = 'restarting';
    container.restarts += 1;
    this.simulation.clock.after(pauseMs, () => {
      if (container.status !== 'restarting' || this.isOff) return;
      try {
        this.#run(container);
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        Object.assign(container, { status: 'exited', error: error.message, exitCode: NOT_STARTED });
      }
    });
  }

  /** stop asks a container to end, and ends it when the grace is over; it resolves when it has ended. */
  async stop(container: Container, graceMs: number): Promise<void> {
    container.isStoppedByHand = true;
    container.isToStayDown = true;
    if (container.status === 'restarting') container.status = 'exited';
    if (!container.isRunning) return;
    container.isPaused = false;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#awaited.set(container, [...(this.#awaited.get(container) ?? []), resolve]);
    this.simulation.users.stops(this, container);
    const { pid } = container;
    container.program?.signal((container.request.StopSignal ?? 'SIGTERM').replace(/^SIG/, ''));
    const limit = this.simulation.clock.after(graceMs, () => {
      if (container.pid === pid) this.#end(container, KILLED, true);
    });
    await promise;
    limit.cancel();
  }

  /** remove removes a container, which ends when it runs; volumes that only it had go with it. */
  remove(container: Container): void {
    this.#end(container, KILLED, true);
    this.#drop(container);
    this.changed(`${container.name} is removed`);
  }

  #drop(container: Container): void {
    container.status = 'exited';
    this.containers.delete(container.id);
    for (const { volume } of container.mounts) if (volume?.isAnonymous) this.volumes.delete(volume.name);
  }

  /** signal sends a signal, of a name like `HUP`. Who is sent its stop signal is meant to stop. */
  signal(container: Container, name: string): void {
    const signal = name.replace(/^SIG/, '');
    if (container.status === 'restarting') return;
    if (!container.isRunning)
      throw new EngineError(
        409,
        `cannot kill container: ${container.name}: container ${container.id} is not running`,
      );
    const { StopSignal } = container.request;
    const isStop = signal === 'KILL' || StopSignal === undefined || StopSignal === `SIG${signal}`;
    container.isToStayDown ||= isStop;
    container.isStoppedByHand ||= isStop || Number.parseInt(this.engineVersion, 10) < TELLS_SIGNALS_APART;
    if (signal === 'KILL') this.#end(container, KILLED, true);
    else container.program?.signal(signal);
  }

  /** crash ends a container as if its program had ended by itself. */
  crash(container: Container, exitCode = KILLED): void {
    this.#end(container, exitCode, false);
  }

  /** pause freezes a container, and unpause lets it go on. */
  pause(container: Container): void {
    container.isPaused = true;
    this.changed(`${container.name} is paused`);
  }

  unpause(container: Container): void {
    container.isPaused = false;
    this.changed(`${container.name} goes on`);
  }

  rename(container: Container, name: string): void {
    if (container.name === name)
      throw new EngineError(400, 'Renaming a container with the same name as its current name');
    this.#refuseTakenName(name, 'Error when allocating new name: ');
    const change = () => {
      container.name = name;
    };
    const [endpoint] = [...container.endpoints.values()].filter(({ address }) => address !== '');
    const network = endpoint && this.networks.get(endpoint.network);
    if (network === undefined || endpoint === undefined) change();
    else network.rename(container, endpoint, this.now(), change);
    this.changed(`${name} has its name`);
  }

  createNetwork({ Name = '', Labels = {} }: NetworkCreateRequest): Network {
    if (this.networks.has(Name)) throw new EngineError(409, `network with name ${Name} already exists`);
    const facts = { id: this.simulation.newId(), name: Name, createdAt: this.now(), labels: Labels };
    const network = new Network({ ...facts, index: this.#networkIndex++ });
    this.networks.set(Name, network);
    return network;
  }

  findNetwork(reference: string): Network | undefined {
    return this.networks.get(reference) ?? [...this.networks.values()].find(({ id }) => id === reference);
  }

  removeNetwork(reference: string): void {
    const network = this.findNetwork(reference);
    if (network === undefined) throw new EngineError(404, `network ${reference} not found`);
    if (network.members.size > 0)
      throw new EngineError(
        403,
        `error while removing network: network ${network.name} id ${network.id} has active endpoints`,
      );
    this.networks.delete(network.name);
  }

  join(reference: string, container: Container, aliases: readonly string[] = []): void {
    const network = this.findNetwork(reference);
    if (network === undefined) throw new EngineError(404, `network ${reference} not found`);
    if (container.endpoints.has(network.name))
      throw new EngineError(
        403,
        `endpoint with name ${container.name} already exists in network ${network.name}`,
      );
    const endpoint = endpointOf(network.name, { Aliases: [...aliases] });
    if (container.isRunning) {
      this.#movePorts(container, network.name);
      network.enter(container, endpoint, this.now());
    }
    container.endpoints.set(network.name, endpoint);
    this.changed(`${container.name} joins ${network.name}`);
  }

  leave(reference: string, container: Container): void {
    const name = this.findNetwork(reference)?.name ?? reference;
    const endpoint = container.endpoints.get(name);
    if (endpoint === undefined)
      throw new EngineError(500, `container ${container.id} is not connected to the network ${name}`);
    if (container.isRunning) this.#movePorts(container, name);
    if (container.isRunning && container.keeps?.network !== name)
      this.simulation.users.leaves(this, container);
    this.networks.get(name)?.leave(container, endpoint, this.now());
    container.endpoints.delete(name);
    this.changed(`${container.name} leaves ${name}`);
  }

  /** The engine moves published ports to the network that sorts first, and requests are lost meanwhile. */
  #movePorts(container: Container, network: string): void {
    const first = [...container.endpoints.keys()].sort()[0];
    const isMoved =
      first !== undefined && (network < first || (network === first && container.endpoints.size > 1));
    if (isMoved && container.bindings.length > 0) this.simulation.users.interrupts(this, container);
  }

  createVolume(name: string, labels: Record<string, string> = {}): Volume {
    return this.volumes.get(name) ?? this.#addVolume(name, labels, false);
  }

  #addVolume(name: string, labels: Record<string, string>, isAnonymous: boolean): Volume {
    const volume = new Volume({ name, labels, createdAt: this.now(), isAnonymous });
    this.volumes.set(name, volume);
    return volume;
  }

  /** mountersOf returns the containers that mount a volume, running or not. */
  mountersOf(volume: Volume): Container[] {
    return [...this.containers.values()].filter(({ mounts }) =>
      mounts.some((mount) => mount.volume === volume),
    );
  }

  removeVolume(name: string): void {
    const volume = this.volumes.get(name);
    if (volume === undefined) throw new EngineError(404, `get ${name}: no such volume`);
    const mounters = this.mountersOf(volume);
    if (mounters.length > 0)
      throw new EngineError(
        409,
        `remove ${name}: volume is in use - [${mounters.map(({ id }) => id).join(', ')}]`,
      );
    this.volumes.delete(name);
  }

  /** forward returns a port that leads to the machine of a run. */
  forward(): number {
    this.#lastForward += 1;
    this.forwards.add(this.#lastForward);
    return this.#lastForward;
  }

  /** pullImage brings an image from a registry, or from whoever listens behind a port of this machine. */
  pullImage(name: string): void {
    const port = /^127\.0\.0\.1:(\d+)\//.exec(name)?.[1];
    if (port !== undefined && !this.forwards.has(Number(port)))
      throw new EngineError(
        500,
        `Get "http://127.0.0.1:${port}/v2/": dial tcp 127.0.0.1:${port}: connect: connection reset by peer`,
      );
    this.images.add(name, this.simulation.registry.pull(name));
  }

  tagImage(image: string, name: string): void {
    const found = this.images.find(image);
    if (found === undefined) throw new EngineError(404, `No such image: ${image}`);
    this.images.tag(found, name);
  }

  removeImage(reference: string): void {
    const isUsed = (image: Image) => [...this.containers.values()].some((one) => one.image === image);
    this.images.remove(reference, isUsed);
  }

  /** resolve returns the addresses that a name meant at a time to a container of this server. */
  resolve(asking: Container, name: string, at: number): readonly string[] {
    const found: string[] = [];
    if (asking.remembers !== undefined)
      return asking.remembers.networks.flatMap(
        (network) => this.networks.get(network)?.resolve(name, asking.remembers!.at) ?? [],
      );
    for (const { network, since, address, links } of asking.endpoints.values()) {
      if (address === '' || since > at || network === DEFAULT_NETWORK) continue;
      const linked = links.get(name);
      const addresses = this.networks.get(network)?.resolve(linked ?? name, at) ?? [];
      found.push(...addresses);
      if (addresses.length > 0) break;
    }
    return found;
  }

  /** reach returns what takes a connection from a container to an address, or what happens to it there instead. */
  reach(from: Container, address: string, port: number): Target | Unreached {
    if (address === LOOPBACK) return taking({ container: from, port }) ?? 'refused';
    for (const { network, address: own } of from.endpoints.values()) {
      if (own === '') continue;
      const member = this.networks.get(network)?.members.get(address);
      if (member !== undefined) return toPeers(taking({ container: member, port })) ?? 'refused';
    }
    const kept = from.keeps && this.networks.get(from.keeps.network)?.members.get(address);
    if (kept !== undefined) return toPeers(taking({ container: kept, port })) ?? 'refused';
    const other = this.simulation.machineAt(address);
    if (other === undefined) return 'silent';
    return other.isOff ? 'off' : (toPeers(other.published(address, port)) ?? 'refused');
  }

  /** dial returns what takes a connection from the server itself to an address, and the address that it comes from. */
  dial(address: string, port: number): { target: Target | undefined; from: string } | 'nowhere' {
    for (const { members, gateway } of this.networks.values()) {
      const member = members.get(address);
      if (member !== undefined) return { target: taking({ container: member, port }), from: gateway };
    }
    if (address === LOOPBACK || address === this.spec.privateIp)
      return { target: this.published(address, port), from: LOOPBACK };
    const other = this.simulation.machineAt(address);
    if (other === undefined || other.isOff) return 'nowhere';
    return { target: other.published(address, port), from: this.spec.privateIp ?? '' };
  }

  /** entrance returns what takes a connection that comes to a port of the server from outside. */
  entrance(port: number): Target | undefined {
    const { address, ports } = this.#diversion ?? { address: '', ports: [] };
    if (!ports.includes(port)) return this.published(this.spec.host, port);
    for (const { members } of this.networks.values()) {
      const member = members.get(address);
      if (member !== undefined) return taking({ container: member, port });
    }
    return undefined;
  }

  /** published returns what takes a connection to a port that a container has opened on the server. */
  published(address: string, port: number): Target | undefined {
    for (const target of this.#publishers(address, port)) {
      const found = taking(target);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #publishers(address: string, port: number): Target[] {
    const found: Target[] = [];
    for (const container of this.containers.values()) {
      if (!container.isRunning) continue;
      for (const { ip, port: own, containerPort } of container.bindings) {
        const isSame = ip === address || ip === '0.0.0.0' || address === '0.0.0.0';
        if (own === port && isSame) found.push({ container, port: containerPort });
      }
    }
    return found;
  }

  /** remember has the names of a container mean what they mean now, until it is told to forget that. */
  remember(pid: number): void {
    const container = this.#processOwner(pid);
    if (container !== undefined && container.remembers === undefined)
      container.remembers = { networks: [...container.endpoints.keys()], at: this.now() };
  }

  forget(pid: number): void {
    const container = this.#processOwner(pid);
    if (container === undefined) return;
    // nginx knows what it knew, until it is told something else.
    for (const endpoint of container.endpoints.values())
      if (container.remembers?.networks.includes(endpoint.network)) endpoint.since = 0;
    container.remembers = undefined;
  }

  /** keep has a container keep its address when it leaves its network; false where it has none. */
  keep(pid: number, address: string): boolean {
    const container = this.#processOwner(pid);
    const endpoint = [...(container?.endpoints.values() ?? [])].find((one) => one.address === address);
    if (container === undefined || endpoint === undefined) return false;
    this.remember(pid);
    container.keeps = { network: endpoint.network, address };
    return true;
  }

  #processOwner(pid: number): Container | undefined {
    return [...this.containers.values()].find((container) => container.isRunning && container.pid === pid);
  }

  /** divert leads new connections to some ports of the server elsewhere; undefined leads nobody astray. */
  divert(diversion: Diversion | undefined): void {
    this.#diversion = diversion;
  }

  hasProcess(pid: number): boolean {
    return [...this.containers.values()].some((container) => container.isRunning && container.pid === pid);
  }

  /** powerOff cuts the server's power: nothing on it runs, and nobody reaches it. */
  powerOff(): void {
    if (this.isOff) return;
    this.isOff = true;
    this.#diversion = undefined;
    for (const container of this.containers.values()) {
      if (container.status === 'restarting') container.status = 'exited';
      this.#end(container, KILLED, true);
    }
    this.changed(`${this.name} is off`);
  }

  /** powerOn boots it: the engine starts what its restart policy says. */
  powerOn(): void {
    if (!this.isOff) return;
    this.isOff = false;
    for (const container of this.containers.values()) {
      if (container.status === 'created') continue;
      const isStarted = container.restart.name === 'on-failure' ? false : this.#isStartedAgain(container);
      if (!isStarted) continue;
      try {
        this.#run(container);
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
      }
    }
    this.changed(`${this.name} is on`);
  }

  changed(what: string): void {
    this.simulation.users.look(`${this.name}: ${what}`);
  }
}

function taking(target: Target): Target | undefined {
  const { container, port } = target;
  return !container.isPaused && container.namespace.isListening(port) ? target : undefined;
}

/** What an image says where its container says nothing. */
function withDefaults(request: ContainerCreateRequest, { behaviour }: Image): ContainerCreateRequest {
  const isNginx = behaviour.runs === 'nginx';
  const app = behaviour.runs === 'app' ? behaviour.app : {};
  const exposes = isNginx ? [80] : (app.exposes ?? []);
  const exposed = Object.fromEntries(exposes.map((port) => [`${port}/tcp`, {}]));
  const isOwnEntry = (request.Entrypoint ?? []).length > 0;
  const command = isNginx ? ['nginx', '-g', 'daemon off;'] : [];
  const healthcheck =
    request.Healthcheck ?? (app.healthcheck && { Test: app.healthcheck, ...app.healthTimes });
  return {
    ...request,
    Env: [...(request.Env ?? []), ...environmentOf(app.environment, request.Env ?? [])],
    Cmd: (request.Cmd ?? []).length > 0 || isOwnEntry ? (request.Cmd ?? []) : command,
    ExposedPorts: { ...exposed, ...request.ExposedPorts },
    StopSignal: request.StopSignal ?? (isNginx ? 'SIGQUIT' : undefined),
    ...(healthcheck && { Healthcheck: healthcheck }),
  };
}

function environmentOf(defaults: Record<string, string> = {}, own: readonly string[]): string[] {
  const names = new Set(own.map((pair) => pair.split('=')[0]));
  return Object.entries(defaults).flatMap(([name, value]) => (names.has(name) ? [] : [`${name}=${value}`]));
}

function endpointOf(
  network: string,
  config: { Aliases?: string[] | null; Links?: string[] | null } | undefined,
): Endpoint {
  const links = (config?.Links ?? []).map((link) => {
    const [target = '', name = target] = link.split(':');
    return [name, target] as const;
  });
  return { network, aliases: config?.Aliases ?? [], links: new Map(links), address: '', since: 0 };
}

/** An app may refuse whoever is not the server itself. */
function toPeers(target: Target | undefined): Target | undefined {
  const { behaviour } = target?.container.image ?? {};
  return behaviour?.runs === 'app' && behaviour.app.refusesPeers ? undefined : target;
}
