import { inTime } from '../model/clock.ts';
import { messageOf } from '../model/errors.ts';
import { hostPort } from '../model/ports.ts';
import { type Execution, failureOf } from './execute.ts';
import { forgetSteps } from './planning/plan-secrets.ts';
import { portOf } from './planning/version-ports.ts';
import type { Progress } from './progress.ts';
import { DRAIN_SIGN_OF_LIFE_MS, signOfLife } from './record/journal.ts';
import { type Draining, keptDigests, outcomeOf, type RunOutcome } from './record/outcome.ts';
import { type Expired, findExpired } from './record/retention.ts';
import type { PlannedRun, Run } from './run.ts';
import type { DrainStep } from './steps/drain.ts';
import { endProbing } from './steps/probe.ts';

/** A plan that was followed, and how far it came. */
export interface Followed extends PlannedRun {
  execution: Execution;
}

/** A drain that takes longer goes on without the lease, so that other services can be deployed meanwhile. */
const DRAIN_WITH_LEASE_MS = 30_000;

/**
 * finish waits for the drains, records, and gives the lease back: before the drains are over when they take long. How the
 * drains ended is noted in `progress`.
 */
export async function finish(run: Run, followed: readonly Followed[], progress: Progress): Promise<void> {
  const { clock } = run.request;
  const ended = Promise.all(followed.map(({ execution }) => execution.ended)).then(() => true);
  const isShort = await inTime(clock, ended, DRAIN_WITH_LEASE_MS, false);
  await Promise.all(
    [...run.known.probers.keys()].map((service) => endProbing(run.context(run.signal()), service)),
  );
  if (isShort) noteFailures(followed, progress);
  const draining = isShort ? [] : await stillDraining(run, followed);
  await record(run, followed, progress, draining);
  if (isShort) return;
  await drainWithoutLease(run, draining, ended);
  noteFailures(followed, progress);
}

/** What failed late took nothing from anybody; the run says it all the same. */
function noteFailures(followed: readonly Followed[], progress: Progress): void {
  const late = followed.flatMap(({ execution }) => execution.failures.filter(({ isLate }) => isLate));
  if (late.length > 0) progress.failure ??= failureOf(late);
}

async function record(
  run: Run,
  followed: readonly Followed[],
  progress: Progress,
  draining: readonly Draining[],
): Promise<void> {
  const { journal, timeline } = run.environment;
  const { input } = followed.at(-1)!;
  const plans = followed.map(({ plan }) => plan);
  const digests = new Map([...keptDigests(input, plans), ...run.known.digests]);
  const { changes, copies, standby, stale, sendsTo, done, undone, switched } = progress;
  const { failure, dead, left, isUndone } = progress;
  const outcome = outcomeOf({
    input,
    changes,
    copies,
    standby,
    stale,
    sendsTo,
    done,
    undone,
    switched,
    failure,
    dead,
    left,
    isUndone,
    probes: run.known.probed,
    digests,
    draining,
    tookMs: timeline.elapsedMs(),
  });
  const expired = await findExpiredOf(run, outcome);
  progress.expiredImages = expired.images;
  const forgotten = forgetSteps(input.reached, expired.sets).filter(({ server }) => !dead.includes(server));
  await Promise.all(forgotten.map((step) => run.perform(step, true)));
  await run.record('record', () =>
    journal.conclude(outcome, input.servers.length > 1, digests, expired.releases),
  );
}

/** What is older than what is kept to go back to. A release that cannot be read must not keep the others from it. */
async function findExpiredOf(run: Run, { achieved }: RunOutcome): Promise<Expired> {
  const { wanted } = run.asked;
  const released = achieved.map(({ service }) => service).filter(({ release }) => release.isNew);
  return await findExpired(run.environment.journal.snapshot, released, wanted.retainReleases).catch(
    (error) => {
      run.request.log.warning(`old releases stay on the record: ${messageOf(error)}`);
      return { releases: [], sets: [], images: [] };
    },
  );
}

/** The copies that the run drains on; a container that is gone by now drains no more. */
async function stillDraining(run: Run, followed: readonly Followed[]): Promise<Draining[]> {
  const { fleet } = run.environment;
  const until = signOfLife(run.request.clock);
  const found = await Promise.all(
    followed.flatMap(({ input, plan, execution }) =>
      plan.steps.map(async ({ id, step }) => {
        if (step.kind !== 'drain' || step.isAwaited || execution.stateOf(id) === 'skipped') return [];
        const isThere = (await fleet.server(step.server).engine.findContainer(step.id)) !== undefined;
        return isThere ? drainingCopy(input, step, until) : [];
      }),
    ),
  );
  return found.flat();
}

/** What is taken over, and is no copy of ours, stands in no record. */
function drainingCopy({ observed, services }: Followed['input'], step: DrainStep, until: string): Draining[] {
  const { service, server, id, name } = step;
  const copy = observed.find((one) => one.name === server)?.copies.find((one) => one.id === id);
  const wanted = services.find((one) => one.name === service);
  if (copy === undefined || copy.isAdopted || wanted === undefined) return [];
  const { slot, release, versionPort } = copy;
  const { ports } = wanted;
  const port = portOf(slot, versionPort) ?? (ports && hostPort(ports.host, slot));
  return [{ service, server, slot, name, release, ...(port !== undefined && { port }), until }];
}

/** The lease is free for other services meanwhile; the record is told that this run lives, and when it is done. */
async function drainWithoutLease(
  run: Run,
  draining: readonly Draining[],
  ended: Promise<boolean>,
): Promise<void> {
  const { log, clock } = run.request;
  log.info('the old copies still drain; the lease is given back, so that other deploys can go on');
  let isOver = false;
  while (!isOver) {
    isOver = await inTime(clock, ended, DRAIN_SIGN_OF_LIFE_MS / 2, false);
    // A record that is late does no harm: the next run sees for itself what is left.
    await run.environment.journal.drains(draining, isOver).catch((error) => log.warning(messageOf(error)));
  }
}
