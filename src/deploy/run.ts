import { X509Certificate } from 'node:crypto';
import { allOrErrors } from '../fleet/fleet.ts';
import { copyKey } from '../model/copy.ts';
import type { GeneratedSecret } from '../model/generated-secret.ts';
import type { LookAhead, OpenEnvironment } from './environment.ts';
import { type Execution, execute, failureOf, type StepFailure } from './execute.ts';
import { hideSecrets } from './hide-secrets.ts';
import { rememberNginx } from './known-nginx.ts';
import { findImage } from './observation/images.ts';
import { leftToDeploys } from './observation/left-to-deploys.ts';
import { describeMaintenance, maintenanceOf } from './observation/maintenance.ts';
import { renewalsOf } from './observation/renewals.ts';
import { survey } from './observation/survey.ts';
import { buildInput, buildKeptInput, type Facts } from './planning/build-input.ts';
import { withConnectionValues } from './planning/connection-values.ts';
import { type PlannedStep, upTo } from './planning/graph.ts';
import type { PlanInput } from './planning/input.ts';
import type { ObservedServer } from './planning/observed.ts';
import { checkOwner } from './planning/ownership.ts';
import type { Plan } from './planning/plan.ts';
import { planDeploy } from './planning/planner.ts';
import type { DeployRequest } from './request.ts';
import { type Asked, checkImages } from './restore.ts';
import { type Guard, Knowledge, type RunContext } from './steps/context.ts';
import { outlastOldWorkers } from './steps/drain.ts';
import { kindOf, type Step } from './steps/index.ts';
import type { Timeline } from './timeline.ts';

/** What was seen, and what is to be done about it. */
export interface PlannedRun {
  input: PlanInput;
  plan: Plan;
}

/**
 * A cancelled run gives up so long after what it does for going back: a runner ends it 7.5 s after it has asked it to end, and
 * until then the record has to be written and the lease given back. What is left is for the next run.
 */
const GOING_BACK_MS = 4_500;

/** Run is one run: what it works with from its beginning to its end, and what it has learned. */
export class Run {
  readonly request: DeployRequest;
  readonly asked: Asked;
  readonly environment: OpenEnvironment & { timeline: Timeline };
  readonly known: Knowledge;
  readonly #notes: Set<string>;
  /** Aborted when a cancelled run has had its time for going back. */
  readonly #outOfTime = new AbortController();
  /** Of the last plan: what is made from generated secrets, and from ports, is known by then. */
  #seen: Pick<Facts, 'secrets' | 'generated'>;
  /** What was seen before the lease was ours; the next looks see for themselves. */
  #seenAhead: Promise<Facts> | undefined;
  #hasReconciled = false;

  constructor(request: DeployRequest, asked: Asked, environment: OpenEnvironment & { timeline: Timeline }) {
    this.request = request;
    this.asked = asked;
    this.environment = environment;
    this.#notes = new Set(asked.notes);
    this.known = new Knowledge();
    this.#seen = { secrets: asked.secrets };
    this.#seenAhead = environment.seenAhead;
    // What a run may do was confirmed before; this stops one that slept meanwhile, at the cost of no round trip.
    environment.fleet.guardWith(() => environment.journal.lease?.assertMayChange());
    const { clock, signal } = request;
    const giveUp = () => this.#outOfTime.abort(signal.reason);
    signal.addEventListener('abort', () => void clock.sleep(GOING_BACK_MS).then(giveUp, giveUp), {
      once: true,
    });
  }

  /** What people should know beside what changes, as sentences. */
  get notes(): readonly string[] {
    return [...this.#notes];
  }

  /** note tells people something, once. */
  note(sentence: string): void {
    if (this.#notes.has(sentence)) return;
    this.#notes.add(sentence);
    this.request.log.warning(sentence);
  }

  /** plan asks servers and record, and plans. It throws a UserError for what must not be done. */
  async plan(): Promise<PlannedRun> {
    const { unfinishedHook, scope, takeOverFrom } = this.request;
    const { wanted, restored, reconnected } = this.asked;
    const { repository } = this.environment;
    const seen = await this.#look();
    checkOwner(wanted, { repository, takeOverFrom }, seen.observed);
    this.#remember(seen.observed);
    const { authority, tlsSecrets: given, forcedCertificates: forced = [] } = this.request;
    const { revokedCertificates: revoke } = this.request;
    const ask = (pem: string) => authority.renewalAt(wanted.nginx.tls!.acme, pem);
    const renewAt = await renewalsOf(wanted, seen.observed, ask);
    const obtained = serialsOf(this.known.certificates.values());
    const certificates = { given, renewAt, forced, obtained, revoke };
    const facts = withConnectionValues({
      ...{ ...seen, unfinishedHook, certificates },
      ...(restored !== undefined && { restored }),
      ...(reconnected !== undefined && { reconnected }),
    });
    hideSecrets(this.request, facts);
    this.#seen = facts;
    const input = scope === 'routes' ? buildKeptInput(facts) : buildInput(facts);
    const plan = planDeploy(input);
    checkImages(input, plan);
    if (input.compared.with === 'deployed') {
      for (const sentence of leftToDeploys(input, plan, wanted)) this.note(sentence);
    }
    for (const sentence of describeMaintenance(maintenanceOf(input.scope, seen.observed)))
      this.note(sentence);
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
    this.#refuseToReconcileForEver(first);
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
      // A new copy may stand next where a route has led that is put right now: nobody may be sent to it before its time.
      if (isReconciling(first)) await outlastOldWorkers(this.context(this.signal()));
      if (drains.length > 0) await journal.reopen();
    });
  }

  /** reachAgain writes down that servers are about to be changed that earlier runs have left out, before anything is. */
  async reachAgain({ state, reached }: PlanInput): Promise<void> {
    const back = reached.filter((server) => state.stale_servers?.[server]?.sends_to !== undefined);
    if (back.length === 0) return;
    await this.record('record', () => this.environment.journal.reaches(back), 'record the return');
  }

  /** execute runs steps; `isUnstoppable` is for what has to be done also when the run is cancelled, as far as time allows. */
  execute(steps: readonly PlannedStep[], isUnstoppable = false): Execution {
    const unstoppable = this.context(this.#outOfTime.signal);
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
    const { wanted } = this.asked;
    const { secrets, generated } = this.#seen;
    const { fleet, journal, repository } = this.environment;
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
      repository,
      servers: wanted.servers,
      nginx: wanted.nginx,
      secrets,
      generated: {
        secretOf: (name) => secretOf(generated, name),
        seal: async (value) => await this.request.generated!.seal(value),
      },
      tlsSecrets: this.request.tlsSecrets ?? {},
      authority: this.request.authority,
      registryAuth: this.request.registryAuth,
      layouts: this.request.layouts,
      log,
      clock: clock.endingWith(signal),
      guard,
      known: this.known,
      record: {
        intend: ({ begun }, digests) => journal.intend(begun, digests),
        noteGenerated: (step, sealed) =>
          this.record('record secrets', () => journal.notesGenerated(step, sealed)),
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

  /** What was seen while the lease was being taken is what is there under it: nobody has held it in between. */
  async #look(): Promise<Facts> {
    const ahead = this.#seenAhead;
    this.#seenAhead = undefined;
    if (ahead !== undefined) {
      const seen = await ahead;
      return { ...seen, now: new Date(this.request.clock.now()) };
    }
    const { journal, timeline } = this.environment;
    const { snapshot } = journal;
    return await lookFor(this.request, timeline, { ...this.environment, ...this.asked, snapshot });
  }

  /** What was seen once need not be asked for again. */
  #remember(observed: readonly ObservedServer[]): void {
    const { fleet } = this.environment;
    for (const { name: server, copies, sidecar, edge } of observed) {
      for (const { service, slot, address } of copies) {
        if (address !== undefined) this.known.addresses.set(copyKey({ server, service, slot }), address);
      }
      rememberNginx(this.known, fleet.server(server), { sidecar, edge }, this.request.clock);
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
            container: { image, options: { platform } = {} },
          },
        }) =>
          (plan.copies[name] ?? []).map(async ({ server }) => {
            await this.perform({
              kind: 'pull',
              server,
              image,
              policy: 'always',
              ...(platform !== undefined && { platform }),
            });
            const found = await findImage(fleet.server(server), image);
            const observed = input.observed.find((one) => one.name === server);
            if (found !== undefined) observed?.images.set(image, found);
          }),
      ),
    );
    return services.length > 0;
  }

  #refuseToReconcileForEver(steps: readonly PlannedStep[]): void {
    if (isReconciling(steps) && this.#hasReconciled)
      throw new Error('edges and sidecars do not agree who has the traffic');
    this.#hasReconciled ||= isReconciling(steps);
  }
}

/** lookFor asks the servers and the record for everything that the planning of a request needs. */
export async function lookFor(
  { secrets, generated, narrowing, clock, author: { run } }: DeployRequest,
  timeline: Timeline,
  { fleet, snapshot, ...ahead }: LookAhead & Partial<Asked>,
): Promise<Facts> {
  return await timeline.measure({ phase: 'observe' }, () =>
    survey(fleet, snapshot, { secrets, generated, narrowing, clock, run, ...ahead }),
  );
}

function secretOf(generated: Facts['generated'], name: string): GeneratedSecret {
  const found = generated?.secrets.get(name);
  if (found === undefined) throw new Error(`nobody has the value of ${name}`);
  return found;
}

function isReconciling(steps: readonly PlannedStep[]): boolean {
  return steps.some(({ step }) => step.kind === 'switch');
}

/** throwFailure throws what steps have failed with, if any have. */
export function throwFailure(failures: readonly StepFailure[]): void {
  if (failures.length > 0) throw failureOf(failures);
}

function serialsOf(pairs: Iterable<{ chain: string }>): Set<string> {
  return new Set([...pairs].map(({ chain }) => new X509Certificate(chain).serialNumber));
}
