import type { PlannedStep } from '../../../src/deploy/planning/graph.ts';
import type { Step } from '../../../src/deploy/steps/index.ts';

/** wordOf returns a step in two words or three: what, of which hook, on which server. */
export function wordOf(step: Step): string {
  const what = step.kind === 'hook' ? step.hook : step.kind;
  return 'server' in step && step.kind !== 'hook' ? `${what} ${step.server}` : what;
}

/** tableOf returns a line for each step: what it is, in the words that `say` has for it, and what it needs. */
export function tableOf(steps: readonly PlannedStep[], say: (step: Step) => string = wordOf): string[] {
  const words = new Map(steps.map(({ id, step }) => [id, say(step)]));
  return steps.map(({ step, needs }) => {
    const after = needs.map((id) => words.get(id) ?? id).join(', ');
    return after === '' ? say(step) : `${say(step)} ← ${after}`;
  });
}
