import type { Copy, Slot } from '../../model/copy.ts';
import { messageOf } from '../../model/errors.ts';
import type { ProbeReport } from '../../model/release.ts';
import type { PlanInput } from '../planning/input.ts';
import { type Change, type Plan, type StaleChange, type StandbyCopy, stepsOf } from '../planning/plan.ts';
import type { WantedService } from '../planning/wanted.ts';

/** A copy that a run still drains when it gives the lease back. */
export interface Draining {
  service: string;
  server: string;
  slot: Slot;
  /** The container's name. */
  name: string;
  release: number;
  /** None where nobody knows it any more. */
  port?: number;
  /** The run says again before this time that it lives. */
  until: string;
}

/** What has become of a run, over all plans that it has followed. */
export interface RunProgress {
  /** What its last plan was made of. */
  input: PlanInput;
  changes: readonly Change[];
  /** The copies that serve as planned, by service. */
  copies: Readonly<Record<string, readonly Copy[]>>;
  /** Old copies that stay beside them. */
  standby: readonly StandbyCopy[];
  stale: StaleChange;
  /** See Plan. */
  sendsTo: Plan['sendsTo'];
  /** Services that serve as wanted. */
  done: ReadonlySet<string>;
  /** Services that were to change, and run as before. */
  undone: ReadonlySet<string>;
  /** Services whose traffic has moved to other copies. */
  switched: ReadonlySet<string>;
  failure: unknown;
  /** Names of servers that could not be asked any more when the run went back. */
  dead: readonly string[];
  /** Why the run went on without a server, by its name. */
  left: ReadonlyMap<string, unknown>;
  /** What was begun and has failed is undone everywhere; on a server that died nobody knows. */
  isUndone: boolean;
  probes: ReadonlyMap<string, ProbeReport>;
  /** The digest of each service's image, where there is one. */
  digests: ReadonlyMap<string, string>;
  /** Copies that drain on. */
  draining: readonly Draining[];
  /** From the start of the run, in milliseconds. */
  tookMs: number;
}

/** What a run achieved for one service. */
export interface Achieved {
  service: WantedService;
  change: Change;
  copies: readonly Copy[];
  standby: readonly StandbyCopy[];
  image: string;
  isSwitched: boolean;
  probe: ProbeReport | undefined;
  draining: readonly Draining[];
}

/** What a run achieved, for the record. */
export interface RunOutcome {
  achieved: Achieved[];
  removed: Change[];
  /** What was to change and runs as before, because the run failed. */
  failed: Change[];
  /** False where new copies of these may be left: the next run may go on with the same releases. */
  isUndone: boolean;
  stale: StaleChange & { reasons: ReadonlyMap<string, string>; sendsTo: Plan['sendsTo'] };
  /** From the start of the run, in milliseconds. */
  tookMs: number;
}

/**
 * outcomeOf says what a run achieved. When it failed, only what was proven counts: a route that no rollout was finished
 * with was brought back. Pure.
 */
export function outcomeOf(run: RunProgress): RunOutcome {
  const { input, undone, stale, left, dead } = run;
  const isFailed = run.failure !== undefined;
  const achieved = run.changes.flatMap((change): Achieved[] => {
    const service = input.services.find(({ name }) => name === change.service);
    const isNothing = change.effect === 'none' || change.effect === 'remove';
    const isDone = !isFailed || run.done.has(change.service);
    if (service === undefined || isNothing || undone.has(change.service) || !isDone) return [];
    return [achievedFor(run, service, change)];
  });
  return {
    achieved,
    removed: run.changes.filter(({ effect, service }) => effect === 'remove' && !undone.has(service)),
    failed: run.changes.filter(({ service }) => undone.has(service)),
    isUndone: run.isUndone,
    stale: {
      left: [...new Set([...stale.left, ...dead])],
      reasons: new Map([...left].map(([server, error]) => [server, firstLine(messageOf(error))])),
      returned: isFailed ? [] : stale.returned,
      sendsTo: run.sendsTo,
    },
    tookMs: run.tookMs,
  };
}

function achievedFor(run: RunProgress, service: WantedService, change: Change): Achieved {
  const { name } = service;
  return {
    service,
    change,
    copies: run.copies[name] ?? [],
    standby: run.standby.filter((copy) => copy.service === name),
    image: run.digests.get(name) ?? change.image,
    isSwitched: run.switched.has(name),
    probe: run.probes.get(name),
    draining: run.draining.filter((copy) => copy.service === name),
  };
}

/**
 * keptDigests returns the digests of services of which these plans make no new copies, and which so keep their images:
 * those of the releases that they are. Pure.
 */
export function keptDigests(
  { services }: PlanInput,
  plans: readonly Pick<Plan, 'steps'>[],
): Map<string, string> {
  const intents = plans.flatMap((plan) => stepsOf(plan, 'record intent'));
  const begun = new Set(intents.flatMap((step) => step.begun.map(({ service }) => service.name)));
  return new Map(
    services
      .filter(({ name }) => !begun.has(name))
      .flatMap(({ name, release, known: { current, rollout } }) => {
        // Where a run was cut off, the release that it had begun may be the one that serves.
        const digest = (rollout?.number === release.number ? rollout : current)?.image_digest;
        return digest === undefined ? [] : [[name, digest]];
      }),
  );
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
