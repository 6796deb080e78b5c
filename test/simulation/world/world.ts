import { deploy } from '../../../src/deploy/deploy.ts';
import { dryRun } from '../../../src/deploy/dry-run.ts';
import { withEnvironment } from '../../../src/deploy/environment.ts';
import { type MaintenanceReport, switchMaintenance } from '../../../src/deploy/maintenance.ts';
import type { StatusReport } from '../../../src/deploy/observation/status.ts';
import { survey } from '../../../src/deploy/observation/survey.ts';
import type { Facts } from '../../../src/deploy/planning/build-input.ts';
import type { Plan } from '../../../src/deploy/planning/plan.ts';
import type { UnfinishedHookAnswer } from '../../../src/deploy/planning/wanted.ts';
import type { RollbackTarget } from '../../../src/deploy/record/choose-release.ts';
import type { ChangeRequest, DeployReport, DryRunReport } from '../../../src/deploy/request.ts';
import { status } from '../../../src/deploy/status.ts';
import { Timeline } from '../../../src/deploy/timeline.ts';
import { covers } from '../../../src/model/addresses.ts';
import { LABEL } from '../../../src/model/labels.ts';
import {
  containerName,
  networkName,
  type Scope,
  scopeName,
  secretsVolumeName,
  sidecarName,
} from '../../../src/model/names.ts';
import type { EnvironmentState, Release } from '../../../src/model/release.ts';
import {
  addressesOf,
  type EdgePort,
  type EnvironmentSpec,
  portsOf,
  publishedOf,
  type ServiceSpec,
} from '../../../src/model/spec.ts';
import type { KeyPair } from '../../../src/nginx/certificates.ts';
import { CONFIG_FOLDER, parseTree, servedScope, servingSlots } from '../../../src/nginx/tree.ts';
import { describePlan } from '../../../src/report/changes.ts';
import { emptyState } from '../../../src/state/environment-file.ts';
import { Store } from '../../../src/state/store.ts';
import { REPOSITORY } from '../stories/specs.ts';
import { SimulatedAuthority } from './authority.ts';
import type { Container } from './container.ts';
import type { Run, Strike } from './faults.ts';
import type { Machine } from './machine.ts';
import { Nginx } from './nginx.ts';
import { type BrokenRule, Rules } from './rules.ts';
import { type Ended, type Means, Simulation } from './simulation.ts';
import { MemoryRemote } from './state-branch.ts';
import type { Loss, Place, Promised } from './users.ts';

/** How a run is asked for. */
export interface RunOptions {
  services?: readonly string[];
  zones?: readonly string[];
  excludedServers?: readonly string[];
  /** Domains whose certificates are revoked, and why. */
  revoke?: ChangeRequest['revokedCertificates'];
  /** Values by service and name. */
  secrets?: Record<string, Record<string, string>>;
  /** The generated ones that services use. */
  generated?: ChangeRequest['generated'];
  /** Values of HTTPS by name. */
  tlsSecrets?: Record<string, string>;
  /** Values by name, as `status` is given them. */
  passed?: Record<string, string>;
  /** `update-nginx`: only routes. */
  routesOnly?: boolean;
  unfinishedHook?: UnfinishedHookAnswer;
  /** Services that the run has no image of. */
  keptImages?: readonly string[];
  /** Brings `services` back. */
  rollback?: RollbackTarget;
  /** The repository that it is of; that of the shop unless given. */
  repository?: string;
  takeOverFrom?: string;
  /** Told of values that are to be kept out of its log. */
  hide?(value: string): void;
  /** What happens to the run. */
  strikes?: readonly Strike[];
  leaseWaitMs?: number;
  /** Changes every plan before it is run: by that a story shows what each part of it is good for. */
  meddle?(plan: Plan): void;
}

/** A run that has begun. */
export interface Begun {
  run: Run;
  /** The plans that it has made, the last one last. */
  plans: readonly Plan[];
  ended: Promise<Ended<DeployReport>>;
}

/** A container that somebody makes by hand. */
export interface HandMade {
  name: string;
  /** `old:1` unless given. */
  image?: string;
  /** Ports of the server, and those inside that they lead to. */
  published?: Record<number, number>;
  /** Where it listens. Default 3000. */
  port?: number;
  /** Volumes, and directories of the server, by where they are mounted. */
  volumes?: Record<string, string>;
  /** It is an nginx that passes these domains on, to `container:port`. */
  passes?: Record<string, string>;
  /** How that nginx listens. Default `80`. */
  listen?: string;
  /** What it shows over HTTPS, at port 443, for those of its domains that it serves so. */
  shows?: Record<string, KeyPair>;
  labels?: Record<string, string>;
  /** The network it is in, which is made for it; `hand` unless given. */
  network?: string;
  /** By which it is found there, beside its name. */
  aliases?: string[];
}

/** Something that lies on a server and that no service needs. */
export interface Litter {
  kind: 'container' | 'network' | 'volume' | 'image';
  name: string;
  isOurs: boolean;
}

const STATE_BRANCH = 'refs/heads/switchyard-state';
/** The network of what was made by hand. */
const HAND_NETWORK = 'hand';
/** All runs are processes of one machine: whoever was killed is known to be gone. */
const RUNNER = { host: 'runner', boot: 'boot' };
const LEASE_WAIT_MS = 15 * 60_000;

/**
 * World is a simulation in which environments are deployed, by the product's own code from its first look to its last
 * record: containers come and go, edge and sidecar read what is written for them, and users are everywhere.
 */
export class World extends Simulation {
  readonly #rules = new Rules(this);
  /** Who gives certificates. */
  readonly authority = new SimulatedAuthority(this);
  readonly #litter = new Map<Machine, Litter[]>();
  readonly #remotes = new Map([[REPOSITORY, this.remote]]);

  /** What users have lost, in the order in which it happened. */
  get lost(): readonly Loss[] {
    return this.users.lost;
  }

  /** Rules that were broken: what must never happen, whatever happens. */
  get broken(): readonly BrokenRule[] {
    return this.#rules.broken;
  }

  /** How hooks have ended that were started, in the order of their first start: `api pre_deploy 2: well`. */
  get hookEnds(): string[] {
    return [...this.#rules.ends].map(([key, end]) => {
      const [, , service, hook, release] = key.split(' ');
      return `${service} ${hook} ${release}: ${end}`;
    });
  }

  /** deploy runs to its end, and returns the report. It throws what made the run fail. */
  async deploy(wanted: EnvironmentSpec, options: RunOptions = {}): Promise<DeployReport> {
    const ended = await this.tryDeploy(wanted, options);
    if (ended.how === 'killed') throw new Error('the run was killed');
    if (ended.how === 'failed') throw ended.error;
    if (ended.value.failure !== undefined) throw ended.value.failure;
    return ended.value;
  }

  /** tryDeploy is deploy for a run that may end otherwise: it returns how it ended. */
  async tryDeploy(wanted: EnvironmentSpec, options: RunOptions = {}): Promise<Ended<DeployReport>> {
    return await this.clock.finish(this.start(wanted, options).ended);
  }

  /** deployUntil kills a run at the first call, or line of its log, that matches; it throws when there is none. */
  async deployUntil(moment: RegExp, wanted: EnvironmentSpec, options: RunOptions = {}): Promise<void> {
    const strikes = [...(options.strikes ?? []), { at: moment, how: 'killed' as const }];
    const { run, ended } = this.start(wanted, { ...options, strikes });
    const { how } = await this.clock.finish(ended);
    if (how !== 'killed')
      throw new Error(`no moment ${moment} in:\n${[...run.calls, ...run.lines].join('\n')}`);
  }

  /** start begins a run, beside others that run already. Wait for its end with `finish`. */
  start(wanted: EnvironmentSpec, options: RunOptions = {}): Begun {
    this.#bringAbout(wanted);
    const plans: Plan[] = [];
    const { strikes = [], leaseWaitMs = LEASE_WAIT_MS } = options;
    const begun = this.begin(
      (means) =>
        deploy({
          ...this.#requestOf(wanted, options, means),
          leaseWaitMs,
          author: { run: means.run.name, actor: 'ann', commit: undefined },
          signal: means.signal,
          onPlan: (plan) => {
            options.meddle?.(plan);
            plans.push(plan);
            for (const line of describePlan(plan)) means.run.say(`plan: ${line}`);
          },
        }),
      { strikes, promise: promiseOf(wanted, this.#promisedBefore(wanted, options)) },
    );
    return { ...begun, plans };
  }

  /** Of services that leave the file, or go back, what is recorded of them counts: not what the file says. */
  #promisedBefore(
    wanted: EnvironmentSpec,
    { rollback, services = [], excludedServers = [], strikes = [] }: RunOptions,
  ): PromisedBefore {
    const { services: recorded, release_numbers: numbers = {}, stale_servers = {} } = this.stateOf(wanted);
    const isLeftOut = (server: string) => server in stale_servers || excludedServers.includes(server);
    const served = wanted.servers.filter(({ name }) => !isLeftOut(name));
    const cutOff = Object.entries(recorded).filter(([name, { copies }]) =>
      served.some(({ name: server }) =>
        this.containersOf(server, 'service').some(
          ({ labels }) =>
            labels[LABEL.service] === name &&
            labels[LABEL.project] === wanted.project &&
            copies.every((copy) => copy.server !== server),
        ),
      ),
    );
    const drains = Object.keys(recorded).map((name) => {
      const releases = Array.from({ length: numbers[name] ?? 0 }, (_, index) =>
        this.release(name, index + 1, wanted),
      );
      const known = releases.flatMap((release) => release?.policy.drainTimeoutMs ?? []);
      return [name, Math.min(DRAIN_MS, ...known)] as const;
    });
    return {
      isHit: strikes.length > 0,
      restored: rollback === undefined ? [] : services,
      cutOff: cutOff.map(([name]) => name),
      drainTimeoutMs: new Map(drains),
    };
  }

  /** finish lets time pass until all these runs have ended. */
  async finish(...runs: readonly Begun[]): Promise<Ended<DeployReport>[]> {
    return await this.clock.finish(Promise.all(runs.map(({ ended }) => ended)));
  }

  /** plan returns what a run would do now; it changes nothing. */
  async plan(wanted: EnvironmentSpec, options: RunOptions = {}): Promise<DryRunReport> {
    this.#bringAbout(wanted);
    const ended = await this.run((means) => dryRun(this.#requestOf(wanted, options, means)));
    if (ended.how === 'done') return ended.value;
    throw ended.how === 'failed' ? ended.error : new Error('the run was killed');
  }

  /** status returns what the action of that name would show. */
  async status(wanted: EnvironmentSpec, options: RunOptions = {}): Promise<StatusReport> {
    const ended = await this.run((means) => {
      const { zones, excludedServers, passed = {} } = options;
      const request = this.#requestOf(wanted, options, means);
      return status({ ...request, zones, excludedServers, secrets: passed });
    });
    if (ended.how === 'done') return ended.value;
    throw ended.how === 'failed' ? ended.error : new Error('the run was killed');
  }

  /** ask sends one request to the door of a server, and returns what users get; nobody there is 0. */
  ask(server: string, { host }: { host: string }): { status: number; body: string } {
    const door = this.machine(server).entrance(80);
    const workers = door?.container.program instanceof Nginx ? door.container.program.workers : undefined;
    const request = { port: 80, path: '/', host, from: '10.200.0.1' };
    return workers?.handle(request) ?? { status: 0, body: '' };
  }

  /** maintenance switches services as the action of that name does; all that users reach unless told. */
  async maintenance(
    state: 'on' | 'off',
    wanted: EnvironmentSpec,
    options: RunOptions & { reason?: string } = {},
  ): Promise<MaintenanceReport> {
    const ended = await this.run((means) => {
      const { services, excludedServers, reason } = options;
      const request = this.#requestOf(wanted, options, means);
      const note = { by: 'octocat, run 7', ...(reason !== undefined && { reason }) };
      return switchMaintenance({ ...request, services, excludedServers, isOn: state === 'on', note });
    });
    if (ended.how === 'done') return ended.value;
    throw ended.how === 'failed' ? ended.error : new Error('the run was killed');
  }

  /** survey returns what a run would be told by the servers and the record. */
  async survey(wanted: EnvironmentSpec, options: RunOptions = {}): Promise<Facts> {
    this.#bringAbout(wanted);
    const ended = await this.run(async (means) => {
      const request = this.#requestOf(wanted, options, means);
      const { narrowing, secrets, clock } = request;
      const opening = { wanted, narrowing, access: 'read' as const, timeline: new Timeline(clock) };
      return await withEnvironment(request, opening, ({ fleet, journal, repository }) =>
        survey(fleet, journal.snapshot, { wanted, repository, secrets, narrowing, clock }),
      );
    });
    if (ended.how === 'done') return ended.value;
    throw ended.how === 'failed' ? ended.error : new Error('the run was killed');
  }

  /** describe returns the plan's lines, for stories. */
  async describe(wanted: EnvironmentSpec, options: RunOptions = {}): Promise<string[]> {
    return describePlan((await this.plan(wanted, options)).plan);
  }

  /** The servers of a file exist; images that are loaded by hand were loaded before the run. */
  #bringAbout(wanted: EnvironmentSpec): void {
    this.addServers(wanted.servers);
    if (this.registry.source !== 'by hand') return;
    const names = [wanted.nginx.image, ...wanted.services.map(({ container }) => container.image)];
    for (const { images } of this.machines.values())
      for (const name of names) if (!name.includes('@')) images.add(name, this.registry.find(name));
  }

  #requestOf(wanted: EnvironmentSpec, options: RunOptions, means: Means): ChangeRequest {
    const { services, zones, excludedServers, secrets = {}, routesOnly, unfinishedHook, rollback } = options;
    const { repository = REPOSITORY, takeOverFrom } = options;
    const servers = async () => wanted.servers;
    return {
      wanted,
      secrets,
      authority: this.authority,
      registryAuth: async () => undefined,
      layouts: this.registry.layouts,
      tlsSecrets: options.tlsSecrets ?? {},
      narrowing: { services, zones, excludedServers },
      scope: routesOnly ? 'routes' : 'services',
      ...(unfinishedHook !== undefined && { unfinishedHook }),
      ...(options.keptImages && { keptImages: options.keptImages }),
      ...(options.revoke !== undefined && { revokedCertificates: options.revoke }),
      ...(options.generated !== undefined && { generated: options.generated }),
      ...(rollback !== undefined && { rollback: { to: rollback } }),
      hide: options.hide ?? (() => undefined),
      provider: { ...means.provider, servers, ensure: servers },
      openStore: async () => this.#store(wanted, means, repository),
      findRepository: async () => repository,
      takeOverFrom,
      log: means.log,
      clock: means.clock,
    };
  }

  /** Each repository has a state branch of its own. */
  #remoteOf(repository: string): MemoryRemote {
    const remote = this.#remotes.get(repository) ?? new MemoryRemote();
    this.#remotes.set(repository, remote);
    return remote;
  }

  #store(
    { project, environment }: EnvironmentSpec,
    { run, clock, log, wire }: Means,
    repository: string,
  ): Store {
    const scope = { project, environment };
    const isRunning = (pid: number) => this.runs[pid - 1]?.isGone === false;
    return new Store(this.#remoteOf(repository).branch(scope, { wire }), {
      scope,
      run: { actor: 'ann', run: run.name },
      self: { identity: { ...RUNNER, pid: this.runs.indexOf(run) + 1 }, isRunning },
      clock,
      log,
      random: () => 0.5,
    });
  }

  /** What is recorded of the shop's production. */
  get state(): EnvironmentState {
    return this.stateOf(SHOP);
  }

  /** stateOf returns what is recorded of an environment. */
  stateOf({ project, environment }: Scope): EnvironmentState {
    const text = this.remote.file(STATE_BRANCH, `state/${project}/${environment}.json`);
    return text === undefined ? emptyState({ project, environment }) : (JSON.parse(text) as EnvironmentState);
  }

  /** release returns a release that is recorded. */
  release(service: string, number: number, { project, environment }: Scope = SHOP): Release | undefined {
    const path = `releases/${project}/${environment}/${service}/${number}.json`;
    const text = this.remote.file(STATE_BRANCH, path);
    return text === undefined ? undefined : (JSON.parse(text) as Release);
  }

  /** running returns the names of the containers of services that run on a server. */
  running(server = 'a'): string[] {
    return this.containersOf(server, 'service')
      .filter(({ isRunning }) => isRunning)
      .map(({ name }) => name)
      .sort();
  }

  /** container returns a container by its name; it throws where there is none. */
  container(name: string, server = 'a'): Container {
    return this.machine(server).need(name);
  }

  /** containersOf returns the containers of a role on a server. */
  containersOf(server: string, role: string): Container[] {
    return [...this.machine(server).containers.values()].filter(({ labels }) => labels[LABEL.role] === role);
  }

  /** serving returns who has the traffic of a service, by what the sidecar of a server has read: the container's name. */
  serving(service: string, server = 'a', scope = SHOP): string | undefined {
    const upstream = containerName(scope, service, 'base');
    const names = this.users.answering(
      (place) => place.machine.name === server && place.upstream === upstream && place.domain === undefined,
    );
    return names.length > 1 ? names.join(', ') : names[0];
  }

  /** working returns the containers of a worker that are active on a server, by commas: by what its sidecar's manifest says. */
  working(service: string, server = 'a', scope = SHOP): string | undefined {
    const machine = this.machine(server);
    const files = machine.find(sidecarName(scope))?.list(CONFIG_FOLDER) ?? new Map<string, string>();
    const below = new Map([...files].map(([path, text]) => [path.slice(path.indexOf('/') + 1), text]));
    const tree = parseTree(below);
    const served = servedScope(tree, tree.live, scopeName(scope));
    const slots: string[] = servingSlots(served, server).get(service) ?? [];
    const names = this.containersOf(server, 'service')
      .filter(({ labels }) => labels[LABEL.service] === service && slots.includes(labels[LABEL.slot] ?? ''))
      .map(({ name }) => name);
    return names.length === 0 ? undefined : names.join(', ');
  }

  /** answering returns the names of the containers that answer for a domain, or a path below it, at the door of a server. */
  answering(domain: string, server = 'a'): string[] {
    return this.users.answering((place) => place.key === `${server} ${domain}`);
  }

  /** answeringOn returns the names of the containers that answer on a port of a server that is published. */
  answeringOn(published: EdgePort, server = 'a'): string[] {
    return this.users.answering((place) => place.machine.name === server && place.published === published);
  }

  /** servingContainer returns the container of a service that has its traffic on a server. */
  servingContainer(service: string, server = 'a'): Container {
    return this.machine(server).need(this.serving(service, server) ?? `nobody serves ${service}`);
  }

  /** keptSecrets returns the values of secrets that a server keeps, by `service/version`; those given up are left out. */
  keptSecrets(server: string, scope = SHOP): Record<string, Record<string, string>> {
    const files = [...(this.machine(server).volumes.get(secretsVolumeName(scope))?.files ?? [])];
    return Object.fromEntries(
      files
        .filter(([path, text]) => text !== '' && !path.startsWith('.generated/'))
        .map(([path, text]) => [path.replace(/\.json$/, ''), JSON.parse(text)]),
    );
  }

  /** generatedSecrets returns the values of generated secrets that a server keeps, by name. */
  generatedSecrets(server: string, scope = SHOP): Record<string, string> {
    const files = [...(this.machine(server).volumes.get(secretsVolumeName(scope))?.files ?? [])];
    return Object.fromEntries(
      files.flatMap(([path, text]) => {
        const name = /^\.generated\/(.+)\.json$/.exec(path)?.[1];
        return name === undefined ? [] : [[name, JSON.parse(text).value]];
      }),
    );
  }

  /** loseSecrets lets a server lose the volume that keeps the values of secrets. */
  loseSecrets(server: string, scope = SHOP): void {
    this.machine(server).removeVolume(secretsVolumeName(scope));
  }

  /** moveImage lets a name mean another image, on every server that has it. */
  moveImage(name: string): void {
    this.registry.move(name);
    const image = this.registry.find(name);
    for (const { images } of this.machines.values())
      if (images.find(name) !== undefined) images.add(name, image);
  }

  /** loseRecord forgets what the state branch said. */
  loseRecord(): void {
    this.remote.remove(STATE_BRANCH);
    this.#rules.forgetHooks();
  }

  /** killHooks ends every hook that runs, as an engine does that is restarted. */
  killHooks(): void {
    for (const machine of this.machines.values())
      for (const container of this.containersOf(machine.name, 'hook')) machine.crash(container);
  }

  /** removeHooks removes the containers of all hooks, running or not. */
  removeHooks(): void {
    this.killHooks();
    for (const machine of this.machines.values())
      for (const container of this.containersOf(machine.name, 'hook')) machine.remove(container);
  }

  /** copy puts a container beside another one that has its labels, as somebody may do by hand. */
  copy(server: string, name: string): void {
    const machine = this.machine(server);
    const { request } = machine.need(name);
    const { Mounts, PortBindings, ...host } = request.HostConfig ?? {};
    const made = machine.create(`${name}_copy${this.newNumber()}`, {
      ...request,
      HostConfig: host,
      NetworkingConfig: {},
    });
    machine.start(made);
  }

  /** changeByHand changes the restart policy of a container, as `docker update` does. */
  changeByHand(server: string, name: string): void {
    this.machine(server).need(name).restart = { name: 'no', maximumRetryCount: 0 };
  }

  /** litter leaves something of every kind on a server: ours, and the same of somebody else. */
  litter(server: string, scope: Scope = SHOP): void {
    const machine = this.machine(server);
    const ours = { [LABEL.project]: scope.project, [LABEL.environment]: scope.environment };
    for (const isOurs of [true, false]) {
      const name = (kind: string) => `old_${kind}_${this.newNumber()}`;
      const labels: Record<string, string> = isOurs ? ours : {};
      const image = this.registry.find(`old:${this.newNumber()}`);
      machine.images.add(name('image'), { ...image, id: this.newId(), labels });
      const helper = { ...labels, ...(isOurs && { [LABEL.role]: 'helper' }) };
      const someImage = machine.images.namesOf(machine.images.all()[0]!)[0]!;
      const left: Litter[] = [
        { kind: 'container', name: name('helper'), isOurs },
        { kind: 'network', name: name('network'), isOurs },
        { kind: 'volume', name: name('volume'), isOurs },
      ];
      machine.create(left[0]!.name, {
        Image: someImage,
        Labels: helper,
        HostConfig: { NetworkMode: 'none' },
      });
      machine.createNetwork({ Name: left[1]!.name, Labels: labels });
      machine.createVolume(left[2]!.name, { ...labels, ...(isOurs && { [LABEL.role]: 'sidecar' }) });
      this.#litter.set(machine, [...(this.#litter.get(machine) ?? []), ...left]);
    }
  }

  /** litterOn returns what was left on a server and still lies there. */
  litterOn(server: string): Litter[] {
    const machine = this.machine(server);
    const isThere = ({ kind, name }: Litter) =>
      kind === 'container'
        ? machine.find(name) !== undefined
        : kind === 'network'
          ? machine.networks.has(name)
          : machine.volumes.has(name);
    return (this.#litter.get(machine) ?? []).filter(isThere);
  }

  /** makeByHand lets somebody start a container on a server. */
  makeByHand(server: string, made: HandMade): Container {
    const machine = this.machine(server);
    const { name, image = made.passes ? 'nginx:1.22' : 'old:1', published = {}, volumes = {}, passes } = made;
    const { network = HAND_NETWORK, listen = '80' } = made;
    machine.images.add(image, this.registry.find(image));
    if (!machine.networks.has(network)) machine.createNetwork({ Name: network });
    const bindings = Object.entries(published).map(
      ([port, inside]) => [`${inside}/tcp`, [{ HostPort: port }]] satisfies [string, { HostPort: string }[]],
    );
    for (const source of Object.values(volumes)) if (isDirectory(source)) machine.directories.add(source);
    const container = machine.create(name, {
      Image: image,
      Labels: made.labels ?? {},
      ExposedPorts: { [`${made.port ?? (passes ? 80 : 3000)}/tcp`]: {} },
      HostConfig: {
        NetworkMode: network,
        RestartPolicy: { Name: 'unless-stopped' },
        PortBindings: Object.fromEntries(bindings),
        Mounts: Object.entries(volumes).map(([target, source]) => ({
          Type: isDirectory(source) ? 'bind' : 'volume',
          Source: source,
          Target: target,
        })),
      },
      NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: made.aliases ?? [] } } },
    });
    const { shows = {} } = made;
    if (passes !== undefined) container.writeFile('/etc/nginx/nginx.conf', frontOf(passes, listen, shows));
    for (const [domain, { chain, privateKey }] of Object.entries(shows)) {
      container.writeFile(`/etc/nginx/${domain}.crt`, chain);
      container.writeFile(`/etc/nginx/${domain}.key`, privateKey);
    }
    machine.start(container);
    return container;
  }
}

/** The environment that stories are about, unless they name another one. */
export const SHOP: Scope = { project: 'shop', environment: 'production' };

function isDirectory(source: string): boolean {
  return source.startsWith('/');
}

function frontOf(passes: Record<string, string>, listen: string, shows: Record<string, KeyPair>): string {
  const servers = Object.entries(passes).map(([domain, target]) => {
    const secure = `listen 443 ssl; ssl_certificate /etc/nginx/${domain}.crt; ssl_certificate_key /etc/nginx/${domain}.key;`;
    const listens = `listen ${listen}; ${domain in shows ? secure : ''}`;
    return `server { ${listens} server_name ${domain}; location / { proxy_pass http://${target}; } }`;
  });
  return `events {}\nhttp {\n${servers.join('\n')}\n}\n`;
}

/** How long a service drains of which the file says nothing any more. */
const DRAIN_MS = 120_000;

/** What services were promised when they were deployed. */
interface PromisedBefore {
  /** The run comes to harm: what it had taken down it may not bring up again. */
  isHit: boolean;
  /** Services that go back to what they were once. */
  restored: readonly string[];
  /**
   * Services with copies on servers that are back in the file with what stood there when they left it.
   */
  cutOff: readonly string[];
  /** The shortest drain timeout that a release of a service had. */
  drainTimeoutMs: ReadonlyMap<string, number>;
}

/** promiseOf says what users may expect of a run that brings an environment to what is wanted. */
function promiseOf(wanted: EnvironmentSpec, before: PromisedBefore): (place: Place) => Promised {
  const prefix = `${scopeName(wanted)}_`;
  return (place) => {
    const { domain, path, published, upstream, network } = place;
    const address = `${domain}${path.replace(/\/$/, '')}`;
    // What follows a dot names a further port.
    const [name, port] = upstream.startsWith(prefix) ? upstream.slice(prefix.length).split('.') : [];
    const spec = wanted.services.find((service) => {
      if (published !== undefined) return publishedOf(service).includes(published);
      return domain === undefined ? service.name === name : service === servedBy(wanted, address);
    });
    const mayAnswer = (service: string) =>
      domain === undefined || name === undefined || service === name || service === spec?.name;
    const isDropped = isGivenUp(wanted, place);
    const isOwn = name !== undefined || network === networkName(wanted) || isDropped;
    // Nobody looks after a server any more that has left the file: what it sends to others may go.
    const isForgotten = isOwn && wanted.servers.every((server) => server.name !== place.machine.name);
    const mayBeDown = isDropped || isForgotten || before.cutOff.includes(name ?? '');
    const drainTimeoutMs = before.drainTimeoutMs.get(name ?? '') ?? DRAIN_MS;
    // Nobody is promised a port that the file has taken away, but for what is in flight.
    const isInternal = domain === undefined && published === undefined;
    const isUnported = isInternal && portsOf(spec ?? {}).every((one) => one.name !== port);
    if (spec === undefined || isUnported) return { drainTimeoutMs, mayBeDown, mayGo: isOwn };
    const isRestored = before.restored.includes(spec.name);
    return {
      drainTimeoutMs: isRestored
        ? Math.min(drainTimeoutMs, spec.policy.drainTimeoutMs)
        : spec.policy.drainTimeoutMs,
      mayBeDown:
        mayBeDown ||
        (spec.policy.strategy === 'recreate' && (spec.route.queueRequestsMs === undefined || before.isHit)),
      mayGo: mayLeave(wanted, spec, place.machine.spec.zone) || (isRestored && !isInternal),
      ...(!isRestored && { mayAnswer }),
    };
  };
}

/** The service of an environment that an address leads to: the longest path wins. */
function servedBy({ services }: EnvironmentSpec, address: string): ServiceSpec | undefined {
  const claims = services.flatMap((service) =>
    addressesOf(service.route).map((claimed) => ({ claimed, service })),
  );
  return claims
    .filter(({ claimed }) => covers(claimed, address))
    .sort((a, b) => b.claimed.length - a.claimed.length)[0]?.service;
}

/** A domain that a front has served may be lost, where the file says so. */
function isGivenUp({ nginx }: EnvironmentSpec, { domain }: Place): boolean {
  return domain !== undefined && (nginx.adopt?.drop.includes(domain) ?? false);
}

/** A zone loses a route, rightly, when all copies may stand in others. */
function mayLeave({ servers }: EnvironmentSpec, { placement }: ServiceSpec, zone: string): boolean {
  const { servers: count, zones } = placement;
  if (zones.length > 0 && !zones.includes(zone)) return true;
  const elsewhere = servers.filter(
    (server) => server.zone !== zone && (zones.length === 0 || zones.includes(server.zone)),
  );
  return elsewhere.length >= count;
}
