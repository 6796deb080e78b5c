import { adoptedContainers, frontOf, isOfInterest } from '../../../src/deploy/adopted.ts';
import { assemble, assembleKept, assembleUndo, type Facts } from '../../../src/deploy/assemble.ts';
import { blueprintHash } from '../../../src/deploy/container.ts';
import { describePlan } from '../../../src/deploy/describe.ts';
import type { ForeignContainer, ObservedNginx, ObservedServer } from '../../../src/deploy/observed.ts';
import { begunServices, keptDigests, outcomeOf } from '../../../src/deploy/outcome.ts';
import type {
  Level,
  Plan,
  PrepareStep,
  RetireStep,
  StartStep,
  SwitchStep,
  Takeover,
} from '../../../src/deploy/plan.ts';
import { isEmpty } from '../../../src/deploy/plan.ts';
import type { PlanInput, WantedService } from '../../../src/deploy/plan-input.ts';
import { wishOf } from '../../../src/deploy/planned-routes.ts';
import { planDeploy } from '../../../src/deploy/planner.ts';
import { recordIntent, recordOutcome, releaseOf } from '../../../src/deploy/record.ts';
import { adoptedSidecarName, containerName, scopeName, sidecarName } from '../../../src/model/names.ts';
import { hostPort } from '../../../src/model/ports.ts';
import type { EnvironmentState, Release } from '../../../src/model/release.ts';
import type { Side } from '../../../src/model/side.ts';
import type { EnvironmentSpec, ServerSpec } from '../../../src/model/spec.ts';
import { compose, firstFiles, isServed } from '../../../src/nginx/compose.ts';
import { type NginxKind, renderPointer } from '../../../src/nginx/render.ts';
import { backendsOf, type Placement, type Route } from '../../../src/nginx/routes.ts';
import { type Manifest, parseTree, routesOf, slotOfGeneration, type Tree } from '../../../src/nginx/tree.ts';
import { emptyState, keepUnknown } from '../../../src/state/environment-file.ts';

const AUTHOR = { run: 'run-1', actor: 'ann', commit: undefined };
const NOW = new Date('2026-11-01T12:00:00Z');

/** A service container of the model. */
export interface Container {
  id: string;
  name: string;
  service: string;
  side: Side;
  release: number;
  hash: string;
  secretsVersion: number;
  image: string;
  imageId: string;
  isRunning: boolean;
  port: number;
  hostPort: number;
  internalPort: number;
  /** Set where the host port is open to the other servers. */
  publishOn: string | undefined;
  volumes: string[];
  environment: Record<string, string>;
  /** An nginx has sent it traffic. */
  hadTraffic: boolean;
}

/** An edge or sidecar: its volume, and what the running nginx has read of it. */
export interface Nginx {
  files: Map<string, string>;
  loaded: Manifest | undefined;
  isRunning: boolean;
  isInNetwork: boolean;
}

/** A container that somebody else made. */
export interface HandMade extends ForeignContainer {
  /** Names of the containers that it passes requests to. */
  passesTo: string[];
}

/** A server of the model. */
export interface Machine {
  spec: ServerSpec;
  containers: Container[];
  sidecar: Nginx | undefined;
  edge: Nginx | undefined;
  images: Map<string, string>;
  /** What somebody else made. */
  foreign: HandMade[];
  /** The edge has no ports of the server: a front holds them. */
  isBridge: boolean;
  /** New connections go past the front, to the bridge. */
  isDiverted: boolean;
  /** Switched off: nobody can reach it, and nothing there answers. */
  isDead: boolean;
}

/** How a run is asked for. */
export interface RunOptions {
  services?: string[];
  zones?: string[];
  excludedServers?: string[];
  /** Values by service and name. */
  secrets?: Record<string, Record<string, string>>;
  /** `update-nginx`: only routes. */
  routesOnly?: boolean;
}

/** A health check failed, or a switch was not proven. */
export class StepFailed extends Error {}

/** Ids of the containers that a run has started and that no switch has given traffic, by service. */
type Unused = Map<string, string[]>;

/**
 * World is a model of servers and record on which plans really run: containers come and go, and edge and sidecar
 * are composed and reloaded by the code that does it in life. It throws where an engine would refuse a step.
 */
export class World {
  readonly machines = new Map<string, Machine>();
  readonly scope = { project: 'shop', environment: 'production' };
  state: EnvironmentState = emptyState(this.scope);
  releases = new Map<string, Release>();
  /** The plan that the last run followed in the end. */
  underway: Plan | undefined;
  /** Images that never get healthy. */
  readonly broken = new Set<string>();
  /** What an image name means right now: `moveImage` changes it. */
  readonly #imageIds = new Map<string, string>();
  #nextId = 1;

  /** plan returns what a run would do now. */
  plan(wanted: EnvironmentSpec, options: RunOptions = {}): Plan {
    return planDeploy(this.input(wanted, options));
  }

  /** describe returns the plan's lines, for stories. */
  describe(wanted: EnvironmentSpec, options: RunOptions = {}): string[] {
    return describePlan(this.plan(wanted, options));
  }

  input(wanted: EnvironmentSpec, options: RunOptions = {}): PlanInput {
    const facts = this.facts(wanted, options);
    return options.routesOnly ? assembleKept(facts) : assemble(facts);
  }

  facts(wanted: EnvironmentSpec, options: RunOptions): Facts {
    const { services, zones, excludedServers, secrets = {} } = options;
    const known = Object.entries(this.state.services).map(([name, { release, pending }]) => {
      const at = (number: number | undefined) => this.releases.get(`${name}/${number}`);
      return [name, { current: at(release), pending: at(pending?.release) }] as const;
    });
    return {
      wanted,
      secrets,
      narrowing: { services, zones, excludedServers },
      observed: this.#observe(wanted, options),
      state: structuredClone(this.state),
      known: new Map(known),
      drainedElsewhere: new Set(),
    };
  }

  /** deploy runs to the end; it returns the plan that was run, and throws what made it fail. */
  deploy(wanted: EnvironmentSpec, options: RunOptions = {}): Plan {
    const run = this.run(wanted, options);
    for (;;) {
      const { done, value } = run.next();
      if (done) return value;
    }
  }

  /** deployUntil is cut off after the first moment whose name matches; it throws when there was none. */
  deployUntil(moment: RegExp, wanted: EnvironmentSpec, options: RunOptions = {}): void {
    const seen: string[] = [];
    for (const name of this.run(wanted, options)) {
      seen.push(name);
      if (moment.test(name)) return;
    }
    throw new Error(`no moment ${moment} in: ${seen.join('; ')}`);
  }

  /** run does what a deploy does, moment by moment; whoever stops asking has cut it off. */
  *run(wanted: EnvironmentSpec, options: RunOptions = {}): Generator<string, Plan> {
    let input = this.input(wanted, options);
    let plan = planDeploy(input);
    this.underway = plan;
    if (plan.settle !== undefined) {
      for (const step of plan.prepare) yield this.#prepare(wanted, step);
      yield* this.#switch(input, plan.settle, new Map());
      input = this.input(wanted, options);
      plan = planDeploy(input);
      this.underway = plan;
      if (plan.settle !== undefined) throw new Error('edges and sidecars do not agree after settling');
    }
    for (let rounds = 0; plan.vacate.some(({ drainTimeoutMs }) => drainTimeoutMs !== undefined); rounds++) {
      if (rounds > 3) throw new Error('vacating never ends');
      for (const step of plan.vacate.filter(({ drainTimeoutMs }) => drainTimeoutMs !== undefined)) {
        yield this.#retire(step);
      }
      input = this.input(wanted, options);
      plan = planDeploy(input);
      this.underway = plan;
    }
    if (isEmpty(plan)) return plan;
    for (const step of plan.prepare) yield this.#prepare(wanted, step);
    for (const { host, image } of plan.pulls) {
      this.#machine(host).images.set(image, this.imageId(image));
      yield `pulled ${image} on ${host}`;
    }
    const begun = begunServices(input, plan);
    const digests = keptDigests(input, begun);
    const written = new Set(begun.map(({ name }) => name));
    if (begun.length > 0) {
      this.#write(input, begun);
      this.#record((state) => recordIntent(state, begun, AUTHOR, NOW));
      yield 'recorded the intent';
    }
    for (const step of plan.vacate) yield this.#retire(step);

    const progress = {
      done: [] as string[],
      failed: [] as string[],
      unused: new Map() as Unused,
      skipped: [] as string[],
      failure: undefined as unknown,
      dead: [] as string[],
      probes: new Map(),
    };
    const retiring: RetireStep[] = [];
    for (const level of plan.levels) {
      try {
        yield* this.#level(input, level, options, progress.unused);
        retiring.push(...level.retire);
        progress.done.push(...level.services);
      } catch (error) {
        if (!(error instanceof StepFailed)) throw error;
        progress.failure = error;
        progress.failed = level.services;
        yield* this.#undo(wanted, input, progress, options);
        break;
      }
    }
    if (progress.failure !== undefined) {
      progress.skipped = plan.levels
        .flatMap(({ services }) => services)
        .filter((name) => !progress.done.includes(name));
    }
    for (const step of retiring) yield this.#retire(step);
    if (progress.failure === undefined) yield* this.#takeOver(wanted, plan.takeover);
    if (progress.failure === undefined) for (const { host } of plan.teardown) yield this.#teardown(host);
    const outcome = outcomeOf(input, plan, progress, digests, [], '');
    this.#write(
      input,
      outcome.achieved.map(({ service }) => service).filter(({ name }) => !written.has(name)),
    );
    const isMultiServer = input.servers.length > 1;
    this.#record((state) => recordOutcome(input.scope, state, outcome, isMultiServer, AUTHOR, NOW));
    yield 'recorded the outcome';
    if (progress.failure !== undefined) throw progress.failure;
    if (plan.postponed.length > 0) return yield* this.run(wanted, options);
    return plan;
  }

  *#takeOver(wanted: EnvironmentSpec, { divert, leave, nginx, open }: Takeover): Generator<string> {
    for (const { host, name } of divert) {
      const machine = this.#living(host);
      if (!machine.isBridge || !machine.edge?.isRunning) throw new Error(`${host}: nothing to divert to`);
      const promised = wanted.services.flatMap(({ route }) => route.domains);
      const lost = frontOf(machine)?.served?.find(
        (one) => promised.includes(one.name) && !this.#answersFor(host, one.name),
      );
      if (lost !== undefined) throw new Error(`${host}: nobody answers for ${lost.name} past ${name}`);
      machine.isDiverted = true;
      yield `diverted connections past ${name} on ${host}`;
    }
    for (const step of [...leave, ...nginx]) yield this.#retire(step);
    for (const step of open) yield this.#prepare(wanted, step);
  }

  /** Who has a service's traffic on a server, as its sidecar was told: the container's name. */
  serving(service: string, host = 'a'): string | undefined {
    const route = this.routes(host, 'sidecar').find((candidate) => candidate.service === service);
    const side = route?.placements.find((placement) => placement.host === host)?.side;
    return side && containerName(this.scope, service, side);
  }

  /** Names of the containers that run on a server. */
  running(host = 'a'): string[] {
    return this.#machine(host)
      .containers.filter(({ isRunning }) => isRunning)
      .map(({ name }) => name)
      .sort();
  }

  /** What a running edge or sidecar serves of the environment. */
  routes(host: string, kind: NginxKind): Route[] {
    const nginx = this.#machine(host)[kind];
    return nginx?.isRunning ? routesOf(nginx.loaded?.scopes[scopeName(this.scope)]) : [];
  }

  /** container finds one by its name. */
  container(name: string, host = 'a'): Container {
    const found = this.#machine(host).containers.find((container) => container.name === name);
    if (found === undefined) throw new Error(`no ${name} on ${host}`);
    return found;
  }

  /** answers tells whether a backend takes a connection of the nginx on `host`. */
  answers(host: string, route: Route, placement: { host: string; side: Side }): boolean {
    const machine = this.machines.get(placement.host);
    if (machine?.isDead) return false;
    const container = machine?.containers.find(
      ({ service, side }) => service === route.service && side === placement.side,
    );
    if (container === undefined || !this.isHealthy(container)) return false;
    if (host === placement.host) return container.port === route.containerPort;
    return container.publishOn !== undefined && container.hostPort === route.hostPort;
  }

  /** Does the edge of a server have somebody to answer for a domain? */
  #answersFor(host: string, domain: string): boolean {
    return this.primaries().some(
      ({ kind, route, placement, ...on }) =>
        on.host === host &&
        kind === 'edge' &&
        route.domains.includes(domain) &&
        this.answers(host, route, placement),
    );
  }

  isHealthy({ isRunning, image }: Container): boolean {
    return isRunning && !this.broken.has(image);
  }

  imageId(image: string): string {
    return this.#imageIds.get(image) ?? `sha256:${image}`;
  }

  /** moveImage lets a name mean another image, on every server that has it. */
  moveImage(image: string): void {
    const id = `${this.imageId(image)}'`;
    this.#imageIds.set(image, id);
    for (const { images } of this.machines.values()) if (images.has(image)) images.set(image, id);
  }

  /** loseRecord forgets what the state branch said. */
  loseRecord(): void {
    this.state = emptyState(this.scope);
    this.releases = new Map();
  }

  /** join makes the file's servers exist; those that left it are switched off, and come back empty. */
  join(specs: readonly ServerSpec[]): void {
    for (const host of this.machines.keys()) {
      if (specs.every((spec) => spec.host !== host)) this.machines.delete(host);
    }
    for (const spec of specs) {
      const known = this.machines.get(spec.host);
      if (known !== undefined) known.spec = spec;
      else {
        const nothing = {
          containers: [],
          sidecar: undefined,
          edge: undefined,
          images: new Map(),
          foreign: [],
          isBridge: false,
          isDiverted: false,
          isDead: false,
        };
        this.machines.set(spec.host, { spec, ...nothing });
      }
    }
  }

  #machine(host: string): Machine {
    const found = this.machines.get(host);
    if (found === undefined) throw new Error(`no server ${host}`);
    return found;
  }

  /** A server that is asked for something: never one that is switched off. */
  #living(host: string): Machine {
    const machine = this.#machine(host);
    if (machine.isDead) throw new Error(`${host} is switched off, and was asked for something`);
    return machine;
  }

  #observe(wanted: EnvironmentSpec, { zones, excludedServers = [] }: RunOptions): ObservedServer[] {
    this.join(wanted.servers);
    const images = new Set(wanted.services.map(({ container: { image } }) => image));
    return wanted.servers
      .filter(
        ({ host, zone }) => (zones === undefined || zones.includes(zone)) && !excludedServers.includes(host),
      )
      .map(({ host }) => {
        const machine = this.#living(host);
        const foreign = machine.foreign.filter((one) =>
          isOfInterest(one, this.scope, wanted.services, wanted.nginx),
        );
        const containers = machine.containers.map((container) => ({
          ...container,
          address: container.isRunning ? '172.18.0.9' : undefined,
          helpers: [],
        }));
        return {
          host,
          containers: [...containers, ...adoptedContainers(this.scope, wanted.services, foreign)],
          foreign: structuredClone(foreign),
          bridge: machine.isBridge && machine.edge?.isRunning ? 'bridge' : undefined,
          sidecar: this.#observeNginx(machine.sidecar, 'sidecar'),
          edge: this.#observeNginx(machine.edge, 'edge'),
          hasNetwork: machine.sidecar !== undefined,
          foreignHostPorts: [],
          leftHelpers: [],
          images: new Map(
            [...machine.images]
              .filter(([name]) => images.has(name))
              .map(([name, id]) => [name, { id, digest: undefined }]),
          ),
        };
      });
  }

  #observeNginx(nginx: Nginx | undefined, name: string): ObservedNginx | undefined {
    if (nginx === undefined) return undefined;
    const { files, loaded, isRunning, isInNetwork } = nginx;
    const tree = parseTree(files);
    const generation = isRunning ? loaded?.scopes[scopeName(this.scope)]?.generation : undefined;
    return {
      id: name,
      name,
      isRunning,
      address: isRunning ? '172.18.0.2' : undefined,
      tree,
      slot: slotOfGeneration(tree, scopeName(this.scope), generation) ?? tree.live,
      generation,
      isInNetwork,
    };
  }

  #prepare(wanted: EnvironmentSpec, { host, sidecar, edge, displaced }: PrepareStep): string {
    const machine = this.#living(host);
    const old = machine.foreign.find(({ id }) => id === displaced?.id);
    if (old !== undefined) old.name = adoptedSidecarName(this.scope);
    if (sidecar === 'create' && machine.foreign.some(({ name }) => name === sidecarName(this.scope)))
      throw new Error(`${host}: the sidecar's name is already in use`);
    if (edge === 'bridge') machine.isBridge = true;
    else if (edge !== undefined && edge !== 'join' && frontOf(machine) !== undefined)
      throw new Error(`${host}: port is already allocated by ${frontOf(machine)?.name}`);
    if (edge === 'open') {
      machine.isBridge = false;
      machine.isDiverted = false;
    }
    if (sidecar !== undefined) machine.sidecar = this.#ensure(wanted, 'sidecar', machine.sidecar);
    if (edge !== undefined) {
      machine.edge = this.#ensure(wanted, 'edge', machine.edge);
      machine.edge.isInNetwork = true;
    }
    return `prepared ${host}`;
  }

  #ensure(wanted: EnvironmentSpec, kind: NginxKind, nginx: Nginx | undefined): Nginx {
    const ensured = nginx ?? {
      files: firstFiles(kind, this.scope, wanted.nginx),
      loaded: undefined,
      isRunning: false,
      isInNetwork: false,
    };
    ensured.isRunning = true;
    this.#load(ensured);
    return ensured;
  }

  #load(nginx: Nginx): void {
    const tree = parseTree(nginx.files);
    nginx.loaded = tree.slots[tree.live].manifest;
    this.#markTraffic();
  }

  #markTraffic(): void {
    for (const { host, route, placement } of this.primaries()) {
      if (!this.answers(host, route, placement)) continue;
      const machine = this.#machine(placement.host);
      for (const container of machine.containers) {
        if (container.service === route.service && container.side === placement.side)
          container.hadTraffic = true;
      }
    }
  }

  /** Every backend that is no backup, of every running edge and sidecar. */
  primaries(): { host: string; kind: NginxKind; route: Route; placement: Placement }[] {
    const specs = [...this.machines.values()].map(({ spec }) => spec);
    const living = specs.filter(({ host }) => !this.#machine(host).isDead);
    return living.flatMap((spec) =>
      (['sidecar', 'edge'] as const).flatMap((kind) =>
        this.routes(spec.host, kind).flatMap((route) =>
          kind === 'edge' && route.domains.length === 0
            ? []
            : backendsOf(this.scope, route, spec, specs)
                .filter(({ isBackup }) => !isBackup)
                .map(({ server, side }) => ({
                  host: spec.host,
                  kind,
                  route,
                  placement: { host: server, side },
                })),
        ),
      ),
    );
  }

  *#level(input: PlanInput, level: Level, options: RunOptions, unused: Unused): Generator<string> {
    for (const { host, id, name } of level.stop) {
      const machine = this.#living(host);
      const all: { id: string; isRunning: boolean }[] = [...machine.containers, ...machine.foreign];
      const container = all.find((candidate) => candidate.id === id);
      if (container !== undefined) container.isRunning = false;
      yield `stopped ${name} on ${host}`;
    }
    for (const step of level.start) yield this.#start(step, options, unused);
    for (const { service, host, side } of level.check) {
      this.#living(host);
      const container = this.container(containerName(this.scope, service, side), host);
      if (!this.isHealthy(container)) throw new StepFailed(`${container.name} on ${host} is not healthy`);
    }
    if (level.switch !== undefined) yield* this.#switch(input, level.switch, unused);
  }

  #start(step: StartStep, options: RunOptions, unused: Unused): string {
    const machine = this.#living(step.host);
    const { blueprint, side } = step;
    const name = containerName(this.scope, step.service, side);
    const old = machine.foreign.find(({ id }) => id === step.existing);
    if (old !== undefined) {
      old.isRunning = true;
      return `started ${old.name} on ${step.host}`;
    }
    let container = machine.containers.find(({ id }) => id === step.existing);
    if (container === undefined) {
      if ([...machine.containers, ...machine.foreign].some((other) => other.name === name))
        throw new Error(`${name} is already in use`);
      const imageId = machine.images.get(blueprint.container.image);
      if (imageId === undefined) throw new Error(`no image ${blueprint.container.image} on ${step.host}`);
      container = {
        id: `c${this.#nextId++}`,
        name,
        service: step.service,
        side,
        release: step.release,
        hash: blueprintHash(blueprint),
        secretsVersion: blueprint.secretsVersion,
        image: blueprint.container.image,
        imageId,
        isRunning: false,
        port: blueprint.containerPort,
        hostPort: blueprint.ports.host,
        internalPort: blueprint.ports.internal,
        publishOn: blueprint.publishOn,
        volumes: blueprint.container.volumes.map(({ source = '' }) => source),
        environment: { ...blueprint.container.environment, ...options.secrets?.[step.service] },
        hadTraffic: false,
      };
      unused.set(step.service, [...(unused.get(step.service) ?? []), container.id]);
      machine.containers.push(container);
    }
    const published = (one: Container) =>
      one.publishOn !== undefined && `${one.publishOn}:${hostPort(one.hostPort, one.side)}`;
    const rival = machine.containers.find(
      (other) =>
        other.isRunning &&
        other !== container &&
        published(other) &&
        published(other) === published(container),
    );
    if (rival !== undefined) throw new Error(`${name}: port is already allocated by ${rival.name}`);
    container.isRunning = true;
    return `started ${name} on ${step.host}`;
  }

  *#switch(input: PlanInput, step: SwitchStep, unused: Unused): Generator<string> {
    const staged: {
      nginx: Nginx;
      before: string;
      files: Map<string, string>;
      slot: 'a' | 'b';
      on: string;
    }[] = [];
    for (const host of step.hosts) {
      const machine = this.#living(host);
      for (const kind of ['sidecar', 'edge'] as const) {
        const wish = wishOf(kind, input, machine.spec, step.routes);
        const nginx = machine[kind]?.isRunning ? machine[kind] : undefined;
        const scope = scopeName(this.scope);
        const tree = nginx && parseTree(nginx.files);
        const isKnown = nginx?.loaded?.scopes[scope] !== undefined || (tree && generationIn(tree, scope));
        if (kind === 'edge' && wish.files.size === 0 && !isKnown) continue;
        if (nginx === undefined || tree === undefined)
          throw new Error(`${host}: there is no running ${kind}`);
        const generation = nginx.loaded?.scopes[scope]?.generation;
        if (isServed(kind, tree, wish) && generation === generationIn(tree, scope)) continue;
        const before = slotOfGeneration(tree, scope, generation) ?? tree.live;
        nginx.files.set('nginx.conf', renderPointer(before));
        const { files, slot } = compose(kind, { ...tree, live: before }, wish);
        for (const [path, content] of files) nginx.files.set(path, content);
        staged.push({ nginx, before, files, slot, on: `${kind} of ${host}` });
      }
    }
    yield 'staged the routes';
    for (const { nginx, slot, on } of staged) {
      nginx.files.set('nginx.conf', renderPointer(slot));
      yield `pointed the ${on} to slot ${slot}`;
      this.#load(nginx);
      yield `reloaded the ${on}`;
    }
    for (const service of step.moved) unused.delete(service);
    const unproven = this.primaries().find(
      ({ host, route, placement }) =>
        step.hosts.includes(host) &&
        step.moved.includes(route.service) &&
        placement.host === host &&
        !this.answers(host, route, placement),
    );
    if (unproven === undefined) return;
    for (const { nginx, before } of staged) {
      nginx.files.set('nginx.conf', renderPointer(before));
      this.#load(nginx);
    }
    throw new StepFailed(`the switch of ${unproven.route.service} is not proven on ${unproven.host}`);
  }

  #retire({ id, name, host, drainTimeoutMs }: RetireStep): string {
    const machine = this.#living(host);
    const container = machine.containers.find((candidate) => candidate.id === id);
    if (container?.isRunning && container.hadTraffic && drainTimeoutMs === undefined)
      throw new Error(`${name} on ${host} had traffic, and goes without a drain`);
    this.#leave(machine, id);
    machine.containers = machine.containers.filter((container) => container.id !== id);
    return `${drainTimeoutMs === undefined ? 'removed' : 'drained and removed'} ${name} on ${host}`;
  }

  /** What somebody else made has its traffic from the front, for as long as connections go there. */
  #leave(machine: Machine, id: string): void {
    const leaving = machine.foreign.find((one) => one.id === id);
    const front = frontOf(machine);
    if (leaving?.isRunning && front !== undefined && !machine.isDiverted) {
      if (leaving === front) throw new Error(`${leaving.name} goes while connections come to it`);
      if (machine.foreign.find((one) => one.id === front.id)?.passesTo.includes(leaving.name))
        throw new Error(`${leaving.name} goes while ${front.name} passes requests to it`);
    }
    machine.foreign = machine.foreign.filter((one) => one.id !== id);
  }

  /** makeByHand lets somebody start a container on a server. */
  makeByHand(host: string, container: Partial<HandMade> & Pick<HandMade, 'name'>): void {
    this.#machine(host).foreign.push({
      id: `h${this.#nextId++}`,
      isRunning: true,
      image: 'old:1',
      imageId: 'sha256:old:1',
      owner: undefined,
      composeProject: undefined,
      networks: ['hand'],
      writes: [],
      published: [],
      passesTo: [],
      ...container,
    });
  }

  *#undo(
    wanted: EnvironmentSpec,
    input: PlanInput,
    progress: { failed: string[]; done: string[]; unused: Unused },
    options: RunOptions,
  ): Generator<string> {
    const unused = new Set([...progress.unused.values()].flat());
    const observed = this.#observe(wanted, options);
    const plan = planDeploy(assembleUndo(input, { ...progress, unused }, observed));
    if (plan.settle !== undefined) throw new Error('edges and sidecars do not agree after going back');
    for (const step of plan.prepare) yield this.#prepare(wanted, step);
    for (const step of plan.vacate) yield this.#retire(step);
    for (const level of plan.levels) {
      yield* this.#level(input, level, options, progress.unused);
      for (const step of level.retire) yield this.#retire(step);
    }
  }

  #teardown(host: string): string {
    const machine = this.#living(host);
    if (machine.containers.length > 0) throw new Error(`${host}: the network has active endpoints`);
    machine.sidecar = undefined;
    if (machine.edge !== undefined) machine.edge.isInNetwork = false;
    return `tore ${host} down`;
  }

  #write(input: PlanInput, services: readonly WantedService[]): void {
    for (const service of services.filter(({ release }) => release.isNew)) {
      const path = `${service.name}/${service.release.number}`;
      if (this.releases.has(path)) throw new Error(`release ${path} is already written`);
      this.releases.set(path, releaseOf(input.scope, service, undefined, AUTHOR, NOW));
    }
  }

  #record(change: (state: EnvironmentState) => EnvironmentState): void {
    this.state = structuredClone(keepUnknown(this.state, change(structuredClone(this.state))));
  }
}

function generationIn(tree: Tree, scope: string): string | undefined {
  return tree.slots[tree.live].manifest?.scopes[scope]?.generation;
}
