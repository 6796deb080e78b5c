import { allOrErrors } from '../fleet/fleet.ts';
import { copyKey } from '../model/copy.ts';
import { messageOf } from '../model/errors.ts';
import { NginxInstance } from '../nginx/instance.ts';
import type { OpenEnvironment } from './environment.ts';
import { type Execution, execute, type StepFailure } from './execute.ts';
import { failureOf } from './failure.ts';
import { finish } from './finish.ts';
import { findImage } from './observation/images.ts';
import { observe } from './observation/observe.ts';
import { survey } from './observation/survey.ts';
import { serversToLeave } from './partial-failure.ts';
import { assemble, assembleKept, assembleWithout } from './planning/assemble.ts';
import { planGoingBack } from './planning/going-back.ts';
import { type PlannedStep, upTo } from './planning/graph.ts';
import type { PlanInput } from './planning/input.ts';
import type { ObservedServer } from './planning/observed.ts';
import { isEmpty, type Plan, type PlannedRollout } from './planning/plan.ts';
import { planDeploy, planWithout } from './planning/planner.ts';
import { servingCopies } from './planning/routed-copies.ts';
import { Progress } from './progress.ts';
import type { DeployReport, DeployRequest } from './request.ts';
import { type Asked, checkImages } from './restore.ts';
import { type Guard, Knowledge, nginxKey, type RunContext } from './steps/context.ts';
import { kindOf, type Step } from './steps/index.ts';
import type { Timeline } from './timeline.ts';

/** What was seen, and what is to be done about it. */
export interface Outlook {
  input: PlanInput;
  plan: Plan;
}

/** A plan that was followed, and how far it came. */
export interface Followed extends Outlook {
  execution: Execution;
}

/** Run is one run: what it works with from its beginning to its end, and what it has learned. */
export class Run {
  readonly request: DeployRequest;
  readonly asked: Asked;
  readonly environment: OpenEnvironment & { timeline: Timeline };
  readonly known: Knowledge;
  #hasSettled = false;

  constructor(request: DeployRequest, asked: Asked, environment: OpenEnvironment & { timeline: Timeline }) {
    this.request = request;
    this.asked = asked;
    this.environment = environment;
    this.known = new Knowledge(request.clock.now());
    // What a run may do was confirmed before; this stops one that slept meanwhile, at the cost of no round trip.
    environment.fleet.guardWith(() => environment.journal.lease?.assertMayChange());
  }

  /** look asks servers and record, and plans. It throws a UserError for what must not be done. */
  async look(): Promise<Outlook> {
    const { narrowing, unfinishedHook, scope, clock } = this.request;
    const { wanted, secrets, restored } = this.asked;
    const { fleet, journal, timeline } = this.environment;
    const seen = await timeline.measure({ phase: 'observe' }, () =>
      survey(fleet, journal.snapshot, { wanted, secrets, narrowing, clock }),
    );
    this.#remember(seen.observed);
    const facts = { ...seen, unfinishedHook, ...(restored !== undefined && { restored }) };
    const input = scope === 'routes' ? assembleKept(facts) : assemble(facts);
    const plan = planDeploy(input);
    checkImages(input, plan);
    return { input, plan: (await this.#pullAlways(input, plan)) ? planDeploy(input) : plan };
  }

  /**
   * clearTheWay runs a plan up to its gate: what an earlier run left in the middle comes first. Drains are waited for
   * without the lease, so that other deploys can go on.
   */
  async clearTheWay({ steps, gate }: Plan): Promise<void> {
    const { log } = this.request;
    const { journal } = this.environment;
    const first = upTo(steps, gate);
    this.#refuseToSettleForEver(first);
    await log.group('Finish what an earlier run has left', async () => {
      const execution = this.execute(first);
      await execution.settled;
      throwFailure(execution.failures);
      const drains = first.flatMap(({ step }) => (step.kind === 'drain' ? [step] : []));
      for (const { name, server } of drains) {
        log.info(
          `${name} on ${server} may be in use since an earlier deploy; its place is needed, so this run waits until it has drained`,
        );
      }
      if (drains.length > 0) await journal.release();
      await execution.ended;
      throwFailure(execution.failures);
      if (drains.length > 0) await journal.reopen();
    });
  }

  /** follow runs a plan to its end, whatever that is: done, gone on without a server, or back to what was before. */
  async follow(outlook: Outlook): Promise<DeployReport> {
    const { log } = this.request;
    const progress = new Progress(outlook.plan);
    const followed: Followed[] = [];
    let next: Outlook | undefined = outlook;
    while (next !== undefined) {
      const current: Followed = { ...next, execution: this.execute(next.plan.steps) };
      followed.push(current);
      await log.group(titleOf(next.plan), () => current.execution.settled);
      progress.note(current.plan, current.execution);
      next = undefined;
      const failures = current.execution.failures.filter(({ isLate }) => !isLate);
      if (failures.length === 0) break;
      const failure = failureOf(failures);
      this.#refuseBeforeIntent(current, failure);
      const left = serversToLeave(this.#partialFailure(current, failures));
      if (left === undefined) {
        progress.failure = failure;
        this.#refuseWithoutLease(failure);
        await this.#goBack(current, progress);
      } else {
        next = await log.group('Go on without them', () => this.#goOnWithout(followed, left, progress));
      }
    }
    const { input, plan } = followed.at(-1)!;
    await log.group('Drain and record', () => finish(this, followed, progress));
    return this.report(plan, input, progress);
  }

  /** takeLeaseAgain takes the lease for another plan, and reads what is recorded by now. */
  async takeLeaseAgain(): Promise<void> {
    await this.environment.journal.reopen();
  }

  /** report says what the run did; without `progress` it found nothing to do. */
  report(plan: Plan, input?: PlanInput, progress = new Progress(plan)): DeployReport {
    const undone = [...progress.undone];
    const kept = input === undefined ? [] : undone.map((name) => [name, servingCopies(input, name)] as const);
    return {
      plan: { ...plan, changes: progress.changes, copies: progress.copies },
      services: input?.services ?? [],
      timeline: this.environment.timeline,
      probes: this.known.probed,
      cut: this.known.cut,
      engineCalls: this.environment.fleet.calls(),
      failure: progress.failure ?? progress.leftFailure(),
      undone,
      copies: { ...progress.copies, ...Object.fromEntries(kept) },
      changed: !isEmpty(plan) || progress.hasActed,
    };
  }

  /** execute runs steps; `isUnstoppable` is for what has to be done also when the run is cancelled. */
  execute(steps: readonly PlannedStep[], isUnstoppable = false): Execution {
    const unstoppable = this.context(new AbortController().signal);
    return execute(steps, {
      kindOf,
      context: isUnstoppable ? unstoppable : this.context(this.signal()),
      undoContext: unstoppable,
      timeline: this.environment.timeline,
      holdsLease: () => this.environment.journal.lease?.isReleased === false,
    });
  }

  /** perform runs one step by itself, and throws what it fails with. */
  async perform(step: Step, isUnstoppable = false): Promise<void> {
    const execution = this.execute([{ id: step.kind, step, needs: [] }], isUnstoppable);
    await execution.ended;
    throwFailure(execution.failures);
  }

  /** record does and announces `work`, a write of the record. */
  async record(phase: string, work: () => Promise<void>, what = phase): Promise<void> {
    const { log, clock } = this.request;
    log.debug(`begins: ${what}`);
    const begun = clock.now();
    await this.environment.timeline.measure({ phase }, work);
    log.debug(`ends: ${what} (${Math.round(clock.now() - begun)} ms)`);
  }

  /** context returns what steps need that end with a signal. */
  context(signal: AbortSignal): RunContext {
    const { log, clock, author } = this.request;
    const { wanted, secrets } = this.asked;
    const { fleet, journal } = this.environment;
    const { lease } = journal;
    const guard: Guard = {
      run: author.run,
      fence: lease?.fence ?? 0,
      signal,
      confirm: async () => await lease?.confirm(),
    };
    return {
      fleet,
      scope: { project: wanted.project, environment: wanted.environment },
      servers: wanted.servers,
      nginx: wanted.nginx,
      secrets,
      log,
      clock: clock.endingWith(signal),
      guard,
      known: this.known,
      record: {
        intend: ({ begun }, digests) => journal.intend(begun, digests),
        noteHook: (step, progress) =>
          this.record(
            'record hook',
            () => journal.notes(step, progress),
            `record hook: ${step.hook} of ${step.service} is ${progress}`,
          ),
      },
      moment: () => undefined,
    };
  }

  /** signal is aborted when the run is cancelled or has lost the lease. */
  signal(): AbortSignal {
    const { lease } = this.environment.journal;
    const { signal } = this.request;
    return lease === undefined ? signal : AbortSignal.any([signal, lease.lost]);
  }

  /** What was seen once need not be asked for again. */
  #remember(observed: readonly ObservedServer[]): void {
    const { fleet } = this.environment;
    for (const { name: server, copies, sidecar, edge } of observed) {
      for (const { service, slot, address } of copies) {
        if (address !== undefined) this.known.addresses.set(copyKey({ server, service, slot }), address);
      }
      for (const [kind, nginx] of [
        ['sidecar', sidecar],
        ['edge', edge],
      ] as const) {
        if (!nginx?.isRunning || nginx.address === undefined) continue;
        const { id, name, address } = nginx;
        const facts = { id, name, address };
        const instance = new NginxInstance(kind, fleet.server(server), facts, nginx);
        this.known.instances.set(nginxKey(server, kind), instance);
      }
    }
  }

  /** `pull_policy: always` asks the registry before the plan: only then it is known whether anything changed. */
  async #pullAlways(input: PlanInput, plan: Plan): Promise<boolean> {
    const { fleet } = this.environment;
    const services = input.services.filter(
      ({ isSelected, spec }) => isSelected && spec.policy.pullPolicy === 'always',
    );
    await allOrErrors(
      services.flatMap(
        ({
          name,
          spec: {
            container: { image },
          },
        }) =>
          (plan.copies[name] ?? []).map(async ({ server }) => {
            await this.perform({ kind: 'pull', server, image, policy: 'always' });
            const found = await findImage(fleet.server(server), image);
            const observed = input.observed.find((one) => one.name === server);
            if (found !== undefined) observed?.images.set(image, found);
          }),
      ),
    );
    return services.length > 0;
  }

  #refuseToSettleForEver(steps: readonly PlannedStep[]): void {
    const isSettling = steps.some(({ step }) => step.kind === 'switch');
    if (isSettling && this.#hasSettled)
      throw new Error('edges and sidecars do not agree who has the traffic');
    this.#hasSettled ||= isSettling;
  }

  /** Before the intent stands on the record, nothing has changed: there is nothing to go back from. */
  #refuseBeforeIntent({ plan, execution }: Followed, failure: unknown): void {
    const intent = plan.steps.find(({ step }) => step.kind === 'record intent');
    if (intent !== undefined && execution.stateOf(intent.id) !== 'done') throw failure;
  }

  /** Another run may be at work by now: what is left here is for it to see. */
  #refuseWithoutLease(failure: unknown): void {
    if (this.environment.journal.lease?.lost.aborted) throw failure;
  }

  #partialFailure({ plan, input }: Followed, failures: readonly StepFailure[]) {
    const { wanted } = this.asked;
    return {
      failures,
      plan,
      reached: input.reached,
      servers: wanted.servers,
      policy: wanted.onPartialFailure,
      isCancelled: this.signal().aborted,
      warn: (sentence: string) => this.request.log.warning(sentence),
    };
  }

  /** It never throws: what cannot be undone is a warning, and left to the next run. */
  async #goBack({ input, plan, execution }: Followed, progress: Progress): Promise<void> {
    const failed = failedRollout(plan, execution);
    const { log } = this.request;
    if (failed === undefined) return;
    await log.group(`Go back: ${failed.services.join(', ')}`, async () => {
      try {
        const observed = await this.#observeLiving(input, progress);
        const { services, before } = failed;
        const steps = planGoingBack(input, { services, before, unused: this.known.unused, observed });
        const back = this.execute(steps, true);
        await back.ended;
        throwFailure(back.failures);
        progress.isUndone = progress.dead.length === 0;
      } catch (error) {
        progress.isUndone = false;
        log.warning(`going back did not succeed, the next run does it: ${messageOf(error)}`);
      }
    });
  }

  /** A server that died does not keep the others from going back. */
  async #observeLiving({ scope, reached }: PlanInput, { dead }: Progress): Promise<ObservedServer[]> {
    const { fleet } = this.environment;
    const { log, clock } = this.request;
    const looks = reached.map((server) => observe(fleet.server(server), scope, this.asked.wanted, clock));
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
  async #goOnWithout(
    followed: readonly Followed[],
    left: ReadonlyMap<string, unknown>,
    progress: Progress,
  ): Promise<Outlook> {
    const { log } = this.request;
    const { input, plan, execution } = followed.at(-1)!;
    for (const [server, error] of left) {
      progress.left.set(server, error);
      log.warning(`${server} did not switch, and is left out: ${messageOf(error)}`);
    }
    let rest = await this.#lookWithout(input, plan, followed, left);
    if (rest.plan.gate.length > 0) {
      await this.clearTheWay(rest.plan);
      rest = await this.#lookWithout(input, plan, followed, left);
    }
    this.request.onPlan(rest.plan);
    progress.goOn(failedRollout(plan, execution), rest.plan);
    return rest;
  }

  async #lookWithout(
    input: PlanInput,
    { copies }: Plan,
    followed: readonly Followed[],
    left: ReadonlyMap<string, unknown>,
  ): Promise<Outlook> {
    const { fleet, journal } = this.environment;
    const { clock } = this.request;
    const living = input.reached.filter((server) => !left.has(server));
    const observed = await allOrErrors(
      living.map((server) => observe(fleet.server(server), input.scope, this.asked.wanted, clock)),
    );
    const draining = followed.flatMap(({ plan, execution }) =>
      plan.steps.flatMap(({ id, step }) =>
        step.kind === 'drain' && execution.stateOf(id) !== 'skipped' ? [step.id] : [],
      ),
    );
    const { state } = journal.snapshot;
    const seen = assembleWithout(input, { left: [...left.keys()], observed, state, copies, draining });
    return { input: seen, plan: planWithout(seen) };
  }
}

/** The rollout that was begun and does not serve as wanted; undefined where a run failed before or after one. */
function failedRollout({ rollouts }: Plan, execution: Execution): PlannedRollout | undefined {
  return rollouts.find(
    ({ steps, serving }) =>
      steps.some((id) => ['done', 'failed'].includes(execution.stateOf(id))) &&
      !serving.every((id) => execution.stateOf(id) === 'done'),
  );
}

function titleOf({ rollouts }: Plan): string {
  const services = rollouts.flatMap((rollout) => rollout.services);
  return services.length === 0 ? 'Give edge and sidecar their routes' : `Deploy ${services.join(', ')}`;
}

function throwFailure(failures: readonly StepFailure[]): void {
  if (failures.length > 0) throw failureOf(failures);
}
