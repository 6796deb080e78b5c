import type { Step } from '../steps/index.ts';

/** A step of a plan, and what has to be done before it. */
export interface PlannedStep {
  /** Unique in its plan. */
  id: string;
  step: Step;
  /** Ids of steps that come before this one in the list. */
  needs: string[];
}

/** What a step comes after: ids, as `add` has returned them. */
export type After = readonly (string | After)[];

/** StepGraph is a plan in the making: steps are added in an order in which they could run one by one. */
export class StepGraph {
  readonly steps: PlannedStep[] = [];

  /**
   * add adds a step, or several side by side, and returns their ids. Where there is nothing to add it returns what they
   * would have come after, so that a chain with a missing link holds.
   */
  add(steps: Step | readonly Step[], after: After = []): string[] {
    const needs = [...new Set(flat(after))];
    const added = (Array.isArray(steps) ? steps : [steps]) as readonly Step[];
    if (added.length === 0) return needs;
    return added.map((step) => {
      const id = `${step.kind} ${this.steps.length + 1}`;
      this.steps.push({ id, step, needs });
      return id;
    });
  }

  /**
   * ends returns the steps that nothing comes after: whatever needs these comes after all. It shall need no others, for a
   * step is taken back when what comes right after it is not done.
   */
  ends(): string[] {
    const needed = new Set(this.steps.flatMap(({ needs }) => needs));
    return this.steps.map(({ id }) => id).filter((id) => !needed.has(id));
  }

  /** aside is add for what others wait for beside something else: where there is nothing to add, it returns nothing. */
  aside(steps: readonly Step[], after: After): string[] {
    return steps.length === 0 ? [] : this.add(steps, after);
  }
}

function flat(after: After): string[] {
  return after.flatMap((one) => (typeof one === 'string' ? [one] : flat(one)));
}

/** upTo returns the steps with these ids and all that they need, in their order. */
export function upTo(steps: readonly PlannedStep[], ids: readonly string[]): PlannedStep[] {
  const wanted = new Set(ids);
  for (const { id, needs } of [...steps].reverse()) {
    if (wanted.has(id)) for (const need of needs) wanted.add(need);
  }
  return steps.filter(({ id }) => wanted.has(id));
}
