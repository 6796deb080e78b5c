import type { RunContext } from './context.ts';

/** What there is to know of a kind of step: everything but its data. A kind is one module, and has its place in index.ts. */
export interface StepKind<S> {
  /** describe says what a step does, as a sentence without a subject, for people. */
  describe(step: S): string;
  /**
   * run does it. A step is idempotent and looks before it acts: after a crash it may be run again, over what it has done
   * already. It ends when the context's clock or guard does.
   */
  run(step: S, context: RunContext): Promise<void>;
  /**
   * undo takes a step back that was done, or has failed in its middle, when what comes right after it has not succeeded.
   * It is there only for what cannot wait until the run looks again and plans the way back.
   */
  undo?(step: S, context: RunContext): Promise<void>;
  /** Names of the moments within `run` that it announces: there it matters what a crash leaves behind. */
  moments?: readonly string[];
  /** It only waits: it is called off when nothing can come after it any more. */
  onlyWaits?: true;
  /** mayOutlastLease tells whether it may take for longer than a run wants to hold the lease; what comes after it needs none either. */
  mayOutlastLease?(step: S): boolean;
  /** It is left to the next run where the lease was given back meanwhile. */
  needsLease?: true;
}
