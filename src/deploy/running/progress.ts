import type { Level, Plan } from '../planning/plan.ts';
import type { Progress } from '../recording/outcome.ts';
import type { Retiring } from './run-level.ts';

/** What happened so far. */
export interface Run extends Progress {
  retiring: Retiring[];
  /** Plans that were given up in their middle, and how far they came. */
  come: { plan: Plan; levels: Level[] }[];
  cut: number;
}

/** emptyRun returns a run in which nothing has happened yet. */
export function emptyRun(): Run {
  return {
    retiring: [],
    come: [],
    done: [],
    failed: [],
    skipped: [],
    failure: undefined,
    dead: [],
    left: new Map(),
    isUndone: true,
    probes: new Map(),
    cut: 0,
    tookMs: 0,
  };
}
