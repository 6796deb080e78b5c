import type { Plan } from '../deploy/planning/plan.ts';
import type { Clock } from '../model/clock.ts';
import type { EvidenceFile } from '../model/evidence.ts';
import type { Log } from '../model/log.ts';
import type { Scope } from '../model/names.ts';

/** A log that can be told what must not appear in it. */
export interface ConcealingLog extends Log {
  /** hide keeps a value out of everything that is logged from now on. */
  hide(value: string): void;
}

/** Where a command runs: what it cannot know by itself, and whom it tells. */
export interface Surroundings {
  /** A folder of the repository. */
  workspace: string;
  /** Environment variables. */
  env: NodeJS.ProcessEnv;
  log: ConcealingLog;
  clock: Clock;
  /** Aborted when the run is cancelled. */
  signal: AbortSignal;
  /** Told of every plan before it is run. */
  onPlan(plan: Plan): void;
  /** keepEvidence writes files for people, without what the log must not have, and returns their folder. */
  keepEvidence(files: readonly EvidenceFile[]): string;
  /** Told which lease the run holds; undefined is none. */
  onLease(scope: Scope, id: string | undefined): void;
}
