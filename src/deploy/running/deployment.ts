import { allOrErrors, type Fleet } from '../../fleet/fleet.ts';
import { failTogether, messageOf, reasonOf } from '../../model/errors.ts';
import { certainFailures } from '../looking/certain-failures.ts';
import { forgottenHosts } from '../looking/drift.ts';
import { errorsOf } from '../looking/findings.ts';
import { judgeClock } from '../looking/judge-server.ts';
import { observe } from '../looking/observe.ts';
import { takeVitals, type Vitals } from '../looking/vitals.ts';
import { describePlan } from '../planning/describe.ts';
import { joinPlans, keepOldSides } from '../planning/joined-plan.ts';
import { isCreating, isEmpty, type Level, type Plan } from '../planning/plan.ts';
import { planDeploy } from '../planning/planner.ts';
import { assembleWithout } from '../planning/rest-of-run.ts';
import { currentStanding } from '../planning/spots.ts';
import type { Journal } from '../recording/journal.ts';
import { begunServices } from '../recording/outcome.ts';
import type { DeployReport, DeployRequest } from '../request.ts';
import { conclude } from './conclusion.ts';
import type { RunContext } from './context.ts';
import { runHook } from './hook.ts';
import { findDigests } from './images.ts';
import { Means } from './means.ts';
import { lookAhead, type Outlook } from './outlook.ts';
import { leftOutFailure, PartialSwitch } from './partial-switch.ts';
import { emptyRun, type Run } from './progress.ts';
import { retire, runLevel, settledAfter } from './run-level.ts';
import { keepSecrets } from './run-secrets.ts';
import { planSettled } from './settling.ts';
import { takeOver } from './takeover.ts';
import type { Timeline } from './timeline.ts';
import { undo } from './undo.ts';

/** One run from plan to record. */
export class Deployment {
  readonly #means: Means;

  constructor(request: DeployRequest, timeline: Timeline, fleet: Fleet, journal: Journal) {
    this.#means = new Means(request, timeline, fleet, journal);
  }

  /** run plans, runs the plan and records; in a dry run it plans. */
  async run(): Promise<DeployReport> {
    const { log, dryRun } = this.#means.request;
    const vitals = Promise.all(this.#means.fleet.servers.map(takeVitals));
    const outlook = await lookAhead(this.#means);
    const { input, plan } = outlook;
    for (const line of describePlan(plan)) log.info(line);
    for (const sentence of plan.staying) log.warning(sentence);
    for (const host of forgottenHosts(input)) {
      log.warning(
        `${host} left the file: what still runs there stays, serves, and is no longer looked after. Remove it there, or put the server back`,
      );
    }
    if (!isEmpty(plan)) this.#checkServers(await vitals, plan);
    if (dryRun || isEmpty(plan)) return this.#report(outlook, emptyRun());
    const report = await this.#execute(outlook);
    if (plan.postponed.length === 0 || report.failure !== undefined) return report;
    // What stood in their way has been taken over: they can change now.
    await this.#means.journal.reopen();
    return await this.run();
  }

  /** Before the first change: what is certain to fail fails now. */
  #checkServers(vitals: readonly (Vitals | undefined)[], plan: Plan): void {
    for (const one of vitals.filter((known) => known !== undefined)) {
      const { server, level, message } = judgeClock(one);
      if (level === 'warning') this.#means.request.log.warning(`${server}: ${message}`);
    }
    failTogether(errorsOf(certainFailures(vitals, plan)));
  }

  /** `run`, and what is known of images, are those of the run that went on with this plan in its middle. */
  async #execute(
    outlook: Outlook,
    run = emptyRun(),
    known: ReadonlyMap<string, string> = new Map(),
  ): Promise<DeployReport> {
    const { log, wanted } = this.#means.request;
    const { input, plan } = outlook;
    const context = { ...this.#means.context(), onPartialFailure: wanted.onPartialFailure };
    const found = await log.group('Get ready', () => this.#getReady(outlook));
    const digests = new Map([...found, ...known]);
    run.failure = await this.#setUp(context, plan).then(() => undefined, reasonOf);
    this.#refuseWithoutLease(run);
    for (const level of run.failure === undefined ? plan.levels : []) {
      try {
        run.retiring.push(await log.group(titleOf(level), () => runLevel(context, level)));
        run.done.push(...level.services);
      } catch (error) {
        if (error instanceof PartialSwitch) {
          const rest = await log.group('Go on without them', () =>
            this.#goOnWithout(outlook, level, run, error),
          );
          return await this.#execute(rest, run, digests);
        }
        run.failure = reasonOf(error);
        run.failed = level.services;
        this.#refuseWithoutLease(run);
        await log.group(`Go back: ${level.services.join(', ')}`, () => undo(this.#means, input, run));
        break;
      }
      try {
        await this.#runPostDeploy(context, level);
      } catch (error) {
        // The level serves, and stays; what depends on it is not touched.
        run.failure = reasonOf(error);
        this.#refuseWithoutLease(run);
        break;
      }
    }
    if (run.failure === undefined) run.retiring.push(takeOver(context, plan.takeover));
    else {
      run.skipped = plan.levels
        .flatMap(({ services }) => services)
        .filter((name) => !run.done.includes(name));
    }
    const whole = run.come.reduceRight(
      (rest, { plan: first, levels }) => joinPlans(first, levels, rest),
      plan,
    );
    await log.group('Drain and record', () => conclude(this.#means, input, whole, run, digests));
    return this.#report({ input, plan: whole }, run);
  }

  /** Another run may be at work by now: what is left here is for it to see. */
  #refuseWithoutLease({ failure }: Run): void {
    if (failure !== undefined && this.#means.journal.lease?.lost.aborted) throw failure;
  }

  /** Everything that can be had before the first change: images, and the intent on the record. */
  async #getReady({ input, plan }: Outlook): Promise<Map<string, string>> {
    const { fleet, journal } = this.#means;
    // First of all: a stopped edge serves nobody.
    await this.#means.prepare(plan.prepare.filter((step) => !isCreating(step)));
    await this.#means.pullAll(plan.pulls);
    const begun = begunServices(input, plan);
    const digests = await findDigests(fleet, input, begun);
    if (begun.length > 0)
      await this.#means.record('record intent', () => journal.intend(plan, begun, digests));
    return digests;
  }

  /** What has to be there, and to be gone, before a container starts. */
  async #setUp(context: RunContext, plan: Plan): Promise<void> {
    await Promise.all([
      this.#means.prepare(plan.prepare.filter(isCreating)),
      keepSecrets(context, plan.keepSecrets),
    ]);
    const settledAt = settledAfter(context, this.#means.reloadedAt);
    await Promise.all(plan.vacate.map((step) => retire(context, step, settledAt)));
  }

  async #runPostDeploy(context: RunContext, { postDeploy }: Level): Promise<void> {
    if (postDeploy.length === 0) return;
    const names = postDeploy.map(({ service }) => service).join(', ');
    await context.log.group(`Run post_deploy of ${names}`, () =>
      allOrErrors(postDeploy.map((step) => runHook(context, step))),
    );
  }

  /** Some servers did not switch, and the others keep what is proven: those are left out, and a new plan is made. */
  async #goOnWithout(
    { input, plan }: Outlook,
    level: Level,
    run: Run,
    { failures }: PartialSwitch,
  ): Promise<Outlook> {
    const { request, fleet, journal } = this.#means;
    const { log, wanted } = request;
    for (const [host, error] of failures) {
      run.left.set(host, error);
      log.warning(`${host} did not switch, and is left out: ${messageOf(error)}`);
    }
    const left = [...failures.keys()];
    const come = plan.levels.slice(0, plan.levels.indexOf(level) + 1);
    const draining = come.slice(0, -1).flatMap(({ retire }) => retire.map(({ id }) => id));
    const living = input.hosts.filter((host) => !failures.has(host));
    const { standing } = plan;
    const { state } = journal.snapshot;
    const rest = await planSettled(this.#means, this.#means.context(), async () => {
      const observed = await allOrErrors(
        living.map((host) => observe(fleet.server(host), input.scope, wanted)),
      );
      const seen = assembleWithout(input, { left, observed, state, standing, draining });
      return { input: seen, plan: keepOldSides(planDeploy(seen)) };
    });
    for (const line of describePlan(rest.plan)) log.info(line);
    const ahead = rest.plan.levels.flatMap(({ services }) => services);
    run.done.push(...level.services.filter((name) => !ahead.includes(name)));
    run.come.push({ plan, levels: come });
    return rest;
  }

  #report({ input, plan }: Outlook, run: Run): DeployReport {
    const undone = [...new Set([...run.failed, ...run.skipped])];
    const kept = undone.map((name) => [name, currentStanding(input, name)] as const);
    return {
      undone,
      standing: { ...plan.standing, ...Object.fromEntries(kept) },
      plan,
      services: input.services,
      timeline: this.#means.timeline,
      probes: run.probes,
      cut: run.cut,
      engineCalls: this.#means.fleet.calls(),
      failure: run.failure ?? leftOutFailure(run.left),
      changed: !isEmpty(plan),
    };
  }
}

function titleOf({ services }: Level): string {
  return services.length === 0 ? 'Give edge and sidecar their routes' : `Deploy ${services.join(', ')}`;
}
