import { explainRefusal } from '../fleet/engine-failure.ts';
import { messageOf, reasonOf, UserError, UserErrors } from '../model/errors.ts';
import type { PlannedStep } from './planning/graph.ts';
import type { RunContext } from './steps/context.ts';
import type { Step } from './steps/index.ts';
import type { StepKind } from './steps/kind.ts';
import type { Timeline } from './timeline.ts';

/** How far a step has come. */
export type StepState = 'pending' | 'running' | 'done' | 'failed' | 'skipped';

/** A step that has failed, and why. */
export interface StepFailure {
  step: Step;
  error: unknown;
  /** It is one of those that may outlast the lease, or comes after one. */
  isLate: boolean;
}

/** A plan that is being run. */
export interface Execution {
  /** Resolves when nothing is left but what may outlast the lease; it never rejects. */
  readonly settled: Promise<void>;
  /** Resolves when nothing is left; it never rejects. */
  readonly ended: Promise<void>;
  /** In the order in which they happened. */
  readonly failures: readonly StepFailure[];
  /** stateOf returns how far a step has come, by its id. */
  stateOf(id: string): StepState;
}

/** What the executor has to be told beside the plan. */
export interface ExecutionOptions {
  kindOf(step: Step): StepKind<Step>;
  context: RunContext;
  /** For taking steps back: its clock does not end when the run is cancelled. */
  undoContext: RunContext;
  timeline: Timeline;
  /** Tells whether the lease is held still. */
  holdsLease(): boolean;
}

/**
 * execute runs a plan: each step when all that it needs is done, side by side with all others that can run. It knows
 * nothing of kinds. When a step fails, what needs it is skipped, and what only waits is called off when nothing can follow
 * it any more. A step that can be taken back is, as soon as what comes right after it cannot succeed. All else goes on: a
 * failure of one service does not cut the drain of another.
 */
export function execute(steps: readonly PlannedStep[], options: ExecutionOptions): Execution {
  return new Executor(steps, options);
}

/** A wait that is in vain goes on for so long: what is wrong on one server is often wrong on others, and told of all. */
const CALLED_OFF_AFTER_MS = 2_000;

class Executor implements Execution {
  readonly settled: Promise<void>;
  readonly ended: Promise<void>;
  readonly failures: StepFailure[] = [];
  readonly #options: ExecutionOptions;
  readonly #steps: ReadonlyMap<string, PlannedStep>;
  readonly #followers = new Map<string, string[]>();
  readonly #states = new Map<string, StepState>();
  readonly #outlasting = new Set<string>();
  readonly #undone = new Set<string>();
  readonly #callingOff = new Map<string, AbortController>();
  readonly #settled = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  /** Steps that run right now, and how many are being taken back. */
  #running = 0;
  #undoing = 0;

  constructor(steps: readonly PlannedStep[], options: ExecutionOptions) {
    this.#options = options;
    this.#steps = new Map(steps.map((planned) => [planned.id, planned]));
    for (const { id, needs, step } of steps) {
      this.#states.set(id, 'pending');
      this.#followers.set(id, []);
      for (const need of needs) this.#followers.get(need)!.push(id);
      const isLate =
        options.kindOf(step).mayOutlastLease?.(step) || needs.some((need) => this.#outlasting.has(need));
      if (isLate) this.#outlasting.add(id);
    }
    this.settled = this.#settled.promise;
    this.ended = this.#ended.promise;
    this.#advance();
  }

  stateOf(id: string): StepState {
    return this.#states.get(id) ?? 'pending';
  }

  /** Starts what can run, takes back what has to be, and notices the end. */
  #advance(): void {
    for (const { id, needs } of this.#steps.values()) {
      if (this.stateOf(id) === 'pending' && needs.every((need) => this.stateOf(need) === 'done'))
        this.#start(id);
    }
    for (const id of this.#steps.keys()) if (this.#mustBeUndone(id)) this.#undo(id);
    const isOver = (id: string) => !['pending', 'running'].includes(this.stateOf(id));
    const ids = [...this.#steps.keys()];
    if (ids.every((id) => this.#outlasting.has(id) || isOver(id)) && this.#undoing === 0)
      this.#settled.resolve();
    if (this.#running + this.#undoing === 0) this.#ended.resolve();
  }

  #start(id: string): void {
    const { step } = this.#steps.get(id)!;
    const { context, holdsLease, kindOf } = this.#options;
    const kind = kindOf(step);
    const { signal } = context.guard;
    if (signal.aborted) {
      this.#noteFailure(id, step, signal.reason);
      this.#skip(id);
      return;
    }
    if (kind.needsLease && !holdsLease()) {
      this.#skip(id);
      return;
    }
    this.#states.set(id, 'running');
    this.#running += 1;
    void this.#run(id, step, kind).then(
      () => this.#finish(id, 'done'),
      (error: unknown) => this.#fail(id, step, error),
    );
  }

  async #run(id: string, step: Step, kind: StepKind<Step>): Promise<void> {
    const { context, timeline } = this.#options;
    const isCalledOff = new AbortController();
    this.#callingOff.set(id, isCalledOff);
    const what = kind.describe(step);
    const { log } = context;
    log.debug(`begins: ${step.kind}: ${what}`);
    const begun = context.clock.now();
    await timeline.measure(spanOf(step), async () => {
      try {
        await kind.run(step, {
          ...context,
          clock: context.clock.endingWith(isCalledOff.signal),
          moment: (name) => log.debug(`moment: ${step.kind}: ${name}: ${what}`),
        });
      } catch (error) {
        throw explainRefusal(what, error);
      }
    });
    log.debug(`ends: ${step.kind}: ${what} (${Math.round(context.clock.now() - begun)} ms)`);
  }

  #finish(id: string, state: StepState): void {
    this.#states.set(id, state);
    this.#callingOff.delete(id);
    this.#running -= 1;
    this.#advance();
  }

  #fail(id: string, step: Step, error: unknown): void {
    const wasCalledOff = this.#callingOff.get(id)?.signal.aborted;
    if (!wasCalledOff) this.#noteFailure(id, step, error);
    this.#states.set(id, wasCalledOff ? 'skipped' : 'failed');
    this.#skipInVain();
    this.#finish(id, this.stateOf(id));
  }

  #noteFailure(id: string, step: Step, error: unknown): void {
    this.failures.push({ step, error: reasonOf(error), isLate: this.#outlasting.has(id) });
  }

  /** Gives up a step that was not begun. */
  #skip(id: string): void {
    this.#states.set(id, 'skipped');
    this.#skipInVain();
  }

  /** Skips what needs something that will not be done, and ends what waits for the sake of such. */
  #skipInVain(): void {
    const isLost = (id: string) => ['failed', 'skipped'].includes(this.stateOf(id));
    let isChanging = true;
    while (isChanging) {
      isChanging = false;
      for (const { id, needs, step } of this.#steps.values()) {
        const followers = this.#followers.get(id)!;
        const waitsInVain =
          this.#options.kindOf(step).onlyWaits && followers.length > 0 && followers.every(isLost);
        if (this.stateOf(id) === 'pending' && (needs.some(isLost) || waitsInVain)) {
          this.#states.set(id, 'skipped');
          isChanging = true;
        } else if (this.stateOf(id) === 'running' && waitsInVain) {
          this.#callOff(id);
        }
      }
    }
  }

  #callOff(id: string): void {
    const end = () => this.#callingOff.get(id)?.abort(new Error('called off'));
    void this.#options.context.clock.sleep(CALLED_OFF_AFTER_MS).then(end, end);
  }

  /** What comes right after it cannot succeed any more, and nothing of that runs. */
  #mustBeUndone(id: string): boolean {
    const state = this.stateOf(id);
    if (this.#undone.has(id) || this.#options.kindOf(this.#steps.get(id)!.step).undo === undefined)
      return false;
    if (state === 'failed') return true;
    if (state !== 'done') return false;
    const followers = this.#followers.get(id)!.map((follower) => this.stateOf(follower));
    const isLost = followers.some((follower) => follower === 'failed' || follower === 'skipped');
    return isLost && !followers.includes('running') && !followers.includes('pending');
  }

  #undo(id: string): void {
    const { step } = this.#steps.get(id)!;
    const { kindOf, undoContext } = this.#options;
    const kind = kindOf(step);
    this.#undone.add(id);
    this.#undoing += 1;
    const { log } = undoContext;
    const what = `take back: ${kind.describe(step)}`;
    log.debug(`begins: undo ${step.kind}: ${what}`);
    const undo = async () => await kind.undo?.(step, { ...undoContext, moment: () => undefined });
    void undo()
      .then(() => log.debug(`ends: undo ${step.kind}: ${what}`))
      .catch((error: unknown) => log.warning(`${what}: ${messageOf(error)}`))
      .then(() => {
        this.#undoing -= 1;
        this.#advance();
      });
  }
}

/**
 * failureOf returns why a run fails whose steps have failed: the first error that is no user's, else all users' errors
 * together, each once. A cancelled run ends with one error everywhere.
 */
export function failureOf(failures: readonly Pick<StepFailure, 'error'>[]): unknown {
  const errors = [...new Set(failures.map(({ error }) => error))];
  const ours = errors.find((error) => !(error instanceof UserError));
  if (ours !== undefined) return ours;
  return errors.length === 1 ? errors[0] : new UserErrors(errors as UserError[]);
}

/** How a step is called in the timeline. */
function spanOf(step: Step): { phase: string; service?: string; server?: string } {
  return {
    phase: step.kind,
    ...('service' in step && { service: step.service }),
    ...('server' in step && { server: step.server }),
  };
}
