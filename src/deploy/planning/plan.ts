import type { HookName, Scope } from '../../model/names.ts';
import type { RecordedHooks } from '../../model/release.ts';
import type { Side } from '../../model/side.ts';
import type { Healthcheck, Protocol, PullPolicy, StrategyName } from '../../model/spec.ts';
import type { Route } from '../../nginx/routes.ts';
import type { Blueprint } from './container.ts';

/** A new container beside the old one, or an existing one that is started again. */
export interface StartStep {
  kind: 'start';
  service: string;
  host: string;
  side: Side;
  /** The container's name. */
  name: string;
  release: number;
  blueprint: Blueprint;
  /** A stopped container that already is what is wanted. */
  existing: string | undefined;
}

/** Waiting until a container is healthy. */
export interface CheckStep {
  kind: 'check';
  service: string;
  host: string;
  side: Side;
  /** The container's name. */
  name: string;
  containerPort: number;
  protocol: Protocol;
  healthcheck: Healthcheck;
}

/** Stopping a container that stays there, so that it can be started again. */
export interface StopStep {
  kind: 'stop';
  service: string;
  host: string;
  id: string;
  name: string;
  graceMs: number;
}

/** Draining, stopping and removing a container that no longer gets traffic. */
export interface RetireStep {
  kind: 'retire';
  service: string;
  host: string;
  id: string;
  name: string;
  /** Undefined is every port that it listens on. */
  containerPort: number | undefined;
  release: number;
  /** Ids of the helpers of killed runs that watch it still: they go with it. */
  helpers: string[];
  /** Undefined removes at once: it never had traffic, or does not run. 0 is without limit. */
  drainTimeoutMs: number | undefined;
  graceMs: number;
}

/** Running a command of a release in a container of its own, or seeing how that of a run that was cut off ended. */
export interface HookStep {
  kind: 'hook';
  hook: HookName;
  service: string;
  host: string;
  /** The container's name. */
  name: string;
  release: number;
  blueprint: Blueprint;
  command: string[];
  timeoutMs: number;
  graceMs: number;
}

/** Waiting until a hook has ended that a run has left running. */
export interface AwaitStep {
  kind: 'await';
  hook: HookName;
  service: string;
  host: string;
  id: string;
  name: string;
  release: number;
  timeoutMs: number;
  graceMs: number;
}

/** Giving edge and sidecar of all servers new routes, and proving it. */
export interface SwitchStep {
  kind: 'switch';
  /** All routes of the environment after this step. */
  routes: Route[];
  /** The services whose traffic moves and is proven. */
  moved: string[];
  hosts: string[];
}

/** An image that has to come from a registry, or has to be looked for there. */
export interface PullStep {
  kind: 'pull';
  host: string;
  image: string;
  policy: PullPolicy;
}

/** What a server needs before services can stand on it. */
export interface PrepareStep {
  kind: 'prepare';
  host: string;
  sidecar: 'create' | 'start' | undefined;
  /** `bridge` stands in for the edge while a front holds its ports; `open` gives it them when the front is gone. */
  edge: 'create' | 'start' | 'join' | 'bridge' | 'open' | undefined;
  /** An nginx of the older naming that has the sidecar's name. */
  displaced?: DisplacedSidecar;
}

/** An nginx that gets another name, so that the sidecar can have its own; it runs on until it is idle. */
export interface DisplacedSidecar {
  id: string;
  name: string;
  /** It answers to the sidecar's alias on the environment's network. */
  isInNetwork: boolean;
}

/** Sending new connections past a front to the bridge, and waiting until its own are over. */
export interface DivertStep {
  kind: 'divert';
  host: string;
  /** The front. */
  id: string;
  name: string;
  /** Ports of the server, and those of the front that they lead to. */
  ports: number[];
  containerPorts: number[];
  /** How long to wait; 0 is without limit. */
  drainTimeoutMs: number;
}

/** The values of one service's secrets under the number that its releases name. */
export interface SecretSet {
  service: string;
  version: number;
}

/** Keeping values of secrets on a server, so that a release that needs them can be brought back. */
export interface KeepSecretsStep {
  kind: 'keep-secrets';
  host: string;
  sets: SecretSet[];
}

/** Giving up values of secrets that no release needs any more. */
export interface ForgetSecretsStep {
  kind: 'forget-secrets';
  host: string;
  sets: SecretSet[];
}

/** Taking the last things of an environment off a server; volumes of services stay. */
export interface TeardownStep {
  kind: 'teardown';
  host: string;
}

/** Removing something of ours that nothing refers to. */
export interface SweepStep {
  kind: 'sweep';
  host: string;
  what: 'container' | 'network' | 'volume' | 'image';
  id: string;
  /** For people. */
  name: string;
}

export type Step =
  | StartStep
  | CheckStep
  | StopStep
  | RetireStep
  | HookStep
  | AwaitStep
  | SwitchStep
  | PullStep
  | PrepareStep
  | DivertStep
  | KeepSecretsStep
  | ForgetSecretsStep
  | TeardownStep
  | SweepStep;

/**
 * How what ran before Switchyard leaves, when all services have their traffic: the front gets no new connections,
 * then what it passed them to goes, then it goes itself, and the edge has its ports.
 */
export interface Takeover {
  divert: DivertStep[];
  leave: RetireStep[];
  nginx: RetireStep[];
  open: PrepareStep[];
}

/** Services that may change together: all they depend on stand in earlier levels. */
export interface Level {
  services: string[];
  /** Before anything else of the level: while they run, everything is as it was. */
  preDeploy: HookStep[];
  /** `recreate` only: old containers that must not run beside the new ones. */
  stop: StopStep[];
  start: StartStep[];
  check: CheckStep[];
  switch: SwitchStep | undefined;
  /** While the old containers drain. */
  postDeploy: HookStep[];
  retire: RetireStep[];
}

/** A hook that was begun, and nobody knows how it ended: the run is refused until somebody says. */
export interface UnfinishedHook {
  service: string;
  hook: HookName;
  release: number;
  host: string;
  /** Its container, where that is still there. */
  container: string | undefined;
}

/** What happens to a service. */
export type Effect =
  /** It runs for the first time. */
  | 'create'
  /** New containers beside the old ones. */
  | 'toggle'
  /** The old container stops before the new one starts. */
  | 'recreate'
  /** Only edge and sidecar change. */
  | 'reload'
  /** Only the record changes. */
  | 'record'
  | 'remove'
  | 'none';

/** One service's change, for people. */
export interface Change {
  service: string;
  /** Release numbers; 0 is none. */
  from: number;
  to: number;
  effect: Effect;
  strategy: StrategyName | undefined;
  reasons: string[];
  hosts: string[];
  image: string;
}

/** A container that has the traffic of a service after the run. */
export interface Standing {
  host: string;
  side: Side;
  /** The container's name. */
  name: string;
  /** Its own host port, where ports carry the version. */
  port?: number | undefined;
  /** The release that created it. */
  release: number;
}

/** Plan is what a run will do, in its order. The empty plan is the proof that nothing is left to do. */
export interface Plan {
  scope: Scope;
  changes: Change[];
  /** Runs alone and before all else, and then a new plan is made: a run was cut off while it switched. */
  settle: SwitchStep | undefined;
  /** Hooks of earlier runs that still run: the run waits for them first, and then a new plan is made. */
  awaited: AwaitStep[];
  unfinished: UnfinishedHook[];
  /** How far the hooks of the releases are that the run begins. */
  hooks: Record<string, RecordedHooks>;
  /** Old containers that drain where a new one has to stand: the run waits for them first, without the lease. */
  vacate: RetireStep[];
  pulls: PullStep[];
  prepare: PrepareStep[];
  /** Side by side with the record of the intent: no container starts before its secrets are kept. */
  keepSecrets: KeepSecretsStep[];
  levels: Level[];
  takeover: Takeover;
  /** Fronts that the file says shall go, and that somebody still needs, as sentences. */
  staying: string[];
  /** Services whose change follows in a second plan: its place is free when the takeover is done. */
  postponed: string[];
  /** Where the services of `changes` stand afterwards. */
  standing: Record<string, Standing[]>;
  /** Of services that left. */
  forgetSecrets: ForgetSecretsStep[];
  teardown: TeardownStep[];
  /** Comes after everything else, and only when all of it has succeeded. */
  sweep: SweepStep[];
  stale: StaleChange;
}

/** What becomes of the record's list of servers that had to be left out. */
export interface StaleChange {
  /** Hosts that this run leaves out, and that are not on the list. */
  left: string[];
  /** Hosts on the list that this run brings up to date, or that have left the file. */
  returned: string[];
}

/** isEmpty tells whether a plan changes nothing, the record included. */
export function isEmpty(plan: Plan): boolean {
  return (
    plan.changes.every(({ effect }) => effect === 'none') &&
    plan.settle === undefined &&
    plan.awaited.length +
      plan.vacate.length +
      plan.prepare.length +
      plan.levels.length +
      plan.teardown.length +
      plan.sweep.length ===
      0 &&
    Object.values(plan.takeover).every((steps: readonly Step[]) => steps.length === 0) &&
    plan.stale.left.length + plan.stale.returned.length === 0
  );
}

/** isCreating tells whether a server gets something new; else what is there is only started, or joined. */
export function isCreating({ sidecar, edge }: PrepareStep): boolean {
  return sidecar === 'create' || edge === 'create' || edge === 'bridge' || edge === 'open';
}
