import type { Copy } from '../model/copy.ts';
import type { Execution } from './execute.ts';
import { leftOutFailure } from './partial-failure.ts';
import type { Change, Plan, PlannedRollout, StaleChange, StandbyCopy } from './planning/plan.ts';

/** Progress is how far a run has come, over all plans that it has followed. */
export class Progress {
  changes: Change[];
  copies: Record<string, Copy[]>;
  standby: StandbyCopy[];
  stale: StaleChange;
  sendsTo: Plan['sendsTo'];
  /** Services that serve as wanted. */
  readonly done = new Set<string>();
  /** Services whose traffic has moved to other copies. */
  readonly switched = new Set<string>();
  /** Names of servers that could not be asked any more when the run went back. */
  readonly dead: string[] = [];
  /** Why the run went on without a server, by its name. */
  readonly left = new Map<string, unknown>();
  failure: unknown;
  /** What had the traffic before a rollout that failed has it again. */
  isBack = true;
  /** And nothing is left of that rollout. */
  isUndone = true;
  hasActed = false;
  /** Images by digest of releases that the record keeps no longer; no other release has them. */
  expiredImages: readonly string[] = [];
  readonly #planned = new Set<string>();

  constructor({ changes, copies, standby, stale, sendsTo, rollouts }: Plan) {
    this.changes = changes;
    this.copies = copies;
    this.standby = standby;
    this.stale = stale;
    this.sendsTo = sendsTo;
    for (const name of rollouts.flatMap(({ services }) => services)) this.#planned.add(name);
  }

  /** Services that were to change, and run as before. */
  get undone(): ReadonlySet<string> {
    return new Set([...this.#planned].filter((name) => !this.done.has(name)));
  }

  /** note takes down what has become of a plan. */
  note({ rollouts }: Plan, execution: Execution): void {
    this.hasActed = true;
    for (const { services, moved, steps, serving } of rollouts) {
      const isBegun = steps.some((id) => ['running', 'done', 'failed'].includes(execution.stateOf(id)));
      if (!isBegun || !serving.every((id) => execution.stateOf(id) === 'done')) continue;
      for (const name of services) this.done.add(name);
      for (const name of moved) this.switched.add(name);
    }
  }

  /**
   * goOn goes over to the plan that a run follows without servers that it has left out. Services of the rollout that failed
   * there serve as wanted on the others, unless the plan has more to do for them.
   */
  goOn(failed: PlannedRollout | undefined, rest: Plan): void {
    const ahead = rest.rollouts.flatMap(({ services }) => services);
    for (const name of failed?.services ?? []) if (!ahead.includes(name)) this.done.add(name);
    for (const name of failed?.moved ?? []) this.switched.add(name);
    for (const name of ahead) this.#planned.add(name);
    // What has happened to a service already is no part of the rest of the plan.
    const changes = rest.changes.map((change) => {
      const before = this.changes.find(({ service }) => service === change.service);
      return before === undefined || before.effect === 'none'
        ? change
        : { ...before, servers: change.servers };
    });
    const isKnown = ({ service }: Change) => rest.changes.some((change) => change.service === service);
    // What the rest of the run leaves as it is was to change all the same.
    this.changes = [...changes, ...this.changes.filter((change) => !isKnown(change))];
    this.copies = { ...this.copies, ...rest.copies };
    this.standby = rest.standby;
    this.stale = rest.stale;
    this.sendsTo = rest.sendsTo;
  }

  /** leftFailure returns why a run fails that has left servers out. */
  leftFailure(): unknown {
    return leftOutFailure(this.left);
  }
}

/** failedRollout returns the rollout that was begun and does not serve as wanted; undefined where a run failed before or after one. */
export function failedRollout({ rollouts }: Plan, execution: Execution): PlannedRollout | undefined {
  return rollouts.find(
    ({ steps, serving }) =>
      steps.some((id) => ['done', 'failed'].includes(execution.stateOf(id))) &&
      !serving.every((id) => execution.stateOf(id) === 'done'),
  );
}
