import { LABEL } from '../../../src/model/labels.ts';
import { type EdgePort, edgePort } from '../../../src/model/spec.ts';
import type { Container } from './container.ts';
import type { Machine, Target } from './machine.ts';
import type { Held, Namespace } from './namespace.ts';
import { type Handled, type Joined, Nginx, type Workers } from './nginx.ts';
import type { Rule } from './nginx-config.ts';
import type { Simulation } from './simulation.ts';
import { portSpoken } from './udp.ts';

/**
 * Where users come in: a domain at the door of a server, or a path below it, a port of it that is published, or an internal
 * port in the network of an environment.
 */
export interface Place {
  /** `s1 api.example.com`, `s1 example.com/api`, `s1 1883/tcp`, or `s1 shop_production_network:5123`. */
  key: string;
  machine: Machine;
  /** The domain; undefined of a port. */
  domain: string | undefined;
  /** Below which path of the domain; `/` is all of it. */
  path: string;
  port: number;
  /** The port of the server, where it is published: `1883/tcp`. */
  published?: EdgePort;
  /** The network from which the port is asked; empty is from outside. */
  network: string;
  /** The upstream that served it when it was first seen: the name of the service's base container. */
  upstream: string;
  /** Stands for its streams, as the place itself does for its requests. */
  streams: object;
}

/** What is promised to the users of a place. */
export interface Promised {
  /** How long their connections may go on after the copy has got its last new request; 0 is without limit. */
  drainTimeoutMs: number;
  /** The file says that it may be down: it is replaced in place, or goes. */
  mayBeDown: boolean;
  /** Its route may go: the service stands there no more. */
  mayGo: boolean;
  /** Whether a service may answer there: the one that did, or the one that shall. Undefined is any. */
  mayAnswer?: (service: string) => boolean;
}

/** Something that users have lost. */
export interface Loss {
  /** Milliseconds since the story began. */
  atMs: number;
  place: string;
  what: string;
  /** The last calls before it. */
  after: readonly string[];
}

/** Connections of one kind that the users of a place have to a container: as many as they like. */
interface Open extends Held {
  place: Place;
  kind: 'request' | 'stream';
  /** When the last of them was opened. */
  openedAt: number;
}

/** Where the requests of a place go right now, and go on going until something changes. */
interface Flow {
  place: Place;
  workers: Workers;
  /** Until then they may be brought one. */
  endsAt: number;
  /** The nginx, and who answers behind it. */
  targets: readonly Target[];
  handled: Pick<Handled, 'upstream' | 'target'>;
}

/** The front door of a server, and the alias by which apps find the sidecar. */
const DOOR = 80;
const SIDECAR = 'nginx';
/** Internal ports of services; a sidecar listens on others too, that are not for apps. */
const isInternal = (port: number) => portSpoken(port).port >= 5_000 && portSpoken(port).port < 6_000;
/** nginx asks for a name again after a second: what it meant before is used until then. */
const NAMES_KNOWN_MS = 1_001;

/**
 * Users are all who use what the servers serve, while somebody deploys: requests that begin at every moment and are
 * answered after a while, streams that stay where they were opened, clients that were idle and bring one more request to
 * the workers of an nginx that go. What they lose is noted where and when it happens.
 */
export class Users {
  readonly #simulation: Simulation;
  /** How long a request takes. */
  requestMs = 200;
  /** How long a stream stays open: one is opened at every moment. 0 opens none. */
  streamMs = 0;
  /** Paths that users of every domain ask for as well, `/api/`. */
  paths: readonly string[] = [];
  readonly lost: Loss[] = [];
  /** Connections that were cut when their drain timeout was over. */
  readonly cut: Loss[] = [];
  readonly #places = new Map<string, Place>();
  /** Every place that was ever watched: what is open there stays open between two runs. */
  readonly #known = new Map<string, Place>();
  readonly #promises = new Set<(place: Place) => Promised>();
  #flows: Flow[] = [];
  readonly #failing = new Set<string>();
  /** Since when requests wait at a place. */
  readonly #waiting = new Map<string, number>();
  /** So long they wait for what is away for a moment; longer is a loss. */
  queueMs = 30_000;
  #isLookingLater = false;
  #looksAt = 0;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  /**
   * watch has users at every place that serves now, until the function that it returns is called. `promise` says what a
   * place may expect of the run that begins. What another run is just giving them it may take back again: for the rest of
   * several runs at once, users are where they were when the first of them began.
   */
  watch(promise: (place: Place) => Promised): () => void {
    this.#promises.add(promise);
    if (this.#promises.size === 1) this.#come();
    this.look('users come');
    return () => {
      this.elapse();
      this.#promises.delete(promise);
      // What the run that is over was allowed to take away, nobody owes any more.
      for (const [key, place] of this.#places)
        if (promise(place).mayBeDown || !this.#isServed(place)) this.#places.delete(key);
      if (this.#promises.size > 0) return;
      this.#places.clear();
      this.#flows = [];
      this.#failing.clear();
    };
  }

  #come(): void {
    this.#waiting.clear();
    for (const found of this.#placesNow()) {
      if (!this.#isServed(found)) continue;
      const place = Object.assign(this.#known.get(found.key) ?? found, { upstream: found.upstream });
      this.#known.set(place.key, place);
      this.#places.set(place.key, place);
    }
  }

  /** places returns the places that are watched, by their keys. */
  places(): string[] {
    return [...this.#places.keys()];
  }

  /** answering returns the names of the containers that answer at a place now. */
  answering(isMeant: (place: Place) => boolean): string[] {
    const names = this.#placesNow()
      .filter(isMeant)
      .flatMap((place) =>
        doorsOf(place).flatMap(({ container, port }) => {
          const workers = container.program instanceof Nginx ? container.program.workers : undefined;
          const handled = workers === undefined ? [] : TURNS.map(() => handle(workers, port, place));
          return handled.flatMap((one) => one?.target?.container.name ?? []);
        }),
      );
    return [...new Set(names)].sort();
  }

  /** forsake leaves a server to itself: what its users lose is nobody's fault. */
  forsake(machine: Machine): void {
    for (const [key, place] of this.#places) if (place.machine === machine) this.#places.delete(key);
    this.#flows = this.#flows.filter(({ place }) => place.machine !== machine);
  }

  /** look sees where requests go, after something has changed. */
  look(what: string): void {
    this.#simulation.remember(`(${what})`);
    if (this.#places.size === 0) return;
    this.#askAll();
    this.#lookLater(NAMES_KNOWN_MS);
  }

  #askAll(): void {
    this.elapse();
    this.#flows = [];
    for (const place of this.#places.values()) this.#ask(place);
    this.elapse();
  }

  /** Names mean what they meant for another second: then requests may go elsewhere. */
  #lookLater(ms: number): void {
    const { clock } = this.#simulation;
    this.#looksAt = clock.now() + ms;
    if (this.#isLookingLater) return;
    this.#isLookingLater = true;
    clock.after(ms, () => {
      this.#isLookingLater = false;
      const leftMs = this.#looksAt - clock.now();
      if (leftMs > 0) this.#lookLater(leftMs);
      else if (this.#places.size > 0) this.#askAll();
    });
  }

  /** elapse lets requests begin all the time since the last look: they went where they go now. */
  elapse(): void {
    const now = this.#simulation.clock.now();
    for (const flow of this.#flows) {
      const lastAt = Math.min(now, flow.endsAt);
      for (const target of flow.targets) {
        this.#hold(flow.place, 'request', target, lastAt, this.requestMs);
        if (this.streamMs > 0) this.#hold(flow.place, 'stream', target, lastAt, this.streamMs);
      }
      flow.workers.keep(flow.handled, lastAt + this.requestMs);
    }
  }

  #hold(
    place: Place,
    kind: Open['kind'],
    { container, port }: Target,
    openedAt: number,
    forMs: number,
  ): void {
    const { held } = container.namespace;
    const key = kind === 'request' ? place : place.streams;
    const open = held.get(key) as Open | undefined;
    const until = openedAt + forMs;
    if (open === undefined) held.set(key, { place, kind, port, from: '10.200.0.1', openedAt, until } as Open);
    else if (open.openedAt < openedAt) Object.assign(open, { openedAt, until });
  }

  /** stops is told when a container is asked to end. */
  stops(machine: Machine, container: Container): void {
    this.#close(machine, container, 'was stopped');
  }

  /** ends is told when a container ends, for whatever reason. */
  ends(machine: Machine, container: Container): void {
    this.#close(machine, container, 'ended');
  }

  /** leaves is told when a running container is taken out of a network. */
  leaves(machine: Machine, container: Container): void {
    this.#close(machine, container, 'was taken out of its network');
  }

  /** interrupts is told when a running container is cut off from its ports for a moment. */
  interrupts(machine: Machine, container: Container): void {
    this.#close(machine, container, 'lost its ports for a moment');
  }

  #close(machine: Machine, container: Container, how: string): void {
    if (machine.isOff || this.#places.size === 0 || isGuest(container)) return;
    this.elapse();
    const now = this.#simulation.clock.now();
    for (const [key, held] of container.namespace.held) {
      if (!isOpen(held) || held.until <= now) continue;
      container.namespace.held.delete(key);
      this.#judge(held, container, how, now);
    }
  }

  /** Whoever had the whole drain timeout after the last new request was cut; everybody else has lost something. */
  #judge({ place, kind, openedAt }: Open, { name }: Container, how: string, now: number): void {
    const promised = this.#promisedTo(place);
    if (promised.mayBeDown || place.machine.isOff) return;
    const what = `a ${kind} was open on ${name}, which ${how}`;
    const hadItsTime = promised.drainTimeoutMs > 0 && now - openedAt >= promised.drainTimeoutMs;
    if (hadItsTime) this.cut.push(this.#lossAt(place, what));
    else this.#lose(place, what);
  }

  #lose(place: Place, what: string): void {
    this.lost.push(this.#lossAt(place, what));
  }

  #lossAt(place: Place, what: string): Loss {
    return { atMs: this.#simulation.elapsedMs, place: place.key, what, after: this.#simulation.lastCalls() };
  }

  /** Of several runs, the one that promises least counts: it may take away what is its own. */
  #promisedTo(place: Place): Promised {
    const all = [...this.#promises].map((promise) => promise(place));
    return {
      drainTimeoutMs: Math.min(
        ...all.map(({ drainTimeoutMs }) => drainTimeoutMs || Number.POSITIVE_INFINITY),
      ),
      mayBeDown: all.some(({ mayBeDown }) => mayBeDown),
      mayGo: all.some(({ mayGo }) => mayGo),
      mayAnswer: (service) => all.some(({ mayAnswer }) => mayAnswer?.(service) ?? true),
    };
  }

  /** Sends requests to a place: to the new workers of its nginx, and to old ones by clients that were idle. */
  #ask(place: Place): void {
    const complaints: string[] = [];
    const doors = doorsOf(place);
    if (doors.length === 0) complaints.push('nobody takes the connection');
    for (const door of doors) {
      const { program } = door.container;
      if (!(program instanceof Nginx)) continue;
      const sets = program.all();
      if (sets.length === 0) complaints.push(`${door.container.name} takes no connection`);
      for (const workers of sets) complaints.push(...this.#askWorkers(place, door, workers));
    }
    if (complaints.length === 0) complaints.push(...this.#impatience(place));
    if (complaints.length === 0) this.#failing.delete(place.key);
    else this.#complain(place, complaints[0]!);
  }

  /** The first of those that wait has waited longest. */
  #impatience(place: Place): string[] {
    const now = this.#simulation.clock.now();
    const since = this.#waiting.get(place.key);
    const isWaiting = doorsOf(place).some(({ container, port }) => {
      const sets = container.program instanceof Nginx ? container.program.all() : [];
      return sets.some((one) => isHeld(handle(one, port, place)));
    });
    if (!isWaiting) this.#waiting.delete(place.key);
    else if (since === undefined) this.#waiting.set(place.key, now);
    return since !== undefined && now - since > this.queueMs ? ['requests have waited for too long'] : [];
  }

  #askWorkers(place: Place, door: Target, workers: Workers): string[] {
    const complaints: string[] = [];
    const isStream = workers.config.stream.some((server) => server.port === door.port);
    const endsAt = isStream ? workers.streamsEndAt : workers.endsAt;
    if (endsAt <= this.#simulation.clock.now()) return [];
    const seen = new Set<Namespace>();
    let left = METHODS.length;
    for (let sent = 0; sent < left; sent++) {
      const handled = handle(workers, door.port, place, METHODS[sent % METHODS.length]);
      if (handled?.upstream !== undefined)
        left = Math.max(
          left,
          METHODS.length * workers.balancer.primaries(handled.upstream, this.#simulation.clock.now()),
        );
      const complaint = complaintAbout(handled) ?? this.#stranger(place, handled?.target);
      // Nobody is idle there who was never served there.
      const isUnknown = complaint === NO_ROUTE && Number.isFinite(workers.endsAt);
      if (complaint !== undefined && !isUnknown) complaints.push(complaint);
      const target = handled?.target;
      if (handled === undefined || target === undefined || seen.has(target.container.namespace)) continue;
      seen.add(target.container.namespace);
      const targets = [door, ...('by' in handled ? [handled.by!] : []), target];
      this.#flows.push({ place, workers, endsAt, targets, handled });
    }
    return complaints;
  }

  /** Says whose answer it was that came, where it was nobody's who is meant. */
  #stranger(place: Place, target: Target | undefined): string | undefined {
    const service = target?.container.labels[LABEL.service];
    if (service === undefined || (this.#promisedTo(place).mayAnswer?.(service) ?? true)) return undefined;
    return `${service} answers, for whom it is not meant`;
  }

  #complain(place: Place, what: string): void {
    if (place.machine.isOff || this.#failing.has(place.key)) return;
    const promised = this.#promisedTo(place);
    if (promised.mayBeDown || (promised.mayGo && !what.startsWith(NOBODY_ANSWERS))) return;
    this.#failing.add(place.key);
    this.#lose(place, what);
  }

  #isServed(place: Place): boolean {
    const doors = doorsOf(place);
    return (
      doors.length > 0 &&
      doors.every(({ container, port }) => {
        // Old workers of an earlier run are asked too.
        const sets = container.program instanceof Nginx ? container.program.all() : [];
        return sets.length > 0 && sets.every((one) => isAnswered(handle(one, port, place)));
      })
    );
  }

  /** Every place that some nginx speaks of now. */
  #placesNow(): Place[] {
    return [...this.#simulation.machines.values()].flatMap((machine) =>
      machine.isOff
        ? []
        : [
            ...withPaths(domainsOf(machine), this.paths),
            ...publishedPortsOf(machine),
            ...internalPortsOf(machine),
          ],
    );
  }
}

/** What may be sent again, and what may not: they take different ways. */
const METHODS = ['GET', 'POST'];
/** So many requests come to every copy that takes a turn. */
const TURNS = [1, 2, 3, 4, 5, 6];
const NO_ROUTE = 'nginx has no route';
const NOBODY_ANSWERS = 'nobody answers behind nginx';

function complaintAbout(
  handled: Pick<Handled, 'status' | 'metDeadServer' | 'isWaiting'> | undefined,
): string | undefined {
  if (handled === undefined) return NO_ROUTE;
  if (handled.isWaiting) return undefined;
  // Nobody can promise anything for a server that is off.
  if (handled.metDeadServer) return undefined;
  if (handled.status === 404) return NO_ROUTE;
  return handled.status >= 500 ? `${NOBODY_ANSWERS}: ${handled.status}` : undefined;
}

function isHeld(handled: Handled | Joined | undefined): boolean {
  return handled !== undefined && 'isWaiting' in handled && handled.isWaiting === true;
}

/** Whom somebody answers who is there. */
function isAnswered(handled: Handled | Through | undefined): boolean {
  return complaintAbout(handled) === undefined && handled?.target !== undefined;
}

function handle(
  workers: Workers,
  port: number,
  { domain, path }: Place,
  method = 'GET',
): Handled | Through | undefined {
  const isStream = workers.config.stream.some((server) => server.port === port);
  if (isStream) return through(workers.join(port));
  if (!workers.config.ports.includes(port)) return undefined;
  return workers.handle({ port, path, host: domain ?? SIDECAR, from: '10.200.0.1', method });
}

/** What became of a connection, and the nginx that passed it on for another one. */
type Through = Joined & { by?: Target };

/** What the edge passes on comes to a sidecar, which passes it on to a copy. */
function through(joined: Joined | undefined): Through | undefined {
  const by = joined?.target;
  if (by === undefined || !(by.container.program instanceof Nginx)) return joined;
  const passed = by.container.program.accept(by.port)?.join(by.port);
  return passed && { ...passed, by };
}

/** Who takes the connections of a place: more than one where a name has several addresses. */
function doorsOf({ machine, network, port }: Place): Target[] {
  if (network === '') {
    const target = machine.entrance(port);
    return target === undefined ? [] : [target];
  }
  const members = machine.networks.get(network);
  const addresses = members?.resolve(SIDECAR, machine.now()) ?? [];
  return addresses.flatMap((address) => {
    const container = members?.members.get(address);
    return container === undefined ? [] : [{ container, port }];
  });
}

function domainsOf(machine: Machine): Place[] {
  const door = machine.entrance(DOOR);
  const workers = door?.container.program instanceof Nginx ? door.container.program.workers : undefined;
  return (workers?.config.http ?? []).flatMap(({ ports, names, locations, rules: own }) => {
    if (!ports.includes(door!.port)) return [];
    return locations.flatMap(({ isExact, path, rules }) => {
      const pass = rules.find((rule) => rule.does === 'pass');
      if (pass === undefined || isExact) return [];
      return names
        .filter((name) => name !== '_' && name !== '')
        .map((name) => {
          const domain = name.replace(/^[*~].*?(?=\.|$)/, 'any');
          const key = `${machine.name} ${name}${path.replace(/\/$/, '')}`;
          const upstream = upstreamOf(pass.target, [...own, ...rules]);
          return { key, machine, domain, path, port: DOOR, network: '', upstream, streams: {} };
        });
    });
  });
}

/** Adds the places of further paths, of which the longest one that is served says who has them. */
function withPaths(places: readonly Place[], paths: readonly string[]): Place[] {
  const whole = places.filter(({ path }) => path === '/');
  const further = whole.flatMap((place) =>
    paths.map((path): Place => {
      const key = `${place.key}${path.replace(/\/$/, '')}`;
      const above = places.find((one) => one.key === key) ?? place;
      return { ...above, key, path, streams: {} };
    }),
  );
  return [...places.filter(({ key }) => further.every((one) => one.key !== key)), ...further];
}

function publishedPortsOf(machine: Machine): Place[] {
  const door = machine.entrance(DOOR);
  const workers = door?.container.program instanceof Nginx ? door.container.program.workers : undefined;
  return (workers?.config.stream ?? [])
    .filter(({ port }) => machine.entrance(port) !== undefined)
    .map(({ port, target }) => {
      const spoken = portSpoken(port);
      const published = edgePort(spoken.port, spoken.protocol);
      const key = `${machine.name} ${published}`;
      return {
        key,
        machine,
        domain: undefined,
        path: '/',
        port,
        published,
        network: '',
        upstream: baseOf(target),
        streams: {},
      };
    });
}

function internalPortsOf(machine: Machine): Place[] {
  return [...machine.networks.values()].flatMap((network) => {
    const found = network
      .resolve(SIDECAR, machine.now())
      .map((address) => network.members.get(address)?.program);
    return found.flatMap((program) => {
      const config = program instanceof Nginx ? program.workers?.config : undefined;
      if (config === undefined) return [];
      const http = config.http.flatMap(({ ports, locations, rules: own }) =>
        locations.flatMap(({ rules }) =>
          rules.flatMap((rule) =>
            rule.does === 'pass'
              ? ports.map((port) => ({ port, upstream: upstreamOf(rule.target, own) }))
              : [],
          ),
        ),
      );
      const stream = config.stream.map(({ port, target }) => ({ port, upstream: baseOf(target) }));
      return [...http, ...stream]
        .filter(({ port }) => isInternal(port))
        .map(({ port, upstream }) => {
          const key = `${machine.name} ${network.name}:${port}`;
          return {
            key,
            machine,
            domain: undefined,
            path: '/',
            port,
            network: network.name,
            upstream,
            streams: {},
          };
        });
    });
  });
}

/** Where requests go without a flag names a place. */
/** Each side has an upstream; a service is known by that of its base. */
function baseOf(target: string): string {
  return target.replace(/_secondary(?=\.|$)/, '');
}

function upstreamOf(target: string, rules: readonly Rule[]): string {
  const side = rules.find((rule) => rule.does === 'set' && rule.variable === '$group');
  return side?.does === 'set' ? side.value : target;
}

/** It lives in the network of another container, whose connections are none of its own. */
function isGuest({ networkMode }: Container): boolean {
  return networkMode.startsWith('container:');
}

function isOpen(held: Held): held is Open {
  return 'place' in held;
}
