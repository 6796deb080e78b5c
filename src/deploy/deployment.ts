import { allOrErrors, type Fleet } from '../fleet/fleet.ts';
import { failTogether, messageOf, reasonOf } from '../model/errors.ts';
import type { Scope } from '../model/names.ts';
import { NginxInstance } from '../nginx/instance.ts';
import type { NginxKind } from '../nginx/render.ts';
import { assemble, assembleKept, assembleUndo, assembleWithout } from './assemble.ts';
import { type Guard, nginxKey, placeKey, type RunContext } from './context.ts';
import { describePlan } from './describe.ts';
import type { DrainOutcome } from './drain.ts';
import { forgottenHosts } from './drift.ts';
import { certainFailures, errorsOf, judgeClock } from './findings.ts';
import { awaitHook, runHook } from './hook.ts';
import { findDigests, pull } from './images.ts';
import { inTime } from './in-time.ts';
import { joinPlans, keepOldSides } from './joined-plan.ts';
import { DRAIN_SIGN_OF_LIFE_MS, type Journal, signOfLife } from './journal.ts';
import { findImage, observe } from './observe.ts';
import type { ObservedNginx, ObservedServer } from './observed.ts';
import { begunServices, outcomeOf, type Progress } from './outcome.ts';
import { leftOutFailure, PartialSwitch } from './partial-switch.ts';
import { announce, perform } from './perform.ts';
import {
  type AwaitStep,
  isCreating,
  isEmpty,
  type Level,
  type Plan,
  type PrepareStep,
  type PullStep,
  type RetireStep,
  type SwitchStep,
} from './plan.ts';
import type { PlanInput, WantedService } from './plan-input.ts';
import { forgetSteps } from './plan-secrets.ts';
import { planDeploy } from './planner.ts';
import { prepare, teardown } from './prepare.ts';
import type { Outcome } from './record.ts';
import type { DeployReport, DeployRequest } from './request.ts';
import { checkImages } from './restore.ts';
import { type Expired, findExpired } from './retention.ts';
import { type Retiring, retire, runLevel, settledAfter } from './run-level.ts';
import { forgetSecrets, keepSecrets } from './run-secrets.ts';
import { currentStanding } from './spots.ts';
import { survey } from './survey.ts';
import { sweep } from './sweep.ts';
import { switchRoutes } from './switch.ts';
import type { Timeline } from './timeline.ts';
import { refuseUnfinished } from './unfinished-hook.ts';
import { takeVitals, type Vitals } from './vitals.ts';

/** A drain that takes longer goes on without the lease, so that other services can be deployed meanwhile. */
const DRAIN_WITH_LEASE_MS = 30_000;

/** One run from plan to record. */
export class Deployment {
  readonly #request: DeployRequest;
  readonly #timeline: Timeline;
  readonly #fleet: Fleet;
  readonly #journal: Journal;
  readonly #addresses = new Map<string, string>();
  readonly #instances = new Map<string, NginxInstance>();
  readonly #unused: RunContext['unused'] = new Map();
  /** A run that was cut off may have reloaded just before this one began. */
  #reloadedAt = Date.now();

  constructor(request: DeployRequest, timeline: Timeline, fleet: Fleet, journal: Journal) {
    this.#request = request;
    this.#timeline = timeline;
    this.#fleet = fleet;
    this.#journal = journal;
    // What a run may do was confirmed before; this stops one that slept meanwhile, at the cost of no round trip.
    fleet.guardWith(() => journal.lease?.assertMayChange());
  }

  /** run plans, runs the plan and records; in a dry run it plans. */
  async run(): Promise<DeployReport> {
    const { log, dryRun } = this.#request;
    const vitals = Promise.all(this.#fleet.servers.map(takeVitals));
    let { input, plan } = await log.group('Look at what runs', () => this.#plan());
    const { settle } = plan;
    if (!dryRun && settle !== undefined) {
      await log.group('Finish an interrupted switch', () =>
        this.#settle(this.#context(this.#guard()), plan, settle),
      );
      ({ input, plan } = await this.#plan());
    }
    while (!dryRun && plan.awaited.length > 0) {
      await log.group('Wait for hooks of an earlier run', () => this.#awaitHooks(plan.awaited));
      ({ input, plan } = await this.#plan());
    }
    while (!dryRun && plan.vacate.some(isDrained)) {
      await log.group('Wait for an earlier drain', () => this.#vacate(input, plan));
      ({ input, plan } = await this.#plan());
    }
    for (const line of describePlan(plan)) log.info(line);
    for (const host of forgottenHosts(input)) {
      log.warning(
        `${host} left the file: what still runs there stays, serves, and is no longer looked after. Remove it there, or put the server back`,
      );
    }
    if (!isEmpty(plan)) this.#checkServers(await vitals, plan);
    if (dryRun || isEmpty(plan)) return this.#report(input, plan, emptyRun());
    return await this.#execute(input, plan);
  }

  /** Before the first change: what is certain to fail fails now. */
  #checkServers(vitals: readonly (Vitals | undefined)[], plan: Plan): void {
    for (const one of vitals.filter((known) => known !== undefined)) {
      const { server, level, message } = judgeClock(one);
      if (level === 'warning') this.#request.log.warning(`${server}: ${message}`);
    }
    failTogether(errorsOf(certainFailures(vitals, plan)));
  }

  async #plan(): Promise<{ input: PlanInput; plan: Plan }> {
    const { wanted, secrets, narrowing, unfinishedHook, scope, dryRun, restored } = this.#request;
    const seen = await this.#timeline.measure({ phase: 'observe' }, () =>
      survey(this.#fleet, this.#journal.snapshot, wanted, secrets, narrowing),
    );
    const facts = { ...seen, ...(restored !== undefined && { restored }) };
    this.#remember(facts.observed);
    const asked = { ...facts, unfinishedHook };
    const input = scope === 'routes' ? assembleKept(asked) : assemble(asked);
    const plan = planDeploy(input);
    checkImages(input, plan);
    if (dryRun) return { input, plan };
    refuseUnfinished(plan.unfinished);
    return { input, plan: (await this.#pullAlways(input, plan)) ? planDeploy(input) : plan };
  }

  /** What was seen once need not be asked for again. */
  #remember(observed: readonly ObservedServer[]): void {
    for (const { host, containers, sidecar, edge } of observed) {
      for (const { service, side, address } of containers) {
        if (address !== undefined) this.#addresses.set(placeKey(host, service, side), address);
      }
      for (const [kind, nginx] of Object.entries({ sidecar, edge }) as [
        NginxKind,
        ObservedNginx | undefined,
      ][]) {
        if (!nginx?.isRunning || nginx.address === undefined) continue;
        const { id, name, address } = nginx;
        const instance = new NginxInstance(kind, this.#fleet.server(host), { id, name, address }, nginx);
        this.#instances.set(nginxKey(host, kind), instance);
      }
    }
  }

  /** `pull_policy: always` asks the registry before the plan: only then it is known whether anything changed. */
  async #pullAlways(input: PlanInput, plan: Plan): Promise<boolean> {
    const services = input.services.filter(
      ({ isSelected, spec }) => isSelected && spec.policy.pullPolicy === 'always',
    );
    await Promise.all(
      services.flatMap(({ name, spec: { container } }) =>
        (plan.standing[name] ?? []).map(async ({ host }) => {
          const server = this.#fleet.server(host);
          await this.#pull(host, container.image, 'always');
          const found = await findImage(server, container.image);
          const images = input.observed.find((observed) => observed.host === host)?.images;
          if (found !== undefined) images?.set(container.image, found);
        }),
      ),
    );
    return services.length > 0;
  }

  #pull(host: string, image: string, policy: 'always' | 'missing' | 'never'): Promise<void> {
    const { log } = this.#request;
    return this.#timeline.measure({ phase: 'pull', host }, () =>
      pull(this.#fleet.server(host), image, policy, log, this.#signal()),
    );
  }

  /** An earlier run was cut off while it switched: all edges and sidecars are brought to one view first. */
  async #settle(context: RunContext, plan: Plan, step: SwitchStep): Promise<void> {
    await this.#pullNginx(context, plan.pulls);
    await this.#prepare(plan.prepare, context.scope);
    await switchRoutes(context, step);
    this.#reloadedAt = Date.now();
  }

  /** With the lease: what a migration changes is this environment's. */
  async #awaitHooks(steps: readonly AwaitStep[]): Promise<void> {
    const context = this.#context(this.#guard());
    await allOrErrors(steps.map((step) => awaitHook(context, step)));
  }

  /** Waits, without the lease, until sides are free on which an earlier run still drains. */
  async #vacate(input: PlanInput, { vacate, pulls }: Plan): Promise<void> {
    const { log, signal } = this.#request;
    const steps = vacate.filter(isDrained);
    await this.#pullNginx(input, pulls);
    await this.#journal.release();
    for (const { name, host } of steps) {
      log.info(
        `${name} on ${host} may be in use since an earlier deploy; its place is needed, so this run waits until it has drained`,
      );
    }
    const context = this.#context({ ...this.#guard(), signal });
    await Promise.all(steps.map((step) => retire(context, step, settledAfter(context, this.#reloadedAt))));
    await this.#journal.reopen();
  }

  /** `run`, and what is known of images, are those of the run that went on with this plan in its middle. */
  async #execute(
    input: PlanInput,
    plan: Plan,
    run = emptyRun(),
    known: ReadonlyMap<string, string> = new Map(),
  ): Promise<DeployReport> {
    const { log, wanted } = this.#request;
    const context = { ...this.#context(this.#guard()), onPartialFailure: wanted.onPartialFailure };
    const begun = begunServices(input, plan);
    const found = await log.group('Get ready', () => this.#getReady(input, plan, begun));
    const digests = new Map([...found, ...known]);
    run.failure = await this.#setUp(context, input, plan).then(() => undefined, reasonOf);
    if (run.failure !== undefined && this.#journal.lease?.lost.aborted) throw run.failure;
    for (const level of run.failure === undefined ? plan.levels : []) {
      try {
        const title =
          level.services.length === 0
            ? 'Give edge and sidecar their routes'
            : `Deploy ${level.services.join(', ')}`;
        run.retiring.push(await log.group(title, () => runLevel(context, level)));
        run.done.push(...level.services);
      } catch (error) {
        if (error instanceof PartialSwitch) {
          const rest = await log.group('Go on without them', () =>
            this.#goOnWithout(input, plan, level, run, error),
          );
          return await this.#execute(rest.input, rest.plan, run, digests);
        }
        run.failure = reasonOf(error);
        run.failed = level.services;
        // Another run may be at work: what is left here is for it to see.
        if (this.#journal.lease?.lost.aborted) throw run.failure;
        await log.group(`Go back: ${level.services.join(', ')}`, () => this.#undo(input, run));
        break;
      }
      try {
        await this.#runPostDeploy(context, level);
      } catch (error) {
        // The level serves, and stays; what depends on it is not touched.
        run.failure = reasonOf(error);
        if (this.#journal.lease?.lost.aborted) throw run.failure;
        break;
      }
    }
    if (run.failure !== undefined) {
      run.skipped = plan.levels
        .flatMap(({ services }) => services)
        .filter((name) => !run.done.includes(name));
    }
    const whole = run.come.reduceRight(
      (rest, { plan: first, levels }) => joinPlans(first, levels, rest),
      plan,
    );
    return await log.group('Drain and record', () => this.#finish(input, whole, run, digests));
  }

  async #runPostDeploy(context: RunContext, { postDeploy }: Level): Promise<void> {
    if (postDeploy.length === 0) return;
    const names = postDeploy.map(({ service }) => service).join(', ');
    await this.#request.log.group(`Run post_deploy of ${names}`, () =>
      allOrErrors(postDeploy.map((step) => runHook(context, step))),
    );
  }

  /** Some servers did not switch, and the others keep what is proven: those are left out, and a new plan is made. */
  async #goOnWithout(
    input: PlanInput,
    plan: Plan,
    level: Level,
    run: Run,
    { failures }: PartialSwitch,
  ): Promise<{ input: PlanInput; plan: Plan }> {
    const { log, wanted } = this.#request;
    for (const [host, error] of failures) {
      run.left.set(host, error);
      log.warning(`${host} did not switch, and is left out: ${messageOf(error)}`);
    }
    const left = [...failures.keys()];
    const come = plan.levels.slice(0, plan.levels.indexOf(level) + 1);
    const draining = come.slice(0, -1).flatMap(({ retire }) => retire.map(({ id }) => id));
    const living = input.hosts.filter((host) => !failures.has(host));
    const { standing } = plan;
    const { state } = this.#journal.snapshot;
    const { input: without, plan: rest } = await this.#planSettled(this.#context(this.#guard()), async () => {
      const observed = await allOrErrors(
        living.map((host) => observe(this.#fleet.server(host), input.scope, wanted)),
      );
      const seen = assembleWithout(input, { left, observed, state, standing, draining });
      return { input: seen, plan: keepOldSides(planDeploy(seen)) };
    });
    for (const line of describePlan(rest)) log.info(line);
    const ahead = rest.levels.flatMap(({ services }) => services);
    run.done.push(...level.services.filter((name) => !ahead.includes(name)));
    run.come.push({ plan, levels: come });
    return { input: without, plan: rest };
  }

  /** Everything that can be had before the first change: images, and the intent on the record. */
  async #getReady(
    input: PlanInput,
    plan: Plan,
    begun: readonly WantedService[],
  ): Promise<Map<string, string>> {
    // First of all: a stopped edge serves nobody.
    await this.#prepare(
      plan.prepare.filter((step) => !isCreating(step)),
      input.scope,
    );
    await this.#pullAll(plan.pulls);
    const digests = await findDigests(this.#fleet, input, begun);
    if (begun.length > 0)
      await this.#record('record intent', () => this.#journal.intend(plan, begun, digests));
    return digests;
  }

  /** What has to be there, and to be gone, before a container starts. */
  async #setUp(context: RunContext, input: PlanInput, plan: Plan): Promise<void> {
    await Promise.all([
      this.#prepare(plan.prepare.filter(isCreating), input.scope),
      keepSecrets(context, plan.keepSecrets),
    ]);
    const settledAt = settledAfter(context, this.#reloadedAt);
    await Promise.all(plan.vacate.map((step) => retire(context, step, settledAt)));
  }

  async #pullAll(steps: readonly PullStep[]): Promise<void> {
    const { log } = this.#request;
    await allOrErrors(
      unique(steps).map((step) => perform(log, step, () => this.#pull(step.host, step.image, step.policy))),
    );
  }

  /** What comes before all else needs the image of edge and sidecar, and no other. */
  #pullNginx({ nginx }: Pick<RunContext, 'nginx'>, steps: readonly PullStep[]): Promise<void> {
    return this.#pullAll(steps.filter(({ image }) => image === nginx.image));
  }

  #record(phase: string, work: () => Promise<void>, what = phase): Promise<void> {
    return this.#timeline.measure({ phase }, () => announce(this.#request.log, what, work));
  }

  async #prepare(steps: readonly PrepareStep[], scope: Scope): Promise<void> {
    const { wanted, log } = this.#request;
    if (steps.length === 0) return;
    const prepared = await this.#timeline.measure({ phase: 'prepare' }, () =>
      allOrErrors(
        steps.map((step) =>
          perform(log, step, () => prepare(this.#fleet.server(step.host), scope, wanted.nginx, step, log)),
        ),
      ),
    );
    for (const instance of prepared.flat()) {
      this.#instances.set(nginxKey(instance.server.host, instance.kind), instance);
    }
  }

  /** What is older than what is kept to go back to. A release that cannot be read must not keep the others from it. */
  async #findExpired({ achieved }: Outcome): Promise<Expired> {
    const { log, wanted } = this.#request;
    const released = achieved.map(({ service }) => service).filter(({ release }) => release.isNew);
    return await findExpired(this.#journal.snapshot, released, wanted.retainReleases).catch((error) => {
      log.warning(`old releases stay on the record: ${messageOf(error)}`);
      return { releases: [], sets: [] };
    });
  }

  /** A failed level goes back to what had the traffic before: by a plan, like everything else. */
  async #undo(input: PlanInput, run: Run): Promise<void> {
    const { log } = this.#request;
    // The run may have been cancelled: what goes back must not be.
    const context = this.#context({ ...this.#guard(), signal: new AbortController().signal });
    try {
      // A copy that did not run may have made room: its traffic goes to who served in its stead.
      const { plan } = await this.#planSettled(context, () => this.#planUndo(input, run));
      await this.#prepare(plan.prepare, input.scope);
      await Promise.all(plan.vacate.map((step) => retire(context, step, 0)));
      for (const level of plan.levels) await (await runLevel(context, level)).done;
      run.isUndone = run.dead.length === 0;
    } catch (error) {
      run.isUndone = false;
      log.warning(`going back did not succeed, the next run does it: ${messageOf(error)}`);
    }
  }

  /** Where edges and sidecars do not agree, they are brought to one view first, and then a new plan is made. */
  async #planSettled<T extends { plan: Plan }>(context: RunContext, look: () => Promise<T>): Promise<T> {
    const seen = await look();
    if (seen.plan.settle === undefined) return seen;
    await this.#settle(context, seen.plan, seen.plan.settle);
    const after = await look();
    if (after.plan.settle !== undefined)
      throw new Error('edges and sidecars do not agree who has the traffic');
    return after;
  }

  async #planUndo(input: PlanInput, { failed, done, dead }: Run): Promise<{ plan: Plan }> {
    const observed = await this.#observeLiving(input, dead);
    const unused = new Set([...this.#unused.values()].flatMap((ids) => [...ids]));
    return { plan: planDeploy(assembleUndo(input, { failed, done, unused }, observed)) };
  }

  /** A server that died does not keep the others from going back. */
  async #observeLiving({ scope, hosts }: PlanInput, dead: string[]): Promise<ObservedServer[]> {
    const { log, wanted } = this.#request;
    const outcomes = await Promise.allSettled(
      hosts.map((host) => observe(this.#fleet.server(host), scope, wanted)),
    );
    return outcomes.flatMap((outcome, index) => {
      if (outcome.status === 'fulfilled') return [outcome.value];
      const host = hosts[index]!;
      if (dead.includes(host)) return [];
      dead.push(host);
      log.warning(
        `${host} does not answer any more; the others go back without it: ${messageOf(outcome.reason)}`,
      );
      return [];
    });
  }

  /** Waits for the drains, records, and gives the lease back: before the drains are over when they take long. */
  async #finish(input: PlanInput, plan: Plan, run: Run, digests: Map<string, string>): Promise<DeployReport> {
    const drained = Promise.allSettled(run.retiring.map(({ done }) => done));
    const isShort = await inTime(
      drained.then(() => true),
      DRAIN_WITH_LEASE_MS,
      false,
    );
    for (const { probes } of run.retiring)
      for (const [service, report] of await probes) run.probes.set(service, report);
    if (isShort) {
      await this.#conclude(plan, run, drained);
      // Without the lease another run may be about to use what nothing refers to yet: the next run sweeps then.
      if (run.failure === undefined) await this.#sweep(plan);
    }
    const left = isShort ? [] : await this.#stillDraining(plan, run);
    run.tookMs = this.#timeline.elapsedMs();
    const outcome = outcomeOf(input, plan, run, digests, left, signOfLife());
    const expired = await this.#findExpired(outcome);
    const forgotten = [
      ...(outcome.removed.length > 0 ? plan.forgetSecrets : []),
      ...forgetSteps(input.hosts, expired.sets),
    ].filter(({ host }) => !run.dead.includes(host));
    await forgetSecrets(this.#context(this.#guard()), forgotten);
    await this.#record('record', () =>
      this.#journal.conclude(outcome, input.servers.length > 1, digests, expired.releases),
    );
    if (!isShort) {
      await this.#drainWithoutLease(plan, drained);
      await this.#conclude(plan, run, drained);
    }
    return this.#report(input, plan, run);
  }

  /** When the drains are over: a network goes when nobody is on it any more. */
  async #conclude(
    { teardown: steps, scope }: Plan,
    run: Run,
    drained: Promise<PromiseSettledResult<Map<string, DrainOutcome>>[]>,
  ): Promise<void> {
    for (const outcome of await drained) {
      if (outcome.status === 'rejected') run.failure ??= reasonOf(outcome.reason);
      else for (const { cut } of outcome.value.values()) run.cut += cut;
    }
    if (run.failure !== undefined) return;
    const { log } = this.#request;
    await allOrErrors(
      steps.map((step) => perform(log, step, () => teardown(this.#fleet.server(step.host), scope))),
    );
  }

  async #sweep({ sweep: steps }: Plan): Promise<void> {
    const { log } = this.#request;
    await Promise.all(steps.map((step) => sweep(this.#fleet.server(step.host), step, log)));
  }

  async #stillDraining(plan: Plan, run: Run): Promise<RetireStep[]> {
    const steps = plan.levels
      .filter((level) => level.services.every((name) => run.done.includes(name)))
      .flatMap(({ retire }) => retire);
    const found = await Promise.all(
      steps.map(async (step) =>
        (await this.#fleet.server(step.host).engine.findContainer(step.id)) ? [step] : [],
      ),
    );
    return found.flat();
  }

  /** The lease is free for other services meanwhile; the record is told that this run lives, and when it is done. */
  async #drainWithoutLease(plan: Plan, drained: Promise<unknown>): Promise<void> {
    const { log } = this.#request;
    log.info('the old side still drains; the lease is given back, so that other deploys can go on');
    const steps = plan.levels.flatMap(({ retire }) => retire);
    let isOver = false;
    while (!isOver) {
      isOver = await inTime(
        drained.then(() => true),
        DRAIN_SIGN_OF_LIFE_MS / 2,
        false,
      );
      // A record that is late does no harm: the next run sees for itself what is left.
      await this.#journal.drains(steps, isOver).catch((error) => log.warning(messageOf(error)));
    }
  }

  #guard(): Guard {
    const { lease } = this.#journal;
    return {
      run: this.#request.author.run,
      fence: lease?.fence ?? 0,
      signal: this.#signal(),
      confirm: async () => await lease?.confirm(),
    };
  }

  #signal(): AbortSignal {
    const { lease } = this.#journal;
    return lease === undefined ? this.#request.signal : AbortSignal.any([this.#request.signal, lease.lost]);
  }

  #context(guard: Guard): RunContext {
    const { wanted, secrets, log } = this.#request;
    return {
      fleet: this.#fleet,
      scope: { project: wanted.project, environment: wanted.environment },
      servers: wanted.servers,
      nginx: wanted.nginx,
      onPartialFailure: 'revert',
      secrets,
      log,
      timeline: this.#timeline,
      guard,
      noteHook: (step, progress) =>
        this.#record(
          'record hook',
          () => this.#journal.notes(step, progress),
          `record hook: ${step.hook} of ${step.service} is ${progress}`,
        ),
      addresses: this.#addresses,
      unused: this.#unused,
      instances: this.#instances,
    };
  }

  #report(input: PlanInput, plan: Plan, run: Run): DeployReport {
    const undone = [...new Set([...run.failed, ...run.skipped])];
    const kept = undone.map((name) => [name, currentStanding(input, name)] as const);
    return {
      undone,
      standing: { ...plan.standing, ...Object.fromEntries(kept) },
      plan,
      services: input.services,
      timeline: this.#timeline,
      probes: run.probes,
      cut: run.cut,
      engineCalls: this.#fleet.calls(),
      failure: run.failure ?? leftOutFailure(run.left),
      changed: !isEmpty(plan),
    };
  }
}

/** What happened so far. */
interface Run extends Progress {
  retiring: Retiring[];
  /** Plans that were given up in their middle, and how far they came. */
  come: { plan: Plan; levels: Level[] }[];
  cut: number;
}

function emptyRun(): Run {
  return {
    retiring: [],
    come: [],
    done: [],
    failed: [],
    skipped: [],
    failure: undefined,
    dead: [],
    left: new Map(),
    isUndone: true,
    probes: new Map(),
    cut: 0,
    tookMs: 0,
  };
}

function isDrained({ drainTimeoutMs }: RetireStep): boolean {
  return drainTimeoutMs !== undefined;
}

function unique(pulls: readonly PullStep[]): PullStep[] {
  return [...new Map(pulls.map((step) => [`${step.host} ${step.image}`, step])).values()];
}
