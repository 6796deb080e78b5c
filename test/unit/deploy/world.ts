import { adoptedContainers, frontOf, isOfInterest } from '../../../src/deploy/planning/adopted.ts';
import { assemble, assembleKept, type Facts, type Restored } from '../../../src/deploy/planning/assemble.ts';
import { blueprintHash, containerRequest } from '../../../src/deploy/planning/container.ts';
import { describePlan } from '../../../src/deploy/planning/describe.ts';
import { namesOf } from '../../../src/deploy/planning/image-name.ts';
import { joinPlans, keepOldSides } from '../../../src/deploy/planning/joined-plan.ts';
import type {
  ForeignContainer,
  Leftover,
  Leftovers,
  ObservedHook,
  ObservedNginx,
  ObservedServer,
} from '../../../src/deploy/planning/observed.ts';
import type {
  AwaitStep,
  ForgetSecretsStep,
  HookStep,
  KeepSecretsStep,
  Level,
  Plan,
  PrepareStep,
  PullStep,
  RetireStep,
  StartStep,
  SweepStep,
  SwitchStep,
  Takeover,
} from '../../../src/deploy/planning/plan.ts';
import { isCreating, isEmpty } from '../../../src/deploy/planning/plan.ts';
import type { PlanInput, WantedService } from '../../../src/deploy/planning/plan-input.ts';
import { wishOf } from '../../../src/deploy/planning/planned-routes.ts';
import { planDeploy } from '../../../src/deploy/planning/planner.ts';
import { assembleUndo, assembleWithout } from '../../../src/deploy/planning/rest-of-run.ts';
import { type ContainerSettings, settingsAsked } from '../../../src/deploy/planning/settings.ts';
import { refuseUnfinished } from '../../../src/deploy/planning/unfinished-hook.ts';
import { recordHook } from '../../../src/deploy/recording/hook-record.ts';
import {
  begunServices,
  keptDigests,
  outcomeOf,
  type Progress as RunProgress,
} from '../../../src/deploy/recording/outcome.ts';
import { recordIntent, recordOutcome, releaseOf } from '../../../src/deploy/recording/record.ts';
import { chooseRelease, type RollbackTarget } from '../../../src/deploy/restoring/choose-release.ts';
import { checkImages, restoredSpec } from '../../../src/deploy/restoring/restore.ts';
import { PartialSwitch, soleHome } from '../../../src/deploy/running/partial-switch.ts';
import { UserError } from '../../../src/model/errors.ts';
import { adoptedSidecarName, containerName, scopeName, sidecarName } from '../../../src/model/names.ts';
import { hostPort } from '../../../src/model/ports.ts';
import type { EnvironmentState, Release } from '../../../src/model/release.ts';
import type { Side } from '../../../src/model/side.ts';
import { canonicalJson, type EnvironmentSpec, type ServerSpec } from '../../../src/model/spec.ts';
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
  /** By which nginx finds it; undefined for a copy that somebody made by hand. */
  alias: string | undefined;
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
  versionPort: number | undefined;
  internalPort: number;
  /** Set where the host port is open to the other servers. */
  publishOn: string | undefined;
  volumes: string[];
  environment: Record<string, string>;
  settings: ContainerSettings;
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

/** Something that lies on a server and that no service needs. */
export interface Litter extends Leftover {
  kind: keyof Leftovers;
  isOurs: boolean;
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
  hooks: ObservedHook[];
  sidecar: Nginx | undefined;
  edge: Nginx | undefined;
  images: Map<string, string>;
  /** Values of secrets that are kept here, by `service/version`. */
  secrets: Map<string, Record<string, string>>;
  /** What carries our labels and is in nobody's way, and what looks like it and is somebody else's. */
  litter: Litter[];
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
  unfinishedHook?: 'run' | 'done' | undefined;
  /** A rollback of `services`. */
  rollback?: RollbackTarget;
  /** What the rollback has found; filled in by the world. */
  restored?: Restored;
}

/** How a hook of one release ended, or that it has not ended. */
export type HookEnd = 'runs' | 'well' | 'badly' | 'killed';

/** The command of a hook that fails. */
export const FAILING = ['fail'];

/**
 * Where images come from: a registry that gives digests, or somebody who loads them by hand before each run. `plain`
 * pulls, and knows of no digests.
 */
type ImageSource = 'plain' | 'digests' | 'by hand';

/** A health check failed, or a switch was not proven. */
export class StepFailed extends Error {}

/** Ids of the containers that a run has started and that no switch has given traffic, by service. */
type Unused = Map<string, string[]>;

/** How far a run came. */
interface Progress extends RunProgress {
  unused: Unused;
  retiring: RetireStep[];
  /** Services whose release is written. */
  written: Set<string>;
}

/**
 * World is a model of servers and record on which plans really run: containers come and go, and edge and sidecar
 * are composed and reloaded by the code that does it in life. It throws where an engine would refuse a step.
 */
export class World {
  readonly machines = new Map<string, Machine>();
  readonly scope = { project: 'shop', environment: 'production' };
  state: EnvironmentState = emptyState(this.scope);
  releases = new Map<string, Release>();
  /** The values that secrets had when a release was written: what nobody in life remembers. */
  readonly truth = new Map<string, Record<string, string>>();
  /** The plan that the last run followed in the end. */
  underway: Plan | undefined;
  /** Images that never get healthy. */
  readonly broken = new Set<string>();
  /** Hosts whose nginx takes no new configuration. */
  readonly stubborn = new Set<string>();
  /** What became of every hook that was started, by service, hook, release and image. */
  readonly hookEnds = new Map<string, HookEnd>();
  /** What an image name means right now: `moveImage` changes it. */
  readonly #imageIds = new Map<string, string>();
  readonly #source: ImageSource;
  #nextId = 1;
  /** What edges, sidecars, locks and helpers are made of. */
  #nginxImage = '';

  constructor(source: ImageSource = 'plain') {
    this.#source = source;
  }

  /** plan returns what a run would do now. */
  plan(wanted: EnvironmentSpec, options: RunOptions = {}): Plan {
    return planDeploy(this.input(wanted, options));
  }

  /** describe returns the plan's lines, for stories. */
  describe(wanted: EnvironmentSpec, options: RunOptions = {}): string[] {
    return describePlan(this.plan(wanted, options));
  }

  input(file: EnvironmentSpec, asked: RunOptions = {}): PlanInput {
    const { wanted, options } = this.ask(file, asked);
    const facts = this.facts(wanted, options);
    return options.routesOnly ? assembleKept(facts) : assemble(facts);
  }

  /** ask finds the releases and values that a rollback brings back; it throws a UserError where there are none. */
  ask(wanted: EnvironmentSpec, options: RunOptions): { wanted: EnvironmentSpec; options: RunOptions } {
    const { rollback, services = [] } = options;
    if (rollback === undefined || options.restored !== undefined) return { wanted, options };
    const restored = new Map(services.map((name) => [name, this.#choose(name, rollback)] as const));
    const living = [...this.machines.values()].filter(({ isDead }) => !isDead);
    const secrets: Record<string, Record<string, string>> = {};
    for (const [name, { secrets_version, container }] of restored) {
      const kept = living.map((machine) => machine.secrets.get(`${name}/${secrets_version}`));
      const values = kept.find((one) => one !== undefined);
      if (values === undefined && container.secrets.length > 0) throw new UserError(`no secrets of ${name}`);
      secrets[name] = values ?? {};
    }
    return {
      wanted: restoredSpec(wanted, restored),
      options: { ...options, restored, secrets },
    };
  }

  #choose(name: string, to: RollbackTarget): Release {
    const recorded = this.state.services[name];
    if (recorded === undefined || recorded.release === 0) throw new UserError(`${name} is not deployed`);
    const releases = [...this.releases.values()].filter(({ service }) => service === name);
    return chooseRelease(name, to, { recorded, releases: releases.sort((a, b) => a.number - b.number) });
  }

  facts(wanted: EnvironmentSpec, options: RunOptions): Facts {
    this.#nginxImage = wanted.nginx.image;
    const { services, zones, excludedServers, secrets = {}, unfinishedHook, restored } = options;
    const known = Object.entries(this.state.services).map(([name, { release, pending }]) => {
      const at = (number: number | undefined) => this.releases.get(`${name}/${number}`);
      return [name, { current: at(release), pending: at(pending?.release) }] as const;
    });
    return {
      wanted,
      secrets,
      narrowing: { services, zones, excludedServers },
      unfinishedHook,
      observed: this.#observe(wanted, options),
      state: structuredClone(this.state),
      known: new Map(known),
      drainedElsewhere: new Set(),
      ...(restored !== undefined && { restored }),
      now: NOW,
      retainedImages: this.#retainedImages(),
    };
  }

  #retainedImages(): Set<string> | undefined {
    if (this.releases.size === 0) return undefined;
    return new Set([...this.releases.values()].flatMap(({ container }) => namesOf(container.image)));
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
  *run(file: EnvironmentSpec, asked: RunOptions = {}): Generator<string, Plan> {
    const { wanted, options } = this.ask(file, asked);
    let input = this.input(wanted, options);
    let plan = planDeploy(input);
    this.underway = plan;
    refuseUnfinished(plan.unfinished);
    if (plan.settle !== undefined) {
      yield* this.#pull(plan.pulls.filter(({ image }) => image === wanted.nginx.image));
      for (const step of plan.prepare) yield this.#prepare(wanted, step);
      yield* this.#switch(input, plan.settle, new Map());
      input = this.input(wanted, options);
      plan = planDeploy(input);
      this.underway = plan;
      if (plan.settle !== undefined) throw new Error('edges and sidecars do not agree after settling');
    }
    if (plan.awaited.length > 0) {
      for (const step of plan.awaited) yield this.#await(step);
      input = this.input(wanted, options);
      plan = planDeploy(input);
      this.underway = plan;
      if (plan.awaited.length > 0) throw new Error('awaiting hooks never ends');
    }
    refuseUnfinished(plan.unfinished);
    for (let rounds = 0; plan.vacate.some(({ drainTimeoutMs }) => drainTimeoutMs !== undefined); rounds++) {
      if (rounds > 3) throw new Error('vacating never ends');
      yield* this.#pull(plan.pulls.filter(({ image }) => image === wanted.nginx.image));
      for (const step of plan.vacate.filter(({ drainTimeoutMs }) => drainTimeoutMs !== undefined)) {
        yield this.#retire(step);
      }
      input = this.input(wanted, options);
      plan = planDeploy(input);
      this.underway = plan;
    }
    if (isEmpty(plan)) return plan;
    checkImages(input, plan);
    const progress: Progress = {
      done: [],
      failed: [],
      unused: new Map(),
      skipped: [],
      failure: undefined,
      dead: [],
      left: new Map(),
      isUndone: true,
      probes: new Map(),
      tookMs: 0,
      retiring: [],
      written: new Set(),
    };
    const {
      input: last,
      plan: whole,
      digests,
    } = yield* this.#execute(wanted, input, plan, options, progress);
    for (const step of progress.retiring) yield this.#retire(step);
    if (progress.failure === undefined) {
      yield* this.#takeOver(wanted, whole.takeover);
      for (const step of whole.forgetSecrets) yield this.#forget(step);
      for (const { host } of whole.teardown) yield this.#teardown(host);
      for (const step of whole.sweep) yield this.#sweep(step);
    }
    const outcome = outcomeOf(last, whole, progress, digests, [], '');
    this.#write(
      last,
      outcome.achieved.map(({ service }) => service),
      options,
      progress,
    );
    const isMultiServer = input.servers.length > 1;
    this.#record((state) => recordOutcome(state, outcome, isMultiServer, AUTHOR, NOW));
    yield 'recorded the outcome';
    if (progress.failure !== undefined) throw progress.failure;
    if (progress.left.size > 0) throw new StepFailed(`${[...progress.left.keys()]} was left out`);
    return whole.postponed.length > 0 ? yield* this.run(wanted, options) : whole;
  }

  /** Runs a plan, and where servers are left out in its middle the plan that is made then. */
  *#execute(
    wanted: EnvironmentSpec,
    input: PlanInput,
    plan: Plan,
    options: RunOptions,
    progress: Progress,
  ): Generator<string, { input: PlanInput; plan: Plan; digests: Map<string, string> }> {
    const digests = yield* this.#getReady(wanted, input, plan, options, progress);
    const keeps = wanted.onPartialFailure === 'keep';
    for (const level of plan.levels) {
      try {
        yield* this.#level(input, level, options, progress.unused, keeps);
        progress.retiring.push(...level.retire);
        progress.done.push(...level.services);
      } catch (error) {
        if (error instanceof PartialSwitch) {
          const rest = yield* this.#goOnWithout(wanted, input, plan, level, options, progress, error);
          const ended = yield* this.#execute(wanted, rest.input, rest.plan, options, progress);
          const come = plan.levels.slice(0, plan.levels.indexOf(level) + 1);
          return { ...ended, plan: joinPlans(plan, come, ended.plan) };
        }
        if (!(error instanceof StepFailed)) throw error;
        progress.failure = error;
        progress.failed = level.services;
        yield* this.#undo(wanted, input, progress, options);
        break;
      }
      try {
        for (const step of level.postDeploy) yield* this.#hook(input, step, options);
      } catch (error) {
        if (!(error instanceof StepFailed)) throw error;
        progress.failure = error;
        break;
      }
    }
    if (progress.failure !== undefined) {
      progress.skipped = plan.levels
        .flatMap(({ services }) => services)
        .filter((name) => !progress.done.includes(name));
    }
    return { input, plan, digests };
  }

  *#goOnWithout(
    wanted: EnvironmentSpec,
    input: PlanInput,
    { levels, standing }: Plan,
    level: Level,
    options: RunOptions,
    progress: Progress,
    { failures }: PartialSwitch,
  ): Generator<string, { input: PlanInput; plan: Plan }> {
    for (const [host, error] of failures) progress.left.set(host, error);
    const left = [...failures.keys()];
    const excludedServers = [...(options.excludedServers ?? []), ...progress.left.keys()];
    const draining = progress.retiring.map(({ id }) => id);
    const look = () => {
      const observed = this.#observe(wanted, { ...options, excludedServers });
      return assembleWithout(input, { left, observed, state: this.state, standing, draining });
    };
    const { settle, prepare, pulls } = planDeploy(look());
    if (settle !== undefined) {
      yield* this.#pull(pulls.filter(({ image }) => image === wanted.nginx.image));
      for (const step of prepare) yield this.#prepare(wanted, step);
      yield* this.#switch(input, settle, progress.unused);
    }
    const without = look();
    const plan = keepOldSides(planDeploy(without));
    if (plan.settle !== undefined) throw new Error('edges and sidecars do not agree after leaving out');
    const ahead = plan.levels.flatMap(({ services }) => services);
    progress.done.push(...level.services.filter((name) => !ahead.includes(name)));
    this.underway = { ...plan, levels: [...levels, ...plan.levels] };
    return { input: without, plan };
  }

  *#getReady(
    wanted: EnvironmentSpec,
    input: PlanInput,
    plan: Plan,
    options: RunOptions,
    progress: Progress,
  ): Generator<string, Map<string, string>> {
    for (const step of plan.prepare.filter((step) => !isCreating(step))) yield this.#prepare(wanted, step);
    yield* this.#pull(plan.pulls);
    const begun = begunServices(input, plan);
    if (begun.length > 0) {
      this.#write(input, begun, options, progress);
      const { hooks } = plan;
      this.#record((state) => recordIntent(state, begun, hooks, AUTHOR, NOW));
      yield 'recorded the intent';
    }
    for (const step of plan.prepare.filter(isCreating)) yield this.#prepare(wanted, step);
    for (const step of plan.keepSecrets) yield this.#keep(step, options);
    for (const step of plan.vacate) yield this.#retire(step);
    return keptDigests(input, begun);
  }

  *#takeOver(wanted: EnvironmentSpec, { divert, leave, nginx, open }: Takeover): Generator<string> {
    for (const { host, name } of divert) {
      const machine = this.#living(host);
      this.#needNginxImage(machine);
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
    const placement = route?.placements.find((candidate) => candidate.host === host);
    return placement && this.#at(service, placement)?.name;
  }

  /** The container that nginx finds on a side. */
  #at(service: string, { host, side }: Placement): Container | undefined {
    const alias = containerName(this.scope, service, side);
    return this.machines.get(host)?.containers.find((container) => container.alias === alias);
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
  answers(host: string, route: Route, placement: Placement): boolean {
    const machine = this.machines.get(placement.host);
    if (machine?.isDead) return false;
    if (host !== placement.host) {
      const port = placement.port ?? hostPort(route.hostPort, placement.side);
      return (
        machine?.containers.some((one) => publishedPorts(one).includes(port) && this.isHealthy(one)) ?? false
      );
    }
    const container = this.#at(route.service, placement);
    return container !== undefined && this.isHealthy(container) && container.port === route.containerPort;
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
    return isRunning && !this.broken.has(image.split('@')[0]!);
  }

  /** What an image name means: with a digest always the same. */
  imageId(image: string): string {
    const [name = '', digest] = image.split('@');
    return digest ?? this.#imageIds.get(name) ?? `sha256:${name}`;
  }

  /** The digest that a registry gives, which stands for the image's id here. */
  #digestOf(image: string, id: string): string | undefined {
    return this.#source === 'digests' ? `${image.split(/[:@]/)[0]}@${id}` : undefined;
  }

  /** The id of an image on a server; one that is named by digest is found under any name. */
  #imageOn({ images }: Machine, image: string): string | undefined {
    const digest = image.split('@')[1];
    return images.get(image) ?? [...images.values()].find((id) => id === digest);
  }

  /** moveImage lets a name mean another image, on every server that has it. */
  moveImage(image: string): void {
    const id = `${this.imageId(image)}'`;
    this.#imageIds.set(image, id);
    for (const { images } of this.machines.values()) if (images.has(image)) images.set(image, id);
  }

  /** copy puts a container beside another one that has its labels, as somebody may do by hand. */
  copy(host: string, original: Container): void {
    const name = `${original.name}_copy${this.#nextId}`;
    const apart = { alias: undefined, publishOn: undefined, volumes: [], hadTraffic: false };
    this.#machine(host).containers.push({ ...original, ...apart, id: `c${this.#nextId++}`, name });
  }

  /** litter leaves something of every kind on a server: ours, and the same of somebody else. */
  litter(host: string): void {
    for (const kind of ['helpers', 'networks', 'volumes', 'images'] as const) {
      for (const isOurs of [true, false]) {
        this.#machine(host).litter.push({ kind, isOurs, id: `l${this.#nextId++}`, name: `old-${kind}:1` });
      }
    }
  }

  /** loseRecord forgets what the state branch said. */
  loseRecord(): void {
    this.state = emptyState(this.scope);
    this.releases = new Map();
    this.hookEnds.clear();
  }

  /** killHooks ends every hook that runs, as an engine does that is restarted. */
  killHooks(): void {
    for (const { hooks } of this.machines.values()) {
      for (const hook of hooks.filter(({ status }) => status === 'running')) {
        Object.assign(hook, { status: 'ended', exitCode: 137 });
        this.#noteEnd(hook, 'killed');
      }
    }
  }

  /** removeHooks removes the containers of all hooks, running or not. */
  removeHooks(): void {
    this.killHooks();
    for (const machine of this.machines.values()) machine.hooks = [];
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
          litter: [],
          hooks: [],
          sidecar: undefined,
          edge: undefined,
          images: new Map(),
          secrets: new Map(),
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

  #needNginxImage({ spec, images }: Machine): void {
    if (!images.has(this.#nginxImage)) throw new Error(`no image ${this.#nginxImage} on ${spec.host}`);
  }

  /** A server that is asked for something: never one that is switched off. */
  #living(host: string): Machine {
    const machine = this.#machine(host);
    if (machine.isDead) throw new Error(`${host} is switched off, and was asked for something`);
    return machine;
  }

  #observe(wanted: EnvironmentSpec, { zones, excludedServers = [] }: RunOptions): ObservedServer[] {
    this.join(wanted.servers);
    const images = new Set([wanted.nginx.image, ...wanted.services.map(({ container: { image } }) => image)]);
    return wanted.servers
      .filter(
        ({ host, zone }) => (zones === undefined || zones.includes(zone)) && !excludedServers.includes(host),
      )
      .map(({ host }) => {
        const machine = this.#living(host);
        const seen = machine.containers.map((container) => ({
          ...container,
          address: container.isRunning ? '172.18.0.9' : undefined,
          helpers: [],
        }));
        const isLoaded = this.#source === 'by hand';
        if (isLoaded) for (const image of images) machine.images.set(image, this.imageId(image));
        const foreign = machine.foreign.filter((one) => isOfInterest(one, this.scope, wanted));
        const own = seen.filter(({ alias }) => alias !== undefined);
        return {
          host,
          containers: [...own, ...adoptedContainers(this.scope, wanted.services, foreign)],
          copies: seen.filter(({ alias }) => alias === undefined),
          hooks: structuredClone(machine.hooks),
          foreign: foreign.map((one) => ({ ...structuredClone(one), served: this.#servedBy(machine, one) })),
          bridge: machine.isBridge && machine.edge?.isRunning ? 'bridge' : undefined,
          isDiverted: machine.isDiverted,
          sidecar: this.#observeNginx(machine.sidecar, 'sidecar'),
          edge: this.#observeNginx(machine.edge, 'edge'),
          hasNetwork: machine.sidecar !== undefined,
          foreignHostPorts: [],
          leftovers: this.#leftoversOf(machine),
          images: new Map(
            [...images].flatMap((name) => {
              const id = this.#imageOn(machine, name);
              return id === undefined ? [] : [[name, { id, digest: this.#digestOf(name, id) }] as const];
            }),
          ),
        };
      });
  }

  /** What a front says that it serves: nothing when a container it passes requests to is gone, since `nginx -T` fails then. */
  #servedBy({ foreign, containers }: Machine, { id, served }: ForeignContainer): ForeignContainer['served'] {
    const { passesTo = [] } = foreign.find((one) => one.id === id) ?? {};
    const names = [...foreign, ...containers].filter(({ isRunning }) => isRunning).map(({ name }) => name);
    return passesTo.every((name) => names.includes(name)) ? served : undefined;
  }

  #leftoversOf({ litter }: Machine): Leftovers {
    const of = (kind: Litter['kind']) => litter.filter((one) => one.isOurs && one.kind === kind);
    // The images of the services are newer than all that lies around.
    const newest = { id: 'i0', names: ['newest:1'], createdAt: 2, isUsed: true };
    const images = of('images').map(({ id, name }) => ({ id, names: [name], createdAt: 1, isUsed: false }));
    return {
      helpers: of('helpers'),
      networks: of('networks'),
      volumes: of('volumes'),
      images: [newest, ...images],
    };
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

  *#pull(steps: readonly PullStep[]): Generator<string> {
    for (const { host, image } of steps) {
      this.#machine(host).images.set(image, this.imageId(image));
      yield `pulled ${image} on ${host}`;
    }
  }

  #prepare(wanted: EnvironmentSpec, step: PrepareStep): string {
    const { host, sidecar, edge, displaced } = step;
    const machine = this.#living(host);
    if (isCreating(step)) this.#needNginxImage(machine);
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
      const container = this.#at(route.service, placement);
      if (container !== undefined && machine.containers.includes(container)) container.hadTraffic = true;
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
                .map(({ server, side, isLocal, port }) => ({
                  host: spec.host,
                  kind,
                  route,
                  placement: { host: server, side, ...(!isLocal && { port }) },
                })),
        ),
      ),
    );
  }

  #keep({ host, sets }: KeepSecretsStep, { secrets = {} }: RunOptions): string {
    for (const { service, version } of sets) {
      const values = secrets[service] ?? {};
      const known = [...this.releases.values()].find(
        (one) => one.service === service && one.secrets_version === version,
      );
      const told = known && this.truth.get(`${service}/${known.number}`);
      if (told !== undefined && canonicalJson(told) !== canonicalJson(values))
        throw new Error(`secret set ${version} of ${service} is given to other values`);
      this.#living(host).secrets.set(`${service}/${version}`, values);
    }
    return `kept the secrets on ${host}`;
  }

  #forget({ host, sets }: ForgetSecretsStep): string {
    for (const { service, version } of sets) this.#living(host).secrets.delete(`${service}/${version}`);
    return `forgot secrets on ${host}`;
  }

  *#level(
    input: PlanInput,
    level: Level,
    options: RunOptions,
    unused: Unused,
    keeps = false,
  ): Generator<string> {
    for (const step of level.preDeploy) yield* this.#hook(input, step, options);
    for (const { host, id, name } of level.stop) {
      const machine = this.#living(host);
      const all: { id: string; isRunning: boolean }[] = [...machine.containers, ...machine.foreign];
      const container = all.find((candidate) => candidate.id === id);
      if (container !== undefined) container.isRunning = false;
      yield `stopped ${name} on ${host}`;
    }
    for (const step of level.start) yield this.#start(input, step, options, unused);
    for (const { host, name } of level.check) {
      this.#living(host);
      const container = this.container(name, host);
      if (!this.isHealthy(container)) throw new StepFailed(`${container.name} on ${host} is not healthy`);
    }
    if (level.switch !== undefined) yield* this.#switch(input, level.switch, unused, keeps);
  }

  /** It throws when a hook would run twice, or two of a service at once. */
  *#hook(input: PlanInput, step: HookStep, options: RunOptions): Generator<string> {
    const machine = this.#living(step.host);
    const { hook, service, release, name } = step;
    const what = `${hook} of ${service} release ${release}`;
    let container = machine.hooks.find((candidate) => candidate.name === name);
    if (container === undefined) {
      container = {
        id: `c${this.#nextId++}`,
        name,
        service,
        hook,
        release,
        status: 'created',
        exitCode: 0,
      };
      machine.hooks.push(container);
      yield `created ${what} on ${step.host}`;
    }
    if (container.release !== release) throw new Error(`${name} is that of release ${container.release}`);
    if (container.status === 'created') {
      this.#record((state) => recordHook(state, step, 'begun'));
      yield `recorded that ${what} begins`;
      const { policy } = input.services.find((one) => one.name === service)!.spec;
      const spec = hook === 'pre_deploy' ? policy.preDeploy : policy.postDeploy;
      const before = this.hookEnds.get(this.#hookKey(container));
      const mayRun = before === undefined || before === 'badly';
      if (!mayRun && !spec?.idempotent && options.unfinishedHook !== 'run')
        throw new Error(`${what} runs twice; the first time it ended ${before}`);
      const living = [...this.machines.values()].filter(({ isDead }) => !isDead);
      const rival = living
        .flatMap(({ hooks }) => hooks)
        .find((other) => other.service === service && other.status === 'running');
      if (rival !== undefined) throw new Error(`${what} and ${rival.name} run at once`);
      container.status = 'running';
      this.#noteEnd(container, 'runs');
      yield `started ${what} on ${step.host}`;
      this.#endHook(container, step.command[0] === FAILING[0]);
      yield `ended ${what}`;
    }
    const { exitCode } = container;
    this.#record((state) => recordHook(state, step, exitCode === 0 ? 'done' : 'failed'));
    yield `recorded that ${what} is over`;
    machine.hooks = machine.hooks.filter((other) => other !== container);
    yield `removed ${name}`;
    if (exitCode !== 0) throw new StepFailed(`${what} ended with ${exitCode}`);
  }

  #await({ host, id, name }: AwaitStep): string {
    const found = this.#living(host).hooks.find((hook) => hook.id === id);
    if (found?.status === 'running') this.#endHook(found, false);
    return `awaited ${name}`;
  }

  #endHook(hook: ObservedHook, isFailing: boolean): void {
    hook.status = 'ended';
    hook.exitCode = isFailing ? 1 : 0;
    this.#noteEnd(hook, isFailing ? 'badly' : 'well');
  }

  #noteEnd(hook: ObservedHook, end: HookEnd): void {
    this.hookEnds.set(this.#hookKey(hook), end);
  }

  #hookKey({ service, hook, release }: Pick<ObservedHook, 'service' | 'hook' | 'release'>): string {
    const image = this.releases.get(`${service}/${release}`)?.container.image ?? '';
    return `${service} ${hook} ${release} ${this.imageId(image)}`;
  }

  /** What a release needs was prepared by its hook, unless somebody said that it was. */
  #assertPrepared(input: PlanInput, { service, release }: StartStep, { unfinishedHook }: RunOptions): void {
    const wanted = input.services.find(({ name }) => name === service)!;
    const isAdded = this.state.services[service]?.release === release;
    const isBack = wanted.restored !== undefined;
    if (wanted.spec.policy.preDeploy === undefined || isAdded || isBack || input.keepsActive) return;
    const key = this.#hookKey({ service, release, hook: 'pre_deploy' });
    if (unfinishedHook === 'done') this.hookEnds.set(key, 'well');
    const end = this.hookEnds.get(key);
    if (end !== 'well') throw new Error(`${service} release ${release} starts, and its pre_deploy: ${end}`);
  }

  #start(input: PlanInput, step: StartStep, options: RunOptions, unused: Unused): string {
    if (step.existing === undefined) this.#assertPrepared(input, step, options);
    const machine = this.#living(step.host);
    const { blueprint, side, name } = step;
    const old = machine.foreign.find(({ id }) => id === step.existing);
    if (old !== undefined) {
      old.isRunning = true;
      return `started ${old.name} on ${step.host}`;
    }
    let container = machine.containers.find(({ id }) => id === step.existing);
    if (container === undefined) {
      if ([...machine.containers, ...machine.foreign].some((other) => other.name === name))
        throw new Error(`${name} is already in use`);
      const { secretsVersion } = blueprint;
      if (secretsVersion > 0 && !machine.secrets.has(`${step.service}/${secretsVersion}`))
        throw new Error(`${name} starts on ${step.host}, and its secrets are not kept there`);
      const imageId = this.#imageOn(machine, blueprint.container.image);
      if (imageId === undefined) throw new Error(`no image ${blueprint.container.image} on ${step.host}`);
      container = {
        id: `c${this.#nextId++}`,
        name,
        alias: containerName(this.scope, step.service, side),
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
        versionPort: blueprint.versionPort,
        internalPort: blueprint.ports.internal,
        publishOn: blueprint.publishOn,
        volumes: blueprint.container.volumes.map(({ source = '' }) => source),
        environment: { ...blueprint.container.environment, ...options.secrets?.[step.service] },
        settings: settingsAsked(containerRequest(blueprint, { side, release: step.release, secrets: {} })),
        hadTraffic: false,
      };
      unused.set(step.service, [...(unused.get(step.service) ?? []), container.id]);
      machine.containers.push(container);
    }
    const ports = publishedPorts(container);
    const rival = machine.containers.find(
      (other) =>
        other.isRunning && other !== container && publishedPorts(other).some((port) => ports.includes(port)),
    );
    if (rival !== undefined) throw new Error(`${name}: port is already allocated by ${rival.name}`);
    container.isRunning = true;
    return `started ${name} on ${step.host}`;
  }

  *#switch(input: PlanInput, step: SwitchStep, unused: Unused, keeps = false): Generator<string> {
    const staged: {
      nginx: Nginx;
      before: string;
      files: Map<string, string>;
      slot: 'a' | 'b';
      on: string;
      host: string;
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
        // The lock of the edge is a container.
        if (kind === 'edge') this.#needNginxImage(machine);
        const before = slotOfGeneration(tree, scope, generation) ?? tree.live;
        nginx.files.set('nginx.conf', renderPointer(before));
        const { files, slot } = compose(kind, { ...tree, live: before }, wish);
        for (const [path, content] of files) nginx.files.set(path, content);
        staged.push({ nginx, before, files, slot, on: `${kind} of ${host}`, host });
      }
    }
    yield 'staged the routes';
    for (const { nginx, slot, on, host } of staged) {
      nginx.files.set('nginx.conf', renderPointer(slot));
      yield `pointed the ${on} to slot ${slot}`;
      if (this.stubborn.has(host)) continue;
      this.#load(nginx);
      yield `reloaded the ${on}`;
    }
    for (const service of step.moved) unused.delete(service);
    const failing = new Set(staged.map(({ host }) => host).filter((host) => this.stubborn.has(host)));
    if (failing.size > 0) {
      const isKept =
        keeps &&
        failing.size < step.hosts.length &&
        soleHome(failing, step.routes, input.servers) === undefined;
      for (const { nginx, before, host } of staged) {
        if (isKept && !failing.has(host)) continue;
        nginx.files.set('nginx.conf', renderPointer(before));
        if (!failing.has(host)) this.#load(nginx);
      }
      if (!isKept) throw new StepFailed(`${[...failing]} did not switch`);
      throw new PartialSwitch(new Map([...failing].map((host) => [host, 'it did not switch'])));
    }
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
    if (container?.isRunning && drainTimeoutMs !== undefined) this.#needNginxImage(machine);
    const old = machine.foreign.find((candidate) => candidate.id === id);
    if (old?.isRunning && drainTimeoutMs !== undefined) this.#needNginxImage(machine);
    this.#leave(machine, id);
    machine.containers = machine.containers.filter((container) => container.id !== id);
    const hook = machine.hooks.find((candidate) => candidate.id === id);
    if (hook?.status === 'running') throw new Error(`${name} on ${host} runs, and is removed`);
    machine.hooks = machine.hooks.filter((candidate) => candidate !== hook);
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
      helpers: [],
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
    const look = () => {
      const observed = this.#observe(wanted, options).filter(({ host }) => input.hosts.includes(host));
      return planDeploy(assembleUndo(input, { ...progress, unused }, observed));
    };
    let plan = look();
    if (plan.settle !== undefined) {
      yield* this.#pull(plan.pulls.filter(({ image }) => image === wanted.nginx.image));
      for (const step of plan.prepare) yield this.#prepare(wanted, step);
      yield* this.#switch(input, plan.settle, new Map());
      plan = look();
    }
    if (plan.settle !== undefined) throw new Error('edges and sidecars do not agree after going back');
    // Preparing pulls what it misses.
    yield* this.#pull(plan.pulls.filter(({ image }) => image === wanted.nginx.image));
    for (const step of plan.prepare) yield this.#prepare(wanted, step);
    for (const step of plan.vacate) yield this.#retire(step);
    for (const level of plan.levels) {
      yield* this.#level(input, level, options, progress.unused);
      for (const step of level.retire) yield this.#retire(step);
    }
  }

  #teardown(host: string): string {
    const machine = this.#living(host);
    if (machine.containers.length + machine.hooks.length > 0)
      throw new Error(`${host}: the network has active endpoints`);
    machine.sidecar = undefined;
    machine.secrets.clear();
    if (machine.edge !== undefined) machine.edge.isInNetwork = false;
    return `tore ${host} down`;
  }

  #sweep({ host, what, id, name }: SweepStep): string {
    const machine = this.#living(host);
    const found = machine.litter.find((one) => one.id === id);
    if (found === undefined || !found.isOurs)
      throw new Error(`${what} ${name} on ${host} is not ours to remove`);
    machine.litter = machine.litter.filter((one) => one !== found);
    return `removed ${what} ${name} from ${host}`;
  }

  #write(
    input: PlanInput,
    services: readonly WantedService[],
    { secrets = {} }: RunOptions,
    { written }: Progress,
  ): void {
    for (const service of services.filter(({ name, release }) => release.isNew && !written.has(name))) {
      const path = `${service.name}/${service.release.number}`;
      if (this.releases.has(path)) throw new Error(`release ${path} is already written`);
      const { image } = service.spec.container;
      const digest = this.#digestOf(image, this.imageId(image));
      this.releases.set(path, releaseOf(input.scope, service, digest, AUTHOR, NOW));
      this.truth.set(path, secrets[service.name] ?? {});
      written.add(service.name);
    }
  }

  #record(change: (state: EnvironmentState) => EnvironmentState): void {
    this.state = structuredClone(keepUnknown(this.state, change(structuredClone(this.state))));
  }
}

/** The host ports that are open to the other servers. */
function publishedPorts({ publishOn, hostPort: base, versionPort, side }: Container): number[] {
  if (publishOn === undefined) return [];
  return [base, versionPort].flatMap((port) => (port === undefined ? [] : hostPort(port, side)));
}

function generationIn(tree: Tree, scope: string): string | undefined {
  return tree.slots[tree.live].manifest?.scopes[scope]?.generation;
}
