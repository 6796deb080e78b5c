import type { Drift } from '../deploy/looking/drift.ts';
import type { DryRunReport } from '../deploy/looking/dry-run.ts';
import type { Finding } from '../deploy/looking/findings.ts';
import { describeStep, stepsOf } from '../deploy/planning/describe.ts';
import type { Change, StaleChange } from '../deploy/planning/plan.ts';

/** How a plan came out. */
export type Outcome = 'no changes' | 'changes' | 'error';

/** The output `plan`. */
export type PlanOutput =
  | {
      outcome: Outcome;
      changes: Change[];
      steps: string[];
      stale: StaleChange;
      drift: Drift[];
      preflight: Finding[];
    }
  | { outcome: 'error'; error: string };

/** outcomeOf tells the three ways apart in which a plan can come out; what a deploy would fail of is an error. */
export function outcomeOf({ changed, findings }: Pick<DryRunReport, 'changed' | 'findings'>): Outcome {
  if (findings.some(({ level }) => level === 'error')) return 'error';
  return changed ? 'changes' : 'no changes';
}

/** planOutput returns the output `plan`. Pure. */
export function planOutput(report: DryRunReport): PlanOutput {
  const { plan, drift, findings } = report;
  return {
    outcome: outcomeOf(report),
    changes: plan.changes,
    steps: stepsOf(plan).map(describeStep),
    stale: plan.stale,
    drift,
    preflight: findings,
  };
}
