import { allOrErrors } from '../../fleet/fleet.ts';
import { messageOf, reasonOf } from '../../model/errors.ts';
import { inTime } from '../in-time.ts';
import type { Plan, RetireStep } from '../planning/plan.ts';
import type { PlanInput } from '../planning/plan-input.ts';
import { forgetSteps } from '../planning/plan-secrets.ts';
import { DRAIN_SIGN_OF_LIFE_MS, signOfLife } from '../recording/journal.ts';
import { outcomeOf } from '../recording/outcome.ts';
import type { Outcome } from '../recording/record.ts';
import { type Expired, findExpired } from '../recording/retention.ts';
import type { DrainOutcome } from './drain.ts';
import type { Means } from './means.ts';
import { perform } from './perform.ts';
import { teardown } from './prepare.ts';
import type { Run } from './progress.ts';
import { forgetSecrets } from './run-secrets.ts';
import { sweep } from './sweep.ts';

/** A drain that takes longer goes on without the lease, so that other services can be deployed meanwhile. */
const DRAIN_WITH_LEASE_MS = 30_000;

type Drained = Promise<PromiseSettledResult<Map<string, DrainOutcome>>[]>;

/**
 * conclude waits for the drains, records, and gives the lease back: before the drains are over when they take long. How
 * the drains ended is noted in `run`.
 */
export async function conclude(
  means: Means,
  input: PlanInput,
  plan: Plan,
  run: Run,
  digests: ReadonlyMap<string, string>,
): Promise<void> {
  const drained: Drained = Promise.allSettled(run.retiring.map(({ done }) => done));
  const isShort = await inTime(
    drained.then(() => true),
    DRAIN_WITH_LEASE_MS,
    false,
  );
  for (const { probes } of run.retiring)
    for (const [service, report] of await probes) run.probes.set(service, report);
  if (isShort) {
    await takeLeave(means, plan, run, drained);
    // Without the lease another run may be about to use what nothing refers to yet: the next run sweeps then.
    if (run.failure === undefined) await sweepAll(means, plan);
  }
  await record(means, input, plan, run, digests, isShort ? [] : await stillDraining(means, plan, run));
  if (isShort) return;
  await drainWithoutLease(means, plan, drained);
  await takeLeave(means, plan, run, drained);
}

async function record(
  means: Means,
  input: PlanInput,
  plan: Plan,
  run: Run,
  digests: ReadonlyMap<string, string>,
  left: readonly RetireStep[],
): Promise<void> {
  run.tookMs = means.timeline.elapsedMs();
  const outcome = outcomeOf(input, plan, run, digests, left, signOfLife());
  const expired = await findExpiredOf(means, outcome);
  const forgotten = [
    ...(outcome.removed.length > 0 ? plan.forgetSecrets : []),
    ...forgetSteps(input.hosts, expired.sets),
  ].filter(({ host }) => !run.dead.includes(host));
  await forgetSecrets(means.context(), forgotten);
  await means.record('record', () =>
    means.journal.conclude(outcome, input.servers.length > 1, digests, expired.releases),
  );
}

/** What is older than what is kept to go back to. A release that cannot be read must not keep the others from it. */
async function findExpiredOf(
  { request: { log, wanted }, journal }: Means,
  { achieved }: Outcome,
): Promise<Expired> {
  const released = achieved.map(({ service }) => service).filter(({ release }) => release.isNew);
  return await findExpired(journal.snapshot, released, wanted.retainReleases).catch((error) => {
    log.warning(`old releases stay on the record: ${messageOf(error)}`);
    return { releases: [], sets: [] };
  });
}

/** When the drains are over: a network goes when nobody is on it any more. */
async function takeLeave(means: Means, plan: Plan, run: Run, drained: Drained): Promise<void> {
  for (const outcome of await drained) {
    if (outcome.status === 'rejected') run.failure ??= reasonOf(outcome.reason);
    else for (const { cut } of outcome.value.values()) run.cut += cut;
  }
  if (run.failure !== undefined) return;
  const { log } = means.request;
  await allOrErrors(
    plan.teardown.map((step) =>
      perform(log, step, () => teardown(means.fleet.server(step.host), plan.scope)),
    ),
  );
}

async function sweepAll({ request: { log }, fleet }: Means, { sweep: steps }: Plan): Promise<void> {
  await Promise.all(steps.map((step) => sweep(fleet.server(step.host), step, log)));
}

async function stillDraining({ fleet }: Means, plan: Plan, run: Run): Promise<RetireStep[]> {
  const steps = plan.levels
    .filter((level) => level.services.every((name) => run.done.includes(name)))
    .flatMap(({ retire }) => retire);
  if (run.failure === undefined) steps.push(...plan.takeover.leave, ...plan.takeover.nginx);
  const found = await Promise.all(
    steps.map(async (step) => ((await fleet.server(step.host).engine.findContainer(step.id)) ? [step] : [])),
  );
  return found.flat();
}

/** The lease is free for other services meanwhile; the record is told that this run lives, and when it is done. */
async function drainWithoutLease(
  { request: { log }, journal }: Means,
  plan: Plan,
  drained: Drained,
): Promise<void> {
  log.info('the old side still drains; the lease is given back, so that other deploys can go on');
  const { leave, nginx } = plan.takeover;
  const steps = [...plan.levels.flatMap(({ retire }) => retire), ...leave, ...nginx];
  let isOver = false;
  while (!isOver) {
    isOver = await inTime(
      drained.then(() => true),
      DRAIN_SIGN_OF_LIFE_MS / 2,
      false,
    );
    // A record that is late does no harm: the next run sees for itself what is left.
    await journal.drains(steps, isOver).catch((error) => log.warning(messageOf(error)));
  }
}
