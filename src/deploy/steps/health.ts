import { setTimeout as sleep } from 'node:timers/promises';
import type { Server } from '../../fleet/server.ts';
import { messageOf, UserError } from '../../model/errors.ts';
import type { Healthcheck, Protocol } from '../../model/spec.ts';
import { inTime } from '../in-time.ts';
import { lastLines } from './last-lines.ts';

/** The first look comes at once, the next after this long, then twice as long each time up to `interval`. */
const FIRST_PAUSE_MS = 100;
/** An app that answers once may still be warming up. */
const SUCCESSES_NEEDED = 3;
/** However long the file would wait (C2). */
const LONGEST_WAIT_MS = 180_000;
/** A container that came back this often is crashing, not starting. */
const RESTARTS_MAX = 2;
/** A crashing container is between two starts for most of the time; it is looked at for a second. */
const END_LOOKS = 40;
const END_PAUSE_MS = 25;
/** A container whose health is wanted. */
export interface Patient {
  id: string;
  name: string;
  address: string;
  containerPort: number;
  protocol: Protocol;
  healthcheck: Healthcheck;
  /** The HEALTHCHECK of the image, where it has one. */
  imageTest: readonly string[];
}

/** allowedMs returns how long a container may take to become healthy. */
export function allowedMs({ startPeriodMs, retries, intervalMs, timeoutMs }: Healthcheck): number {
  return Math.min(LONGEST_WAIT_MS, startPeriodMs + retries * (intervalMs + timeoutMs));
}

/**
 * awaitHealthy waits until a container was healthy three times in a row; `answered` is called at the first time. It
 * throws a UserError with the last reason and the container's last log lines when the time allowed is over or the
 * container crashes.
 */
export async function awaitHealthy(
  server: Server,
  patient: Patient,
  signal: AbortSignal,
  answered: () => void,
): Promise<void> {
  const look = examination(server, patient);
  const begun = Date.now();
  const end = begun + allowedMs(patient.healthcheck);
  const { intervalMs } = patient.healthcheck;
  let pause = Math.min(FIRST_PAUSE_MS, intervalMs);
  let successes = 0;
  let reason = 'it was not asked yet';
  while (Date.now() < end) {
    signal.throwIfAborted();
    const complaint = await look().catch(messageOf);
    if (complaint === undefined) {
      successes += 1;
      answered();
      if (successes === SUCCESSES_NEEDED) return;
      await sleep(Math.min(FIRST_PAUSE_MS, intervalMs), undefined, { signal });
      continue;
    }
    successes = 0;
    reason = complaint;
    const crash = await crashOf(server, patient.id);
    if (crash !== undefined) throw await failure(server, patient, crash);
    await sleep(Math.min(pause, Math.max(0, end - Date.now())), undefined, { signal });
    pause = Math.min(pause * 2, intervalMs);
  }
  const seconds = ((Date.now() - begun) / 1000).toFixed(1);
  throw await failure(server, patient, `was not healthy within ${seconds} s: ${reason}`);
}

/** Returns a function that resolves to undefined for a healthy container, else to what is wrong. */
function examination(server: Server, patient: Patient): () => Promise<string | undefined> {
  const { healthcheck, protocol, imageTest } = patient;
  const { timeoutMs } = healthcheck;
  const http = (path: string, isGood: (status: number) => boolean) => async () => {
    const { address, containerPort: port } = patient;
    const { status } = await server.http.get({ address, port, path }, timeoutMs);
    return isGood(status) ? undefined : `GET ${path} answered ${status}`;
  };
  const command = (test: readonly string[]) => async () => {
    const line = test[0] === 'CMD-SHELL' ? ['/bin/sh', '-c', test[1] ?? ''] : test.slice(1);
    const result = await server.engine.exec(patient.id, line, AbortSignal.timeout(timeoutMs));
    if (result.exitCode === 0) return undefined;
    const said = (result.stdout + result.stderr).trim().split('\n').at(-1) ?? '';
    return `${test.slice(1).join(' ')} ended with ${result.exitCode}${said && ` (${said})`}`;
  };
  const tcp = async () => {
    (await withTimeout(server.dial(patient.address, patient.containerPort), timeoutMs)).destroy();
    return undefined;
  };
  switch (healthcheck.kind) {
    case 'http':
      return http(healthcheck.path ?? '/', (status) => status >= 200 && status < 400);
    case 'command':
      return command(healthcheck.test ?? []);
    case 'tcp':
      return tcp;
    case 'default':
      if (imageTest.length > 1) return command(imageTest);
      return protocol === 'http' ? http('/', (status) => status < 500) : tcp;
  }
}

async function crashOf(server: Server, id: string): Promise<string | undefined> {
  const { State, RestartCount = 0 } = await server.engine.inspectContainer(id);
  if (RestartCount < RESTARTS_MAX && (State?.Running || State?.Restarting)) return undefined;
  const ended = await lastEnd(server, id);
  if (ended === undefined) return `crashed ${RestartCount} times`;
  const why = ended.OOMKilled ? ', out of memory' : '';
  return RestartCount > 0
    ? `crashed ${RestartCount} times, the last time with exit code ${ended.ExitCode}${why}`
    : `ended with exit code ${ended.ExitCode}${why}`;
}

/** The engine forgets an exit code as soon as it starts the container again: it is read between two starts. */
async function lastEnd(server: Server, id: string) {
  for (let look = 0; look < END_LOOKS; look++) {
    const { State } = await server.engine.inspectContainer(id);
    if (State && (State.Restarting || !State.Running)) return State;
    await sleep(END_PAUSE_MS);
  }
  return undefined;
}

async function failure(server: Server, patient: Patient, what: string): Promise<UserError> {
  const log = await lastLines(server, patient.id);
  return new UserError(`${server.host}: the new container ${patient.name} ${what}. ${log}`, {
    hint: 'The new container is removed; what ran before, if anything did, serves.',
  });
}

async function withTimeout<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  const done = await inTime(
    work.then((value) => ({ value })),
    timeoutMs,
    undefined,
  );
  if (done === undefined) throw new Error(`no connection within ${timeoutMs} ms`);
  return done.value;
}
