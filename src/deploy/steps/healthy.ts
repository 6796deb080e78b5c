import type { Server } from '../../fleet/server.ts';
import { inTime, poll } from '../../model/clock.ts';
import { copyKey, type Slot } from '../../model/copy.ts';
import { messageOf, UserError } from '../../model/errors.ts';
import type { Healthcheck, Protocol } from '../../model/spec.ts';
import type { RunContext } from './context.ts';
import type { StepKind } from './kind.ts';
import { lastLines } from './last-lines.ts';
import { findListeners, type RefusalWatch, watchRefusals } from './listeners.ts';
import { inspectStarted, type StartedCopy } from './start.ts';

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
}

/** Waiting until a copy has answered well for the first time. */
export interface AnswerStep extends CheckedCopy {
  kind: 'answer';
}

/** Waiting until a copy that has answered is healthy. */
export interface HealthyStep extends CheckedCopy {
  kind: 'healthy';
}

/** The first look comes at once, the next after this long, then twice as long each time up to `interval`. */
const FIRST_PAUSE_MS = 100;
/** An app that answers once may still be warming up. */
const SUCCESSES_NEEDED = 3;
/** However long the file would wait. */
const LONGEST_WAIT_MS = 180_000;
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

/** allowedMs returns how long a container may take to become healthy. */
export function allowedMs(healthcheck: Healthcheck): number {
  return Math.min(LONGEST_WAIT_MS, askedMs(healthcheck));
}

function askedMs({ startPeriodMs, retries, intervalMs, timeoutMs }: Healthcheck): number {
  return startPeriodMs + retries * (intervalMs + timeoutMs);
}

/** A copy that is asked how it does. */
interface Candidate extends CheckedCopy, StartedCopy {}

/** Whoever forgot the port of an app should read of it; many a worker has the image of an app that listens. */
function tellOfExposed(step: AnswerStep, { known, log }: RunContext): void {
  const exposed = known.started.get(copyKey(step))?.exposed ?? [];
  if (step.containerPort !== undefined || exposed.length === 0) return;
  log.info(
    `${step.service} has no port, so nobody can connect to it. Its image exposes ${exposed.join(', ')}: write "port: ${exposed[0]}" if somebody shall`,
  );
}

/** Nothing can be asked of it: it is healthy when it has run for its start period without a restart. */
function isJustWatched({ healthcheck: { kind }, containerPort, imageTest }: Candidate): boolean {
  return kind === 'running' || (kind === 'default' && containerPort === undefined && imageTest.length <= 1);
}

async function awaitAnswers(step: CheckedCopy, context: RunContext, needed: number): Promise<void> {
  const { clock, known } = context;
  const server = context.fleet.server(step.server);
  // Where an earlier run was cut off, the container has been running since then.
  const started = known.started.get(copyKey(step)) ?? (await inspectStarted(context, step, step.name));
  const candidate: Candidate = { ...step, ...started };
  const look = examination(server, candidate, context);
  const whyRefused = refusalsOf(server, candidate, context);
  const startsUntil = started.since + step.healthcheck.startPeriodMs;
  const { intervalMs } = step.healthcheck;
  const shortMs = Math.min(FIRST_PAUSE_MS, intervalMs);
  // The answer that ended the wait before this one counts.
  let successes = needed > 1 ? 1 : 0;
  let failures = 0;
  let reason = 'it was not asked yet';
  let advice: string | undefined;
  if (successes > 0) await clock.sleep(shortMs);
  const isHealthy = await poll(
    clock,
    {
      timeoutMs: started.since + patienceMs(candidate) - clock.now(),
      everyMs: () => (successes > 0 ? shortMs : Math.min(shortMs * 2 ** (failures - 1), intervalMs)),
    },
    async () => {
      const complaint = await look().catch(messageOf);
      if (complaint === undefined) {
        successes += 1;
        failures = 0;
        reason = `it answered ${successes} of ${SUCCESSES_NEEDED} times`;
        return successes >= needed ? true : undefined;
      }
      successes = 0;
      failures += 1;
      reason = complaint;
      const crash = await crashOf(server, candidate, context);
      if (crash !== undefined) throw await failure(server, candidate, crash.what, crash.advice);
      if (isRefused(complaint) && failures > LOOKS_MAX && clock.now() >= startsUntil) {
        const { refusal, isCertain } = await whyRefused();
        reason = refusal?.why ?? complaint;
        if (isCertain) throw await failure(server, candidate, `was not healthy: ${reason}`, refusal?.advice);
        advice = refusal?.advice;
      } else advice = undefined;
      return undefined;
    },
  );
  if (isHealthy) return;
  const seconds = ((clock.now() - started.since) / 1000).toFixed(1);
  throw await failure(server, candidate, `was not healthy within ${seconds} s: ${reason}`, advice);
}

/** How long a copy may take: one that is just watched takes its start period, however long that is. */
function patienceMs(candidate: Candidate): number {
  return isJustWatched(candidate) ? askedMs(candidate.healthcheck) : allowedMs(candidate.healthcheck);
}

/** Only who connects to a port is refused there. */
function refusalsOf(server: Server, candidate: Candidate, context: RunContext): RefusalWatch {
  const { containerPort: port, healthcheck } = candidate;
  if (port === undefined) return async () => ({ refusal: undefined, isCertain: false });
  const find = () => findListeners(context, server, candidate, port);
  return watchRefusals(find, port, Math.min(healthcheck.retries, LOOKS_MAX));
}

/** Returns a function that resolves to undefined for a healthy copy, else to what is wrong. */
function examination(
  server: Server,
  candidate: Candidate,
  { clock }: RunContext,
): () => Promise<string | undefined> {
  const { healthcheck, protocol, imageTest, containerPort: port = 0 } = candidate;
  const { timeoutMs } = healthcheck;
  const http = (path: string, isGood: (status: number) => boolean) => async () => {
    const { status } = await server.http.get({ address: candidate.address, port, path }, timeoutMs);
    return isGood(status) ? undefined : `GET ${path} answered ${status}`;
  };
  const command = (test: readonly string[]) => async () => {
    const line = test[0] === 'CMD-SHELL' ? ['/bin/sh', '-c', test[1] ?? ''] : test.slice(1);
    const result = await server.engine.exec(candidate.id, line, AbortSignal.timeout(timeoutMs));
    if (result.exitCode === 0) return undefined;
    const said = (result.stdout + result.stderr).trim().split('\n').at(-1) ?? '';
    return `${test.slice(1).join(' ')} ended with ${result.exitCode}${said && ` (${said})`}`;
  };
  const tcp = async () => {
    const dialled = server.dial(candidate.address, port).then((stream) => {
      stream.destroy();
      return true;
    });
    const isOpen = await inTime(clock, dialled, timeoutMs, false);
    return isOpen ? undefined : `no connection within ${timeoutMs} ms`;
  };
  const running = async () => {
    const { State, RestartCount = 0 } = await server.engine.inspectContainer(candidate.id);
    const isSteady = State?.Running && !State.Restarting && RestartCount <= candidate.restarts;
    if (isSteady && clock.now() - candidate.since >= healthcheck.startPeriodMs) return undefined;
    return `it has not run for ${healthcheck.startPeriodMs / 1000} s without a restart`;
  };
  if (isJustWatched(candidate)) return running;
  switch (healthcheck.kind) {
    case 'http':
      return http(healthcheck.path ?? '/', (status) => status >= 200 && status < 400);
    case 'command':
      return command(healthcheck.test ?? []);
    case 'tcp':
      return tcp;
    case 'running':
      return running;
    case 'default':
      if (imageTest.length > 1) return command(imageTest);
      return protocol === 'http' ? http('/', (status) => status < 500) : tcp;
  }
}

/** How a copy has ended, for people. */
interface Crash {
  what: string;
  advice?: string;
}

async function crashOf(
  server: Server,
  candidate: Candidate,
  context: RunContext,
): Promise<Crash | undefined> {
  const { State, RestartCount = 0 } = await server.engine.inspectContainer(candidate.id);
  const isCrashing = isJustWatched(candidate)
    ? RestartCount > candidate.restarts
    : RestartCount >= RESTARTS_MAX;
  if (!isCrashing && (State?.Running || State?.Restarting)) return undefined;
  const times = RestartCount === 1 ? 'once' : `${RestartCount} times`;
  const ended = await lastEnd(server, candidate.id, context);
  if (ended === undefined) return { what: `crashed ${times}` };
  const code = `with exit code ${ended.ExitCode}${ended.OOMKilled ? ', out of memory' : ''}`;
  const last = RestartCount > 1 ? ', the last time' : ',';
  return {
    what: RestartCount > 0 ? `crashed ${times}${last} ${code}` : `ended ${code}`,
    ...(candidate.containerPort === undefined && ended.ExitCode === 0 && { advice: ENDS_WELL }),
  };
}

/** Exit code 0: it did what it had to do. */
const ENDS_WELL =
  'A service runs until it is replaced; what does its work and ends is a "pre_deploy" or "post_deploy".';

/** The engine forgets an exit code as soon as it starts the container again: it is read between two starts. */
async function lastEnd(server: Server, id: string, { clock }: RunContext) {
  return await poll(clock, { everyMs: CRASH_POLL_MS, timeoutMs: CRASH_LOOK_MS }, async () => {
    const { State } = await server.engine.inspectContainer(id);
    return State && (State.Restarting || !State.Running) ? State : undefined;
  });
}

/** A tunnel says so when nobody takes the connection at the container. */
function isRefused(complaint: string): boolean {
  return /refused/i.test(complaint);
}

async function failure(
  server: Server,
  { id, name }: Candidate,
  what: string,
  advice?: string,
): Promise<UserError> {
  const log = await lastLines(server, id);
  return new UserError(`${server.name}: the new container ${name} ${what}. ${log}`, {
    hint: `${advice === undefined ? '' : `${advice} `}The new container is removed.`,
  });
}
