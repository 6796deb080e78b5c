import { messageOf } from '../../model/errors.ts';
import type { Plan, RetireStep } from '../planning/plan.ts';
import type { PlanInput, WantedService } from '../planning/plan-input.ts';
import type { ProbeReport } from '../running/probe.ts';
import type { Achieved, Outcome } from './record.ts';

/** How far a run came. */
export interface Progress {
  /** Services whose level is done. */
  done: string[];
  /** Services of the level that failed; they were brought back. */
  failed: string[];
  /** Services of the levels after it. */
  skipped: string[];
  failure: unknown;
  /** Hosts of servers that could not be asked any more when the run went back. */
  dead: string[];
  /** Why the run went on without a server, by host. */
  left: Map<string, unknown>;
  /** What the failed level has begun is undone everywhere; on a server that died nobody knows. */
  isUndone: boolean;
  probes: Map<string, ProbeReport>;
  /** From the start of the run, in milliseconds. */
  tookMs: number;
}

/** begunServices returns the services that get new containers: their releases are recorded before anything starts. */
export function begunServices(input: PlanInput, plan: Plan): WantedService[] {
  const starting = new Set(plan.levels.flatMap(({ start }) => start.map(({ service }) => service)));
  return input.services.filter(({ name }) => starting.has(name));
}

/** keptDigests returns the digests of services that keep their containers, and so their images. */
export function keptDigests(input: PlanInput, begun: readonly WantedService[]): Map<string, string> {
  const kept = input.services.filter((service) => !begun.includes(service));
  return new Map(
    kept.flatMap(({ name, known: { current } }) =>
      current?.image_digest === undefined ? [] : [[name, current.image_digest]],
    ),
  );
}

/**
 * outcomeOf says what a run achieved, for the record. When it failed, only what was proven counts: a route that
 * no level was finished with was brought back. `left` are the containers that drain on, until `until` at least.
 */
export function outcomeOf(
  input: PlanInput,
  plan: Plan,
  run: Progress,
  digests: ReadonlyMap<string, string>,
  left: readonly RetireStep[],
  until: string,
): Outcome {
  const undone = new Set([...run.failed, ...run.skipped]);
  const achieved = plan.changes.flatMap((change): Achieved[] => {
    const service = input.services.find(({ name }) => name === change.service);
    const isNothing = change.effect === 'none' || change.effect === 'remove';
    const isDone = run.failure === undefined || run.done.includes(change.service);
    if (service === undefined || isNothing || undone.has(change.service) || !isDone) return [];
    return [
      {
        service,
        change,
        standing: plan.standing[change.service] ?? [],
        image: digests.get(change.service) ?? change.image,
        isSwitched: plan.levels.some((level) => level.switch?.moved.includes(change.service)),
        probe: run.probes.get(change.service),
        draining: left
          .filter(({ service: name }) => name === change.service)
          .map(({ host, name }) => ({ host, container: name, until })),
      },
    ];
  });
  const removed = plan.changes.filter(({ effect, service }) => effect === 'remove' && !undone.has(service));
  const isFailed = run.failure !== undefined;
  const stale = {
    left: [...new Set([...plan.stale.left, ...run.dead])],
    reasons: new Map([...run.left].map(([host, error]) => [host, firstLine(messageOf(error))])),
    returned: isFailed ? [] : plan.stale.returned,
  };
  const failed = plan.changes.filter(({ service }) => undone.has(service));
  return { achieved, removed, failed, isUndone: run.isUndone, stale, tookMs: run.tookMs };
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
