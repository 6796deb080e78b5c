import type { Server } from '../../fleet/server.ts';
import { poll } from '../../model/clock.ts';
import { copyKey, type Slot } from '../../model/copy.ts';
import { messageOf, UserError } from '../../model/errors.ts';
import type { Healthcheck, HealthTimes, Protocol } from '../../model/spec.ts';
import type { LookContext } from './context.ts';
import { keepEvidence } from './evidence.ts';
import { type Candidate, checkWithImage, examination, isJustWatched } from './examination.ts';
import type { Complaint } from './http-verdict.ts';
import type { StepKind } from './kind.ts';
import { lastLines } from './last-lines.ts';
import { findListeners, type RefusalWatch, watchRefusals } from './listeners.ts';
import { inspectStarted } from './start.ts';

/** A copy that has to prove that it is healthy. */
export interface CheckedCopy {
  service: string;
  server: string;
  slot: Slot;
  /** The container's name. */
  name: string;
  /** The main port, and what is spoken there; a worker has neither. */
  containerPort?: number;
  protocol?: Protocol;
  healthcheck: Healthcheck;
  /** The Host that the app is asked with over HTTP. */
  host: string;
}

/** Waiting until a copy has answered well for the first time. */
export interface AnswerStep extends CheckedCopy {
  kind: 'answer';
}

/** Waiting until a copy that has answered is healthy. */
export interface HealthyStep extends CheckedCopy {
  kind: 'healthy';
}

/** Between good answers: three of them span two of these. Also the first pause of those that become longer. */
const PAUSE_MS = 100;
/** The first look comes at once, and in the first second the next ones this soon: most apps boot within it, or nearly. */
const EAGER_PAUSE_MS = 50;
/** Then each pause is twice as long as the one before, up to `interval`. */
const EAGER_MS = 1_000;
/** An app that answers once may still be warming up. */
const SUCCESSES_NEEDED = 3;
/** A container that came back this often is crashing, not starting. */
const RESTARTS_MAX = 2;
/** A crashing container is between two starts for most of the time, unless its machine is slow. */
const CRASH_LOOK_MS = 5_000;
const CRASH_POLL_MS = 25;
/** Each look at what a container listens on takes a helper: not before as many refusals in a row, nor more of them. */
const LOOKS_MAX = 3;

/** Waits for the first good answer: while it proves that it goes on like that, the switch is made ready. */
export const answer: StepKind<AnswerStep> = {
  onlyWaits: true,
  describe: ({ service, slot, server, containerPort }) =>
    `wait until ${service} (${slot}) on ${server} ${containerPort === undefined ? 'works' : 'answers'}`,
  async run(step, context) {
    await tellOfTimes(step, context);
    await awaitAnswers(step, context, 1);
    tellOfExposed(step, context);
  },
};

/**
 * Waits until a copy was healthy three times in a row, its first answer among them. It throws a UserError with the last
 * reason and the container's last log lines when the time allowed is over or the container crashes.
 */
export const healthy: StepKind<HealthyStep> = {
  onlyWaits: true,
  describe: ({ service, slot, server }) => `wait until ${service} (${slot}) on ${server} is healthy`,
  run: (step, context) => awaitAnswers(step, context, SUCCESSES_NEEDED),
};

/** allowedMs returns how long a container may take to become healthy: as long as is said, a job has an end of its own. */
export function allowedMs({ startPeriodMs, retries, intervalMs, timeoutMs }: HealthTimes): number {
  return startPeriodMs + retries * (intervalMs + timeoutMs);
}

/** The plan could not know what the image says. */
async function tellOfTimes(step: CheckedCopy, context: LookContext): Promise<void> {
  const { healthcheck } = await candidateOf(step, context);
  const ms = allowedMs(healthcheck);
  if (ms === allowedMs(step.healthcheck)) return;
  context.log.info(
    `${step.name} on ${step.server} has ${ms / 1000} s to become healthy, by the HEALTHCHECK of its image`,
  );
}

async function candidateOf(step: CheckedCopy, context: LookContext): Promise<Candidate> {
  // Where an earlier run was cut off, the container has been running since then.
  const known = context.known.started.get(copyKey(step));
  const started = known ?? (await inspectStarted(context, step, step.name));
  return { ...step, ...started, healthcheck: checkWithImage(step.healthcheck, started.imageCheck) };
}

/** Whoever forgot the port of an app should read of it; many a worker has the image of an app that listens. */
function tellOfExposed(step: AnswerStep, { known, log }: LookContext): void {
  const exposed = known.started.get(copyKey(step))?.exposed ?? [];
  if (step.containerPort !== undefined || exposed.length === 0) return;
  log.info(
    `${step.service} has no port, so nobody can connect to it. Its image exposes ${exposed.join(', ')}: write "port: ${exposed[0]}" if somebody shall`,
  );
}

/** awaitHealthy is the step for a copy that was not asked before. */
export async function awaitHealthy(copy: CheckedCopy, context: LookContext): Promise<void> {
  await awaitAnswers(copy, context, 1);
  await awaitAnswers(copy, context, SUCCESSES_NEEDED);
}

async function awaitAnswers(step: CheckedCopy, context: LookContext, needed: number): Promise<void> {
  const { clock } = context;
  const server = context.fleet.server(step.server);
  const candidate = await candidateOf(step, context);
  const { healthcheck, since } = candidate;
  const look = examination(server, candidate, context);
  const whyRefused = refusalsOf(server, { ...candidate, service: step.service }, context);
  const startsUntil = since + healthcheck.startPeriodMs;
  const { intervalMs } = healthcheck;
  const shortMs = Math.min(PAUSE_MS, intervalMs);
  // The answer that ended the wait before this one counts.
  let successes = needed > 1 ? 1 : 0;
  /** Failures in a row, without those of the first second. */
  let failures = 0;
  const pauseMs = () =>
    failures === 0
      ? Math.min(EAGER_PAUSE_MS, intervalMs)
      : Math.min(shortMs * 2 ** (failures - 1), intervalMs);
  let reason: Complaint = { why: 'it was not asked yet' };
  if (successes > 0) await clock.sleep(shortMs);
  const isHealthy = await poll(
    clock,
    {
      timeoutMs: since + allowedMs(healthcheck) - clock.now(),
      everyMs: () => (successes > 0 ? shortMs : pauseMs()),
    },
    async () => {
      const complaint = await look().catch(complaintOf);
      if (complaint === undefined) {
        successes += 1;
        failures = 0;
        reason = { why: `it answered ${successes} of ${SUCCESSES_NEEDED} times` };
        return successes >= needed ? true : undefined;
      }
      successes = 0;
      if (clock.now() - since >= EAGER_MS) failures += 1;
      reason = complaint;
      const crash = await crashOf(server, candidate, context);
      if (crash !== undefined) throw await failure(step, candidate, context, crash);
      if (/refused/i.test(complaint.why) && failures > 0 && clock.now() >= startsUntil) {
        const { refusal, isCertain } = await whyRefused(complaint.isRefused === true);
        reason = refusal ?? complaint;
        if (isCertain)
          throw await failure(step, candidate, context, { ...reason, why: `was not healthy: ${reason.why}` });
      }
      return undefined;
    },
  );
  if (isHealthy) return;
  const seconds = ((clock.now() - since) / 1000).toFixed(1);
  const why = `was not healthy within ${seconds} s: ${reason.why}`;
  throw await failure(step, candidate, context, { ...reason, why });
}

/** Only who connects to a port is refused there. */
function refusalsOf(
  server: Server,
  candidate: Candidate & Pick<CheckedCopy, 'service'>,
  context: LookContext,
): RefusalWatch {
  const { containerPort: port, healthcheck } = candidate;
  if (port === undefined) return async () => ({ refusal: undefined, isCertain: false });
  const find = () => findListeners(context, server, candidate, port);
  return watchRefusals(find, port, Math.min(healthcheck.retries, LOOKS_MAX));
}

/** How a copy has ended; undefined while it runs, or is started again. */
async function crashOf(
  server: Server,
  candidate: Candidate,
  context: LookContext,
): Promise<Complaint | undefined> {
  const { State, RestartCount = 0 } = await server.engine.inspectContainer(candidate.id);
  const isCrashing = isJustWatched(candidate)
    ? RestartCount > candidate.restarts
    : RestartCount >= RESTARTS_MAX;
  if (!isCrashing && (State?.Running || State?.Restarting)) return undefined;
  const times = RestartCount === 1 ? 'once' : `${RestartCount} times`;
  const ended = await lastEnd(server, candidate.id, context);
  if (ended === undefined) return { why: `crashed ${times}` };
  const code = `with exit code ${ended.ExitCode}${ended.OOMKilled ? ', out of memory' : ''}`;
  const last = RestartCount > 1 ? ', the last time' : ',';
  return {
    why: RestartCount > 0 ? `crashed ${times}${last} ${code}` : `ended ${code}`,
    ...(candidate.containerPort === undefined && ended.ExitCode === 0 && { advice: ENDS_WELL }),
  };
}

/** Exit code 0: it did what it had to do. */
const ENDS_WELL =
  'A service runs until it is replaced; what does its work and ends is a "pre_deploy" or "post_deploy".';

/** The engine forgets an exit code as soon as it starts the container again: it is read between two starts. */
async function lastEnd(server: Server, id: string, { clock }: LookContext) {
  return await poll(clock, { everyMs: CRASH_POLL_MS, timeoutMs: CRASH_LOOK_MS }, async () => {
    const { State } = await server.engine.inspectContainer(id);
    return State && (State.Restarting || !State.Running) ? State : undefined;
  });
}

/** A tunnel says so when nobody takes the connection at the container. */
function complaintOf(error: unknown): Complaint {
  const why = messageOf(error);
  return { why, isRefused: /refused/i.test(why) };
}

async function failure(
  { service, server }: CheckedCopy,
  { id, name }: Candidate,
  context: LookContext,
  { why, advice }: Complaint,
): Promise<UserError> {
  const [log] = await Promise.all([
    lastLines(context.fleet.server(server), id),
    keepEvidence(context, { service, server, name, id }),
  ]);
  return new UserError(`${server}: the new container ${name} ${why}. ${log}`, {
    hint: `${advice === undefined ? '' : `${advice} `}The new container is removed.`,
  });
}
