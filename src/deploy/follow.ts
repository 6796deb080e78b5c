import { allOrErrors } from '../fleet/fleet.ts';
import { messageOf } from '../model/errors.ts';
import { isWorker } from '../model/spec.ts';
import { failureOf, type StepFailure } from './execute.ts';
import { type Followed, finish } from './finish.ts';
import { observe } from './observation/observe.ts';
import { type PartialFailureFacts, serversToLeaveOut } from './partial-failure.ts';
import { buildInputWithout } from './planning/build-input.ts';
import { planGoingBack } from './planning/going-back.ts';
import type { PlanInput } from './planning/input.ts';
import type { ObservedServer } from './planning/observed.ts';
import { isEmpty, type Plan } from './planning/plan.ts';
import { planWithout } from './planning/planner.ts';
import { servingCopies } from './planning/routed-copies.ts';
import { failedRollout, Progress } from './progress.ts';
import type { DeployReport } from './request.ts';
import { type PlannedRun, type Run, throwFailure } from './run.ts';

/**
 * follow runs a plan to its end, whatever that is: all is done; it goes on without servers on which a switch has failed;
 * or it goes back to what was before. Then it waits for the drains and records. It throws what it has failed with before
 * anything was changed, and when the lease was lost: then another run may be at work, and what is left is for it to see.
 */
export async function follow(run: Run, planned: PlannedRun): Promise<DeployReport> {
  const { log } = run.request;
  const progress = new Progress(planned.plan);
  const followed: Followed[] = [];
  let next: PlannedRun | undefined = planned;
  while (next !== undefined) {
    const current: Followed = { ...next, execution: run.execute(next.plan.steps) };
    followed.push(current);
    await log.group(titleOf(next.plan), () => current.execution.settled);
    progress.note(current.plan, current.execution);
    next = undefined;
    const failures = current.execution.failures.filter(({ isLate }) => !isLate);
    if (failures.length === 0) break;
    const failure = failureOf(failures);
    if (!isIntended(current)) throw failure;
    const left = serversToLeaveOut(partialFailure(run, current, failures));
    if (left === undefined) {
      progress.failure = failure;
      if (run.environment.journal.lease?.lost.aborted) throw failure;
      await goBack(run, current, progress);
    } else next = await log.group('Go on without them', () => goOnWithout(run, followed, left, progress));
  }
  await log.group('Drain and record', () => finish(run, followed, progress));
  return reportOf(run, followed.at(-1)!, progress);
}

/** reportOf says what a run did; without `progress` it found nothing to do. */
export function reportOf(run: Run, { plan, input }: PlannedRun, progress = new Progress(plan)): DeployReport {
  const undone = [...progress.undone];
  const kept = undone.map((name) => [name, servingCopies(input, name)] as const);
  return {
    plan: { ...plan, changes: progress.changes, copies: progress.copies },
    services: input.services,
    timeline: run.environment.timeline,
    probes: run.known.probed,
    cut: run.known.cut,
    engineCalls: run.environment.fleet.calls(),
    failure: progress.failure ?? progress.leftFailure(),
    undone,
    standing: progress.failure === undefined ? [] : standing(input, progress),
    notes: run.notes,
    expiredImages: progress.expiredImages,
    evidence: [...run.known.evidence.values()],
    copies: { ...progress.copies, ...Object.fromEntries(kept) },
    changed: !isEmpty(plan) || progress.hasActed,
  };
}

/** Of what went back nothing is certain where going back did not succeed. */
function standing({ services }: PlanInput, { undone, isBack }: Progress): string[] {
  if (!isBack) return [];
  return services
    .filter(({ name }) => undone.has(name))
    .map(({ name, known: { current, serving } }) => {
      const number = Math.max(current?.number ?? 0, serving);
      if (number === 0) return `Nothing of ${name} serves yet.`;
      const image = current?.number === number ? ` (${current.container.image})` : '';
      const verb = current !== undefined && isWorker(current) ? 'works' : 'serves';
      return `Release ${number} of ${name}${image} ${verb}.`;
    });
}

/** Before the intent stands on the record, nothing has changed: there is nothing to go back from. */
function isIntended({ plan, execution }: Followed): boolean {
  const intent = plan.steps.find(({ step }) => step.kind === 'record intent');
  return intent === undefined || execution.stateOf(intent.id) === 'done';
}

function partialFailure(
  run: Run,
  { input }: Followed,
  failures: readonly StepFailure[],
): PartialFailureFacts {
  const { servers, onPartialFailure: policy } = run.asked.wanted;
  return {
    failures,
    reached: input.reached,
    servers,
    policy,
    isCancelled: run.signal().aborted,
    warn: (sentence) => run.request.log.warning(sentence),
  };
}

/** It never throws: what cannot be undone is a warning, and left to the next run. */
async function goBack(run: Run, { input, plan, execution }: Followed, progress: Progress): Promise<void> {
  const failed = failedRollout(plan, execution);
  const { log } = run.request;
  if (failed === undefined) return;
  const { services, before } = failed;
  await log.group(`Go back: ${services.join(', ')}`, async () => {
    try {
      const observed = await observeLiving(run, input, progress);
      const { created, unused } = run.known;
      const steps = planGoingBack(input, { services, before, created, unused, observed });
      const back = run.execute(steps, true);
      await back.ended;
      throwFailure(back.failures.filter(({ isLate }) => !isLate));
      progress.isBack = progress.dead.length === 0;
      // A new copy that users were still leaving runs on: the next run stops it, or goes on with it.
      progress.isUndone = progress.isBack && back.failures.length === 0;
    } catch (error) {
      progress.isBack = false;
      progress.isUndone = false;
      log.warning(`going back did not succeed, the next run does it: ${messageOf(error)}`);
    }
  });
}

/** A server that died does not keep the others from going back. */
async function observeLiving(
  run: Run,
  { scope, reached }: PlanInput,
  { dead }: Progress,
): Promise<ObservedServer[]> {
  const { log, clock } = run.request;
  const looks = reached.map((server) =>
    observe(run.environment.fleet.server(server), scope, run.asked.wanted, clock),
  );
  const outcomes = await Promise.allSettled(looks);
  return outcomes.flatMap((outcome, index) => {
    if (outcome.status === 'fulfilled') return [outcome.value];
    const server = reached[index]!;
    dead.push(server);
    log.warning(
      `${server} does not answer any more; the others go back without it: ${messageOf(outcome.reason)}`,
    );
    return [];
  });
}

/** Some servers did not switch, and the others keep what is proven: those are left out, and a new plan is made. */
async function goOnWithout(
  run: Run,
  followed: readonly Followed[],
  left: ReadonlyMap<string, unknown>,
  progress: Progress,
): Promise<PlannedRun> {
  const { log, onPlan } = run.request;
  const { plan, execution } = followed.at(-1)!;
  for (const [server, error] of left) {
    progress.left.set(server, error);
    log.warning(`${server} did not switch, and is left out: ${messageOf(error)}`);
  }
  let rest = await planRest(run, followed, left);
  if (rest.plan.gate.length > 0) {
    await run.clearTheWay(rest.plan);
    rest = await planRest(run, followed, left);
  }
  onPlan(rest.plan);
  progress.goOn(failedRollout(plan, execution), rest.plan);
  return rest;
}

async function planRest(
  run: Run,
  followed: readonly Followed[],
  left: ReadonlyMap<string, unknown>,
): Promise<PlannedRun> {
  const { fleet, journal } = run.environment;
  const { input, plan } = followed.at(-1)!;
  const living = input.reached.filter((server) => !left.has(server));
  const observed = await allOrErrors(
    living.map((server) => observe(fleet.server(server), input.scope, run.asked.wanted, run.request.clock)),
  );
  const draining = followed.flatMap((one) =>
    one.plan.steps.flatMap(({ id, step }) =>
      step.kind === 'drain' && !step.isAwaited && one.execution.stateOf(id) !== 'skipped' ? [step.id] : [],
    ),
  );
  const { state } = journal.snapshot;
  const facts = { left: [...left.keys()], observed, state, copies: plan.copies, draining };
  const seen = buildInputWithout(input, facts);
  return { input: seen, plan: planWithout(seen) };
}

function titleOf({ rollouts }: Plan): string {
  const services = rollouts.flatMap((rollout) => rollout.services);
  return services.length === 0 ? 'Give edge and sidecar their routes' : `Deploy ${services.join(', ')}`;
}
