import type { Copy } from '../../model/copy.ts';
import type { HookName, Scope } from '../../model/names.ts';
import type { CopyPlace, RecordedHooks } from '../../model/release.ts';
import type { StrategyName } from '../../model/spec.ts';
import type { Route } from '../../nginx/routes.ts';
import type { Step } from '../steps/index.ts';
import type { PlannedStep } from './graph.ts';

/** A hook that was begun, and nobody knows how it ended: the run is refused until somebody says. */
export interface UnfinishedHook {
  service: string;
  hook: HookName;
  release: number;
  server: string;
  /** Its container, where that is still there. */
  container: string | undefined;
}

/** What happens to a service. */
export type Effect =
  /** It runs for the first time. */
  | 'create'
  /** New copies beside the old ones. */
  | 'toggle'
  /** The old copy stops before the new one starts. */
  | 'recreate'
  /** More copies, or fewer: those that are there stay as they are. */
  | 'scale'
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
  /** Names of the servers it stands on afterwards; of one that is removed, those it leaves. */
  servers: string[];
  /** How many copies stand on each of them; left out where it is one, or they differ. */
  copiesOnEach?: number;
  image: string;
  /** Where the edge serves it afterwards, and what it redirects, in words. */
  domains: string[];
  /** It has no port afterwards. */
  isWorker?: true;
}

/** With what a plan compares that which runs: by it people are told what is in order when there is nothing to do. */
export interface Comparison {
  /** The file; what is deployed already, as edge and sidecar should serve it; or the releases that a rollback brings back. */
  with: 'file' | 'deployed' | 'releases';
  /** Names of the services that are compared; undefined is all. */
  services: readonly string[] | undefined;
  /** Names of the servers that are; undefined is all. */
  servers: readonly string[] | undefined;
  /** The releases that are deployed, by service. */
  deployed: Readonly<Record<string, number>>;
}

/** What becomes of the record's list of servers that had to be left out. */
export interface StaleChange {
  /** Servers that this run leaves out, and that are not on the list. */
  left: string[];
  /** Servers on the list that this run brings up to date, or that have left the file. */
  returned: string[];
}

/** An old copy that stays, since servers that are left out may send it requests still. */
export interface StandbyCopy extends Copy {
  /** Names of those servers. */
  for: string[];
}

/** Services that change together, and their steps in a plan. */
export interface PlannedRollout {
  services: string[];
  /** Those whose traffic moves to other copies. */
  moved: string[];
  /** Ids of all its steps. */
  steps: string[];
  /** Ids of the steps after which its services serve as wanted: what fails later takes nothing from anybody. */
  serving: string[];
  /** All routes of the environment as they are before it. */
  before: Route[];
}

/** Plan is what a run will do. The empty plan is the proof that nothing is left to do. */
export interface Plan {
  scope: Scope;
  compared: Comparison;
  changes: Change[];
  /** What is done, each step after all that it needs. */
  steps: PlannedStep[];
  /**
   * Ids of steps that end the plan: when they are done the run looks again and plans anew. An earlier run was cut off
   * while it switched, has left a hook running, or still drains where a new copy has to stand. Empty as a rule.
   */
  gate: string[];
  /** The services that change together, in their order. */
  rollouts: PlannedRollout[];
  /** How far the hooks of the releases are that the run begins. */
  hooks: Record<string, RecordedHooks>;
  unfinished: UnfinishedHook[];
  /** Fronts that the file says shall go, and that somebody still needs, as sentences. */
  staying: string[];
  /** What waits until others who share an edge say the same, as sentences. */
  undecided: string[];
  /** Services whose change follows in a second plan: its place is free when this one is done. */
  postponed: string[];
  /** The copies that serve afterwards, of the services of `changes`. */
  copies: Record<string, Copy[]>;
  /** Old copies that stay beside them. */
  standby: StandbyCopy[];
  stale: StaleChange;
  /** Where servers may send requests that are left out for the first time, by their names. */
  sendsTo: Record<string, CopyPlace[]>;
}

/** isEmpty tells whether a plan changes nothing, the record included. */
export function isEmpty(plan: Plan): boolean {
  return (
    plan.changes.every(({ effect }) => effect === 'none') &&
    plan.steps.length + plan.stale.left.length + plan.stale.returned.length === 0
  );
}

/** stepsOf returns the steps of one kind, in their order. */
export function stepsOf<K extends Step['kind']>(
  { steps }: Pick<Plan, 'steps'>,
  kind: K,
): Extract<Step, { kind: K }>[] {
  return steps.flatMap(({ step }) => (step.kind === kind ? [step as Extract<Step, { kind: K }>] : []));
}
