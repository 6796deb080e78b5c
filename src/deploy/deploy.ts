import { setTimeout as sleep } from 'node:timers/promises';
import { allOrErrors, Fleet } from '../fleet/fleet.ts';
import type { Provider } from '../fleet/server.ts';
import { messageOf, reasonOf, UserError } from '../model/errors.ts';
import type { Log } from '../model/log.ts';
import type { Scope } from '../model/names.ts';
import type { EnvironmentSpec } from '../model/spec.ts';
import { NginxInstance } from '../nginx/instance.ts';
import type { NginxKind } from '../nginx/render.ts';
import type { HeldLease } from '../state/held-lease.ts';
import { historyMessage } from '../state/history.ts';
import type { Snapshot } from '../state/snapshot.ts';
import type { Store } from '../state/store.ts';
import { assemble, assembleKept, assembleUndo, type Facts, type Narrowing } from './assemble.ts';
import { type Guard, nginxKey, placeKey, type RunContext } from './context.ts';
import { describePlan } from './describe.ts';
import { pull } from './images.ts';
import { findImage, observe } from './observe.ts';
import type { ObservedNginx, ObservedServer } from './observed.ts';
import { begunServices, keptDigests, outcomeOf, type Progress } from './outcome.ts';
import { isEmpty, type Plan, type PrepareStep, type RetireStep, type SwitchStep } from './plan.ts';
import type { PlanInput, WantedService } from './plan-input.ts';
import { planDeploy } from './planner.ts';
import { prepare, teardown } from './prepare.ts';
import type { ProbeReport } from './probe.ts';
import {
  type Author,
  begunChanges,
  historyOf,
  recordDrain,
  recordIntent,
  recordOutcome,
  releaseOf,
} from './record.ts';
import { type Retiring, retire, runLevel } from './run-level.ts';
import { currentStanding } from './spots.ts';
import { survey } from './survey.ts';
import { switchRoutes } from './switch.ts';
import { describeSpan, Timeline } from './timeline.ts';

/** A drain that takes longer goes on without the lease, so that other services can be deployed meanwhile. */
const DRAIN_WITH_LEASE_MS = 30_000;
/** A run that drains without the lease says this often in the record that it lives. */
const DRAIN_SIGN_OF_LIFE_MS = 10 * 60_000;
/** How long a run that is over waits for the lease to say so. */
const RECORD_DRAIN_MS = 60_000;

/** What a deploy is asked to do. */
export interface DeployRequest {
  wanted: EnvironmentSpec;
  /** Secret values by service and name. */
  secrets: Facts['secrets'];
  narrowing: Narrowing;
  /** `routes` leaves all containers as they are and makes edge and sidecar serve them. */
  scope: 'services' | 'routes';
  dryRun: boolean;
  provider: Provider;
  openStore(): Promise<Store>;
  author: Author;
  log: Log;
  /** Aborted when the run is cancelled. */
  signal: AbortSignal;
}

/** What a deploy did. */
export interface DeployReport {
  plan: Plan;
  services: readonly WantedService[];
  timeline: Timeline;
  probes: Map<string, ProbeReport>;
  /** Connections that were cut when a drain timeout was over. */
  cut: number;
  /** Engine API requests sent. */
  engineCalls: number;
  /** Why the run failed, when it did after it had begun to change things. */
  failure: unknown;
  /** Services that were to change and run as before, because the run failed. */
  undone: readonly string[];
  /** Where each service stands now. */
  standing: Plan['standing'];
  changed: boolean;
}

/**
 * deploy brings an environment to what is wanted: it looks at the servers and the record, plans, runs the plan
 * and records. It throws before the first change for whatever can be known before; a failure after that is in
 * the report, beside what was done.
 */
export async function deploy(request: DeployRequest): Promise<DeployReport> {
  const timeline = new Timeline((span) => request.log.info(describeSpan(span)));
  const opening = timeline.measure({ phase: 'lease' }, () => openSession(request));
  const { zones } = request.narrowing;
  const servers = request.wanted.servers.filter(({ zone }) => zones === undefined || zones.includes(zone));
  const connecting = timeline.measure({ phase: 'connect' }, () => Fleet.connect(request.provider, servers));
  const title = `Connect to ${servers.map(({ host }) => host).join(', ')} and read the record`;
  const [session, fleet] = await request.log.group(title, () => Promise.allSettled([opening, connecting]));
  try {
    if (fleet.status === 'rejected') throw fleet.reason;
    if (session.status === 'rejected') throw session.reason;
    return await new Deployment(request, timeline, fleet.value, session.value).run();
  } finally {
    await Promise.all([
      session.status === 'fulfilled' && session.value.store.close(),
      fleet.status === 'fulfilled' && fleet.value.close(),
    ]);
  }
}

/** The record, and the right to change it. A dry run has no lease. */
interface Session {
  store: Store;
  snapshot: Snapshot;
  lease: HeldLease | undefined;
}

async function openSession(request: DeployRequest): Promise<Session> {
  const store = await request.openStore();
  try {
    if (request.dryRun) return { store, snapshot: await store.read(), lease: undefined };
    return { store, ...(await acquire(store, request.signal)) };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function acquire(store: Store, signal: AbortSignal) {
  const taken = await store.acquire({ signal });
  taken.lease.startHeartbeat();
  return taken;
}

/** One run from plan to record. */
class Deployment {
  readonly #request: DeployRequest;
  readonly #timeline: Timeline;
  readonly #fleet: Fleet;
  readonly #session: Session;
  readonly #addresses = new Map<string, string>();
  readonly #instances = new Map<string, NginxInstance>();
  /** Services whose release is written already. */
  readonly #written = new Set<string>();

  constructor(request: DeployRequest, timeline: Timeline, fleet: Fleet, session: Session) {
    this.#request = request;
    this.#timeline = timeline;
    this.#fleet = fleet;
    this.#session = session;
  }

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
    if (dryRun || isEmpty(plan)) return this.#report(input, plan, emptyRun());
    return await this.#execute(input, plan);
  }

  async #plan(): Promise<{ input: PlanInput; plan: Plan }> {
    const { wanted, secrets, narrowing, scope, dryRun } = this.#request;
    const facts = await this.#timeline.measure({ phase: 'observe' }, () =>
      survey(this.#fleet, this.#session.snapshot, wanted, secrets, narrowing),
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
        this.#instances.set(
          nginxKey(host, kind),
          new NginxInstance(kind, this.#fleet.server(host), { id, name, address }),
        );
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
  }

  /** Waits, without the lease, until sides are free on which an earlier run still drains. */
  async #vacate(steps: readonly RetireStep[]): Promise<void> {
    const { log, signal } = this.#request;
    await this.#session.lease?.release();
    for (const { name, host } of steps.filter(isDrained)) {
      log.info(
        `${name} on ${host} still drains from an earlier deploy; its place is needed, so this run waits`,
      );
    }
    const context = this.#context({ ...this.#guard(), signal });
    await Promise.all(steps.filter(isDrained).map((step) => retire(context, step, 0)));
    const { lease, snapshot } = await acquire(this.#session.store, signal);
    Object.assign(this.#session, { lease, snapshot });
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
        await log.group(`Go back: ${level.services.join(', ')}`, () => this.#undo(input, run));
        break;
      }
    }
    if (run.failure !== undefined) {
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
    // First of all: a stopped edge serves nobody.
    await this.#prepare(plan.prepare, input.scope);
    await allOrErrors(unique(plan.pulls).map(({ host, image, policy }) => this.#pull(host, image, policy)));
    const digests = await this.#digests(input, begun);
    await Promise.all([
      this.#commitIntent(plan, begun, digests),
      ...input.observed.map(({ host, leftHelpers }) => this.#remove(host, leftHelpers)),
    ]);
    await Promise.all(plan.vacate.map((step) => retire(context, step, 0)));
    return digests;
  }

  async #prepare(steps: readonly PrepareStep[], scope: Scope): Promise<void> {
    const { wanted, log } = this.#request;
    const prepared = await this.#timeline.measure({ phase: 'prepare' }, () =>
      allOrErrors(
        steps.map((step) => prepare(this.#fleet.server(step.host), scope, wanted.nginx, step, log)),
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

  async #commitIntent(
    plan: Plan,
    begun: readonly WantedService[],
    digests: Map<string, string>,
  ): Promise<void> {
    if (begun.length === 0) return;
    const { author } = this.#request;
    await this.#timeline.measure({ phase: 'record intent' }, async () => {
      const now = new Date();
      const releases = this.#newReleases(begun, digests, now);
      await this.#commit(
        (state) => recordIntent(state, begun, author, now),
        historyMessage(plan.scope, begunChanges(plan, begun)),
        { releases },
      );
      for (const { name } of begun) this.#written.add(name);
    });
  }

  #newReleases(services: readonly WantedService[], digests: Map<string, string>, now: Date) {
    const { wanted, author } = this.#request;
    const scope = { project: wanted.project, environment: wanted.environment };
    return services
      .filter(({ name, release }) => release.isNew && !this.#written.has(name))
      .map((service) => releaseOf(scope, service, digests.get(service.name), author, now));
  }

  /** All servers must run one image: a tag may have moved between two pulls. */
  async #digests(input: PlanInput, services: readonly WantedService[]): Promise<Map<string, string>> {
    const digests = keptDigests(input, services);
    await Promise.all(
      services.map(async ({ name, spec: { container } }) => {
        const found = await Promise.all(
          input.observed.map(async ({ host, images }) => {
            const seen =
              images.get(container.image) ?? (await findImage(this.#fleet.server(host), container.image));
            return [host, seen] as const;
          }),
        );
        const known = found.flatMap(([host, image]) =>
          image?.digest ? [{ host, digest: image.digest }] : [],
        );
        const [first] = known;
        const other = known.find(({ digest }) => digest !== first?.digest);
        if (first !== undefined && other !== undefined) {
          throw new UserError(`${container.image} is another image on ${other.host} than on ${first.host}`, {
            hint: 'Set "pull_policy: always", or name the image by digest.',
          });
        }
        if (first !== undefined) digests.set(name, first.digest);
      }),
    );
    return digests;
  }

  /** A failed level goes back to what had the traffic before: by a plan, like everything else. */
  async #undo(input: PlanInput, { failed, done }: Run): Promise<void> {
    const { log, wanted } = this.#request;
    // The run may have been cancelled: what goes back must not be.
    const context = this.#context({ ...this.#guard(), signal: new AbortController().signal });
    try {
      const observed = await this.#fleet.onAll((server) => observe(server, input.scope, wanted.services));
      const plan = planDeploy(assembleUndo(input, { failed, done }, observed));
      if (plan.settle !== undefined) throw new Error('edges and sidecars do not agree who has the traffic');
      await this.#prepare(plan.prepare, input.scope);
      await Promise.all(plan.vacate.map((step) => retire(context, step, 0)));
      for (const level of plan.levels) await (await runLevel(context, level)).done;
    } catch (error) {
      log.warning(`going back did not succeed, the next run does it: ${messageOf(error)}`);
    }
  }

  /** Waits for the drains, records, and gives the lease back: before the drains are over when they take long. */
  async #finish(input: PlanInput, plan: Plan, run: Run, digests: Map<string, string>): Promise<DeployReport> {
    const drained = Promise.allSettled(run.retiring.map(({ done }) => done));
    const isShort = await Promise.race([
      drained.then(() => true),
      sleep(DRAIN_WITH_LEASE_MS, false, { ref: false }),
    ]);
    for (const { probes } of run.retiring)
      for (const [service, report] of await probes) run.probes.set(service, report);
    if (isShort && run.failure === undefined) await this.#tearDown(plan);
    const left = isShort ? [] : await this.#stillDraining(plan, run);
    await this.#timeline.measure({ phase: 'record' }, async () => {
      const now = new Date();
      const until = this.#signOfLife(now);
      const outcome = outcomeOf(input, plan, run, digests, left, until);
      const { scope } = input;
      const { author } = this.#request;
      await this.#commit(
        (state) => recordOutcome(scope, state, outcome, input.servers.length > 1, author, now),
        historyMessage(scope, historyOf(outcome)),
        {
          releases: this.#newReleases(
            outcome.achieved.map(({ service }) => service),
            digests,
            now,
          ),
          lease: 'release',
        },
      );
    });
    if (!isShort) await this.#drainWithoutLease(plan, drained);
    for (const outcome of await drained) {
      if (outcome.status === 'rejected') run.failure ??= outcome.reason;
      else for (const { cut } of outcome.value.values()) run.cut += cut;
    }
    return this.#report(input, plan, run);
  }

  /** Last of all: a network goes when nobody is on it any more. */
  async #tearDown({ teardown: steps, scope }: Plan): Promise<void> {
    await allOrErrors(steps.map(({ host }) => teardown(this.#fleet.server(host), scope)));
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
      const pause = new AbortController();
      const nextSign = sleep(DRAIN_SIGN_OF_LIFE_MS / 2, false, { signal: pause.signal }).catch(() => true);
      isOver = await Promise.race([drained.then(() => true), nextSign]);
      pause.abort();
      // A record that is late does no harm: the next run sees for itself what is left.
      await this.#recordDrain(steps, isOver).catch((error) => log.warning(messageOf(error)));
    }
  }

  async #recordDrain(steps: readonly RetireStep[], isOver: boolean): Promise<void> {
    const { project, environment } = this.#request.wanted;
    const containers = steps.map(({ name }) => name);
    const until = isOver ? undefined : this.#signOfLife(new Date());
    // Also when the run was cancelled: else its containers would be taken for draining for minutes.
    await acquire(
      this.#session.store,
      AbortSignal.timeout(isOver ? RECORD_DRAIN_MS : DRAIN_SIGN_OF_LIFE_MS / 4),
    );
    const services = [...new Set(steps.map(({ service }) => service))].join(', ');
    await this.#commit(
      (state) => recordDrain(state, containers, until),
      { subject: `${project} ${environment}: ${services} ${isOver ? 'drained' : 'still drains'}` },
      { lease: 'release' },
    );
  }

  #signOfLife(now: Date): string {
    return new Date(now.getTime() + DRAIN_SIGN_OF_LIFE_MS).toISOString();
  }

  async #commit(
    state: Parameters<Store['commit']>[0]['state'],
    message: { subject: string; body?: string },
    more: Pick<Parameters<Store['commit']>[0], 'releases' | 'lease'>,
  ): Promise<void> {
    const { run, actor, commit } = this.#request.author;
    const trailers = { Run: run, Actor: actor, Commit: commit };
    await this.#session.store.commit({ state, message: { ...message, trailers }, ...more });
  }

  #guard(): Guard {
    const { lease } = this.#session;
    return {
      run: this.#request.author.run,
      fence: lease?.fence ?? 0,
      signal: this.#signal(),
      confirm: async () => await lease?.confirm(),
    };
  }

  #signal(): AbortSignal {
    const { lease } = this.#session;
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
  return { retiring: [], done: [], failed: [], skipped: [], failure: undefined, probes: new Map(), cut: 0 };
}

function isDrained({ drainTimeoutMs }: RetireStep): boolean {
  return drainTimeoutMs !== undefined;
}

function unique(pulls: Plan['pulls']): Plan['pulls'] {
  return [...new Map(pulls.map((step) => [`${step.host} ${step.image}`, step])).values()];
}
