import { allOrErrors, type Fleet } from '../fleet/fleet.ts';
import { messageOf, reasonOf } from '../model/errors.ts';
import type { Scope } from '../model/names.ts';
import { NginxInstance } from '../nginx/instance.ts';
import type { NginxKind } from '../nginx/render.ts';
import { assemble, assembleKept, assembleUndo } from './assemble.ts';
import { type Guard, nginxKey, placeKey, type RunContext } from './context.ts';
import { describePlan } from './describe.ts';
import type { DrainOutcome } from './drain.ts';
import { findDigests, pull } from './images.ts';
import { inTime } from './in-time.ts';
import { DRAIN_SIGN_OF_LIFE_MS, type Journal, signOfLife } from './journal.ts';
import { findImage, observe } from './observe.ts';
import type { ObservedNginx, ObservedServer } from './observed.ts';
import { begunServices, outcomeOf, type Progress } from './outcome.ts';
import { announce, perform } from './perform.ts';
import { isEmpty, type Plan, type PrepareStep, type RetireStep, type SwitchStep } from './plan.ts';
import type { PlanInput, WantedService } from './plan-input.ts';
import { planDeploy } from './planner.ts';
import { prepare, teardown } from './prepare.ts';
import type { DeployReport, DeployRequest } from './request.ts';
import { type Retiring, retire, runLevel, settledAfter } from './run-level.ts';
import { currentStanding } from './spots.ts';
import { survey } from './survey.ts';
import { switchRoutes } from './switch.ts';
import { takeOver } from './takeover.ts';
import type { Timeline } from './timeline.ts';

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
    let { input, plan } = await log.group('Look at what runs', () => this.#plan());
    const { settle } = plan;
    if (!dryRun && settle !== undefined) {
      await log.group('Finish an interrupted switch', () => this.#settle(input, plan.prepare, settle));
      ({ input, plan } = await this.#plan());
    }
    while (!dryRun && plan.vacate.some(isDrained)) {
      await log.group('Wait for an earlier drain', () => this.#vacate(plan.vacate));
      ({ input, plan } = await this.#plan());
    }
    for (const line of describePlan(plan)) log.info(line);
    for (const sentence of plan.staying) log.warning(sentence);
    for (const host of forgottenHosts(input)) {
      log.warning(
        `${host} left the file: what still runs there stays, serves, and is no longer looked after. Remove it there, or put the server back`,
      );
    }
    if (dryRun || isEmpty(plan)) return this.#report(input, plan, emptyRun());
    const report = await this.#execute(input, plan);
    if (plan.postponed.length === 0 || report.failure !== undefined) return report;
    // What stood in their way has been taken over: they can change now.
    await this.#journal.reopen();
    return await this.run();
  }

  async #plan(): Promise<{ input: PlanInput; plan: Plan }> {
    const { wanted, secrets, narrowing, scope, dryRun } = this.#request;
    const facts = await this.#timeline.measure({ phase: 'observe' }, () =>
      survey(this.#fleet, this.#journal.snapshot, wanted, secrets, narrowing),
    );
    this.#remember(facts.observed);
    const input = scope === 'routes' ? assembleKept(facts) : assemble(facts);
    const plan = planDeploy(input);
    const isRefreshed = !dryRun && (await this.#pullAlways(input, plan));
    return { input, plan: isRefreshed ? planDeploy(input) : plan };
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
  async #settle({ scope }: PlanInput, prepare: readonly PrepareStep[], step: SwitchStep): Promise<void> {
    await this.#prepare(prepare, scope);
    await switchRoutes(this.#context(this.#guard()), step);
    this.#reloadedAt = Date.now();
  }

  /** Waits, without the lease, until sides are free on which an earlier run still drains. */
  async #vacate(steps: readonly RetireStep[]): Promise<void> {
    const { log, signal } = this.#request;
    await this.#journal.release();
    for (const { name, host } of steps.filter(isDrained)) {
      log.info(
        `${name} on ${host} may be in use since an earlier deploy; its place is needed, so this run waits until it has drained`,
      );
    }
    const context = this.#context({ ...this.#guard(), signal });
    await Promise.all(
      steps.filter(isDrained).map((step) => retire(context, step, settledAfter(context, this.#reloadedAt))),
    );
    await this.#journal.reopen();
  }

  async #execute(input: PlanInput, plan: Plan): Promise<DeployReport> {
    const run = emptyRun();
    const context = this.#context(this.#guard());
    const begun = begunServices(input, plan);
    const { log } = this.#request;
    const digests = await log.group('Get ready', () => this.#getReady(context, input, plan, begun));
    for (const level of plan.levels) {
      try {
        const title =
          level.services.length === 0
            ? 'Give edge and sidecar their routes'
            : `Deploy ${level.services.join(', ')}`;
        run.retiring.push(await log.group(title, () => runLevel(context, level)));
        run.done.push(...level.services);
      } catch (error) {
        run.failure = reasonOf(error);
        run.failed = level.services;
        // Another run may be at work: what is left here is for it to see.
        if (this.#journal.lease?.lost.aborted) throw run.failure;
        await log.group(`Go back: ${level.services.join(', ')}`, () => this.#undo(input, run));
        break;
      }
    }
    if (run.failure === undefined) run.retiring.push(takeOver(context, plan.takeover));
    else {
      run.skipped = plan.levels
        .flatMap(({ services }) => services)
        .filter((name) => !run.done.includes(name));
    }
    return await log.group('Drain and record', () => this.#finish(input, plan, run, digests));
  }

  /** Everything that can be done before a container starts: images, the intent on the record, edge and sidecar. */
  async #getReady(
    context: RunContext,
    input: PlanInput,
    plan: Plan,
    begun: readonly WantedService[],
  ): Promise<Map<string, string>> {
    const { log } = this.#request;
    // First of all: a stopped edge serves nobody.
    await this.#prepare(plan.prepare, input.scope);
    await allOrErrors(
      unique(plan.pulls).map((step) =>
        perform(log, step, () => this.#pull(step.host, step.image, step.policy)),
      ),
    );
    const digests = await findDigests(this.#fleet, input, begun);
    await Promise.all([
      begun.length > 0 && this.#record('record intent', () => this.#journal.intend(plan, begun, digests)),
      ...input.observed.map(({ host, leftHelpers }) => this.#remove(host, leftHelpers)),
    ]);
    const settledAt = settledAfter(context, this.#reloadedAt);
    await Promise.all(plan.vacate.map((step) => retire(context, step, settledAt)));
    return digests;
  }

  #record(phase: string, work: () => Promise<void>): Promise<void> {
    return this.#timeline.measure({ phase }, () => announce(this.#request.log, phase, work));
  }

  async #prepare(steps: readonly PrepareStep[], scope: Scope): Promise<void> {
    const { wanted, log } = this.#request;
    const preparation = { scope, nginx: wanted.nginx, log, guard: this.#guard() };
    const prepared = await this.#timeline.measure({ phase: 'prepare' }, () =>
      allOrErrors(
        steps.map((step) =>
          perform(log, step, () => prepare(this.#fleet.server(step.host), step, preparation)),
        ),
      ),
    );
    for (const instance of prepared.flat()) {
      this.#instances.set(nginxKey(instance.server.host, instance.kind), instance);
    }
  }

  async #remove(host: string, ids: readonly string[]): Promise<void> {
    const { engine } = this.#fleet.server(host);
    await Promise.all(ids.map((id) => engine.removeContainer(id)));
  }

  /** A failed level goes back to what had the traffic before: by a plan, like everything else. */
  async #undo(input: PlanInput, run: Run): Promise<void> {
    const { log } = this.#request;
    // The run may have been cancelled: what goes back must not be.
    const context = this.#context({ ...this.#guard(), signal: new AbortController().signal });
    try {
      const observed = await this.#observeLiving(input, run);
      const unused = new Set([...this.#unused.values()].flatMap((ids) => [...ids]));
      const plan = planDeploy(assembleUndo(input, { failed: run.failed, done: run.done, unused }, observed));
      if (plan.settle !== undefined) throw new Error('edges and sidecars do not agree who has the traffic');
      await this.#prepare(plan.prepare, input.scope);
      await Promise.all(plan.vacate.map((step) => retire(context, step, 0)));
      for (const level of plan.levels) await (await runLevel(context, level)).done;
    } catch (error) {
      log.warning(`going back did not succeed, the next run does it: ${messageOf(error)}`);
    }
  }

  /** A server that died does not keep the others from going back. */
  async #observeLiving({ scope }: PlanInput, run: Run): Promise<ObservedServer[]> {
    const { log, wanted } = this.#request;
    const outcomes = await Promise.allSettled(
      this.#fleet.servers.map((server) => observe(server, scope, wanted.services, wanted.nginx)),
    );
    return outcomes.flatMap((outcome, index) => {
      if (outcome.status === 'fulfilled') return [outcome.value];
      const { host } = this.#fleet.servers[index]!;
      run.dead.push(host);
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
    if (isShort) await this.#conclude(plan, run, drained);
    const left = isShort ? [] : await this.#stillDraining(plan, run);
    const outcome = outcomeOf(input, plan, run, digests, left, signOfLife());
    await this.#record('record', () => this.#journal.conclude(outcome, input.servers.length > 1, digests));
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

  async #stillDraining(plan: Plan, run: Run): Promise<RetireStep[]> {
    const steps = plan.levels
      .filter((level) => level.services.every((name) => run.done.includes(name)))
      .flatMap(({ retire }) => retire);
    if (run.failure === undefined) steps.push(...plan.takeover.leave, ...plan.takeover.nginx);
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
      secrets,
      log,
      timeline: this.#timeline,
      guard,
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
      failure: run.failure,
      changed: !isEmpty(plan),
    };
  }
}

/** What happened so far. */
interface Run extends Progress {
  retiring: Retiring[];
  cut: number;
}

function emptyRun(): Run {
  return {
    retiring: [],
    done: [],
    failed: [],
    skipped: [],
    failure: undefined,
    dead: [],
    probes: new Map(),
    cut: 0,
  };
}

function isDrained({ drainTimeoutMs }: RetireStep): boolean {
  return drainTimeoutMs !== undefined;
}

function unique(pulls: Plan['pulls']): Plan['pulls'] {
  return [...new Map(pulls.map((step) => [`${step.host} ${step.image}`, step])).values()];
}

/** Servers that the record names and the file does not. */
function forgottenHosts({ state, servers }: PlanInput): string[] {
  const recorded = Object.values(state.services).flatMap((service) =>
    service.servers.map(({ host }) => host),
  );
  return [...new Set(recorded)].filter((host) => !servers.some((server) => server.host === host));
}
