import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../../docker/http.ts';
import type { Server } from '../../fleet/server.ts';
import { messageOf, UserError } from '../../model/errors.ts';
import { LABEL } from '../../model/labels.ts';
import { hookRequest } from '../planning/container.ts';
import { isCutOff } from '../planning/hook-end.ts';
import type { AwaitStep, HookStep } from '../planning/plan.ts';
import type { RunContext } from './context.ts';
import { lastLines } from './last-lines.ts';
import { perform } from './perform.ts';

/** The first look comes soon, for hooks that have nothing to do. */
const FIRST_POLL_MS = 50;
const LONGEST_POLL_MS = 1_000;
const FEEDBACK_EVERY_MS = 5_000;
/** A cancelled run has 7 s for all that is left to do. */
const CANCEL_GRACE_S = 3;

/**
 * runHook runs a hook to its end and records each step on the way. Its container is there before the record says
 * `begun`, and until it says how it ended: one that was never started has not run, and one that ended has, whoever
 * looks. It throws a UserError with the last lines of its log when it fails, takes too long or is killed; then the
 * record says `failed` where that is known, else it stays at `begun`. Its container is gone in any case.
 */
export function runHook(context: RunContext, step: HookStep): Promise<void> {
  return perform(context.log, step, () =>
    context.timeline.measure({ ...step, phase: step.hook }, async () => {
      const server = context.fleet.server(step.host);
      const id = await ensureStarted(context, server, step);
      const { exitCode } = await end(context, server, { ...step, id });
      const log = await lastLines(server, id);
      const isKilled = isCutOff(exitCode);
      if (!isKilled) await context.noteHook(step, exitCode === 0 ? 'done' : 'failed');
      await server.engine.removeContainer(id);
      if (exitCode === 0) {
        context.log.info(`${titleOf(step)} has ended well. ${log}`);
        return;
      }
      throw new UserError(`${step.host}: ${titleOf(step)} ended with exit code ${exitCode}. ${log}`, {
        hint: isKilled ? WHAT_NEXT : WHAT_STAYS[step.hook],
      });
    }),
  );
}

/** awaitHook waits until a hook has ended that an earlier run has left running; how it ended is for the next plan to see. */
export function awaitHook(context: RunContext, step: AwaitStep): Promise<void> {
  const server = context.fleet.server(step.host);
  return perform(context.log, step, async () => {
    await end(context, server, step);
  });
}

/** What a hook that failed has left behind. */
const WHAT_STAYS: Record<HookStep['hook'], string> = {
  pre_deploy: 'Nothing was deployed; what ran before serves. The next deploy runs it again.',
  post_deploy:
    'The new version serves, and stays. The next deploy runs it again only with "idempotent: true".',
};
const WHAT_NEXT =
  'Nobody knows how far it came: the next run asks, by the input "unfinished-hook", unless the hook is "idempotent: true".';

async function ensureStarted(context: RunContext, server: Server, step: HookStep): Promise<string> {
  const { engine } = server;
  const found = await engine.findContainer(step.name);
  if (found !== undefined && found.Config?.Labels?.[LABEL.role] !== 'hook') {
    throw new UserError(`${step.host}: ${step.name} is a container that Switchyard did not create`, {
      hint: 'Rename or remove it.',
    });
  }
  if (found !== undefined && found.State?.Status !== 'created') return found.Id!;
  const id = found?.Id ?? (await create(context, server, step));
  await context.noteHook(step, 'begun');
  await context.guard.confirm();
  try {
    await engine.startContainer(id);
  } catch (error) {
    // Without an answer nobody knows whether it runs: the record stays at `begun`, and the next run looks.
    if (!(error instanceof EngineError)) throw error;
    await context.noteHook(step, 'failed');
    await engine.removeContainer(id);
    throw startFailure(step, error);
  }
  return id;
}

async function create(context: RunContext, server: Server, step: HookStep): Promise<string> {
  const { hook, command, release } = step;
  const secrets = context.secrets[step.service] ?? {};
  try {
    const request = hookRequest(step.blueprint, { hook, command, release, secrets });
    return await server.engine.createContainer(step.name, request);
  } catch (error) {
    throw startFailure(step, error);
  }
}

function startFailure(step: HookStep, error: unknown): UserError {
  return new UserError(`${step.host}: ${titleOf(step)} cannot start: ${messageOf(error)}`, {
    hint: WHAT_STAYS[step.hook],
    cause: error,
  });
}

/** A hook that runs. */
type Running = Pick<HookStep, 'hook' | 'service' | 'release' | 'host' | 'timeoutMs' | 'graceMs'> & {
  id: string;
};

/** Waits until a hook has ended; one that takes too long is stopped, and so is that of a cancelled run. */
async function end(context: RunContext, server: Server, running: Running): Promise<{ exitCode: number }> {
  const { signal } = context.guard;
  const { id, timeoutMs } = running;
  const begun = Date.now();
  let pollMs = FIRST_POLL_MS;
  let toldAt = begun;
  while (true) {
    const { State } = await server.engine.inspectContainer(id);
    if (!State?.Running) return { exitCode: State?.ExitCode ?? 0 };
    const elapsedMs = Date.now() - begun;
    if (signal.aborted) {
      await stop(context, server, running, CANCEL_GRACE_S);
      throw signal.reason;
    }
    if (elapsedMs >= timeoutMs) {
      const log = await lastLines(server, id);
      await stop(context, server, running, Math.ceil(running.graceMs / 1000));
      throw new UserError(
        `${running.host}: ${titleOf(running)} was not over within ${timeoutMs / 1000} s, and was stopped. ${log}`,
        { hint: `Give it more time: "timeout" of ${running.hook}. ${WHAT_NEXT}` },
      );
    }
    if (Date.now() - toldAt >= FEEDBACK_EVERY_MS) {
      toldAt = Date.now();
      await tellProgress(context, server, running, elapsedMs);
    }
    await sleep(Math.min(pollMs, timeoutMs - elapsedMs), undefined, { signal }).catch(() => undefined);
    pollMs = Math.min(pollMs * 2, LONGEST_POLL_MS);
  }
}

/** What ended because it was asked to may have ended well, and nobody knows what it has left out: it is removed, so that only `begun` stays. */
async function stop(
  { log }: RunContext,
  { engine }: Server,
  running: Running,
  graceSeconds: number,
): Promise<void> {
  await engine.stopContainer(running.id, graceSeconds);
  await engine.removeContainer(running.id);
  log.warning(`${titleOf(running)} on ${running.host} was stopped in the middle. ${WHAT_NEXT}`);
}

async function tellProgress(
  { log }: RunContext,
  { engine }: Server,
  running: Running,
  elapsedMs: number,
): Promise<void> {
  const { stdout, stderr } = await engine
    .logs(running.id, { tail: 1 })
    .catch(() => ({ stdout: '', stderr: '' }));
  const last = `${stdout}${stderr}`.trim();
  log.info(
    `${titleOf(running)} on ${running.host} runs: ${Math.round(elapsedMs / 1000)} s of ${running.timeoutMs / 1000} s${last && `: ${last}`}`,
  );
}

function titleOf({ hook, service, release }: Pick<HookStep, 'hook' | 'service' | 'release'>): string {
  return `${hook} of ${service} release ${release}`;
}
