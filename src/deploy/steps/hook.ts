import { EngineError } from '../../docker/http.ts';
import { removeWithFiles } from '../../fleet/delivered-files.ts';
import type { Server } from '../../fleet/server.ts';
import { poll } from '../../model/clock.ts';
import { messageOf, UserError } from '../../model/errors.ts';
import { LABEL } from '../../model/labels.ts';
import type { HookName } from '../../model/names.ts';
import { type Blueprint, hookSettings } from '../planning/blueprint.ts';
import { isCutOff } from '../planning/unfinished-hook.ts';
import type { RunContext } from './context.ts';
import { createContainer } from './create-container.ts';
import { keepEvidence } from './evidence.ts';
import type { StepKind } from './kind.ts';
import { lastLines } from './last-lines.ts';

/** Running a command of a release in a container of its own, or seeing how that of a run that was cut off ended. */
export interface HookStep {
  kind: 'hook';
  hook: HookName;
  service: string;
  server: string;
  /** The container's name. */
  name: string;
  release: number;
  blueprint: Blueprint;
  command: string[];
  timeoutMs: number;
  graceMs: number;
}

/** Waiting until a hook has ended that a run has left running. */
export interface AwaitHookStep {
  kind: 'await hook';
  hook: HookName;
  service: string;
  server: string;
  id: string;
  /** The container's name. */
  name: string;
  release: number;
  timeoutMs: number;
  graceMs: number;
}

/** The first look comes soon, for hooks that have nothing to do. */
const FIRST_POLL_MS = 50;
const LONGEST_POLL_MS = 1_000;
const FEEDBACK_EVERY_MS = 5_000;
/** A cancelled run has 7 s for all that is left to do. */
const CANCEL_GRACE_S = 3;

/**
 * Runs a hook to its end and records each step on the way. Its container is there before the record says
 * `begun`, and until it says how it ended: one that was never started has not run, and one that ended has, whoever
 * looks. It throws a UserError with the last lines of its log when it fails, takes too long or is killed; then the
 * record says `failed` where that is known, else it stays at `begun`. Its container is gone in any case.
 */
export const hook: StepKind<HookStep> = {
  moments: ['created', 'begun', 'ended'],
  describe: ({ hook: name, service, release, server }) =>
    `run ${name} of ${service} release ${release} on ${server}`,
  async run(step, context) {
    const server = context.fleet.server(step.server);
    const id = await ensureStarted(context, server, step);
    const { exitCode } = await awaitEnd(context, { ...step, id });
    context.moment('ended');
    const log = await lastLines(server, id);
    const isKilled = isCutOff(exitCode);
    if (exitCode !== 0) await keepEvidence(context, { ...step, id });
    if (!isKilled) await context.record.noteHook(step, exitCode === 0 ? 'done' : 'failed');
    await removeWithFiles(server, id);
    if (exitCode === 0) {
      context.log.info(`${titleOf(step)} has ended well. ${log}`);
      return;
    }
    throw new UserError(`${step.server}: ${titleOf(step)} ended with exit code ${exitCode}. ${log}`, {
      hint: isKilled ? WHAT_NEXT : WHAT_STAYS[step.hook],
    });
  },
};

/** How it ended is for the next plan to see. */
export const awaitHook: StepKind<AwaitHookStep> = {
  describe: ({ hook, service, release, server }) =>
    `wait until ${hook} of ${service} release ${release} on ${server} has ended`,
  async run(step, context) {
    await awaitEnd(context, step);
  },
};

/** What a hook that failed has left behind. */
const WHAT_STAYS: Record<HookStep['hook'], string> = {
  pre_deploy: 'Nothing was deployed. The next deploy runs it again.',
  post_deploy:
    'The new version serves, and stays. The next deploy runs it again only with "idempotent: true".',
};
const WHAT_NEXT =
  'Nobody knows how far it came: the next run asks, by the input "unfinished-hook", unless the hook is "idempotent: true".';

async function ensureStarted(context: RunContext, server: Server, step: HookStep): Promise<string> {
  const { engine } = server;
  const found = await engine.findContainer(step.name);
  if (found !== undefined && found.Config?.Labels?.[LABEL.role] !== 'hook') {
    throw new UserError(`${step.server}: ${step.name} is a container that Switchyard did not create`, {
      hint: 'Rename or remove it.',
    });
  }
  if (found !== undefined && found.State?.Status !== 'created') return found.Id!;
  const id = found?.Id ?? (await create(context, step));
  context.moment('created');
  await context.record.noteHook(step, 'begun');
  context.moment('begun');
  await context.guard.confirm();
  try {
    await engine.startContainer(id);
  } catch (error) {
    // Without an answer nobody knows whether it runs: the record stays at `begun`, and the next run looks.
    if (!(error instanceof EngineError)) throw error;
    await context.record.noteHook(step, 'failed');
    await removeWithFiles(server, id);
    throw startFailure(step, error);
  }
  return id;
}

async function create(context: RunContext, step: HookStep): Promise<string> {
  const { service, server, name, blueprint } = step;
  try {
    const settings = hookSettings(blueprint, step);
    const { platform } = blueprint.container.options ?? {};
    return await createContainer(context, { service, server, name, settings, platform });
  } catch (error) {
    throw startFailure(step, error);
  }
}

function startFailure(step: HookStep, error: unknown): UserError {
  return new UserError(`${step.server}: ${titleOf(step)} cannot start: ${messageOf(error)}`, {
    hint: WHAT_STAYS[step.hook],
    cause: error,
  });
}

/** A hook that runs. */
type Running = Pick<
  HookStep,
  'hook' | 'service' | 'release' | 'server' | 'name' | 'timeoutMs' | 'graceMs'
> & {
  id: string;
};

/** Returns with which exit code a hook has ended; one that takes too long is stopped, and so is that of a cancelled run. */
async function awaitEnd(context: RunContext, running: Running): Promise<{ exitCode: number }> {
  const { clock, guard } = context;
  const server = context.fleet.server(running.server);
  const { id, timeoutMs } = running;
  const begun = clock.now();
  let toldAt = begun;
  const look = async () => {
    const { State } = await server.engine.inspectContainer(id);
    if (!State?.Running) return { exitCode: State?.ExitCode ?? 0 };
    if (clock.now() - toldAt >= FEEDBACK_EVERY_MS) {
      toldAt = clock.now();
      await tellProgress(context, server, running, toldAt - begun);
    }
    return undefined;
  };
  const everyMs = (looks: number) => Math.min(FIRST_POLL_MS * 2 ** (looks - 1), LONGEST_POLL_MS);
  const ended = await poll(clock, { everyMs, timeoutMs }, look).catch(async (error) => {
    if (guard.signal.aborted) await stop(context, server, running, CANCEL_GRACE_S);
    throw error;
  });
  if (ended !== undefined) return ended;
  const [log] = await Promise.all([lastLines(server, id), keepEvidence(context, running)]);
  await stop(context, server, running, Math.ceil(running.graceMs / 1000));
  throw new UserError(
    `${running.server}: ${titleOf(running)} was not over within ${timeoutMs / 1000} s, and was stopped. ${log}`,
    { hint: `Give it more time: "timeout" of ${running.hook}. ${WHAT_NEXT}` },
  );
}

/** What ended because it was asked to may have ended well, and nobody knows what it has left out: it is removed, so that only `begun` stays. */
async function stop(
  { log }: RunContext,
  server: Server,
  running: Running,
  graceSeconds: number,
): Promise<void> {
  await server.engine.stopContainer(running.id, graceSeconds);
  await removeWithFiles(server, running.id);
  log.warning(`${titleOf(running)} on ${running.server} was stopped in the middle. ${WHAT_NEXT}`);
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
    `${titleOf(running)} on ${running.server} runs: ${Math.round(elapsedMs / 1000)} s of ${running.timeoutMs / 1000} s${last && `: ${last}`}`,
  );
}

function titleOf({ hook: name, service, release }: Pick<HookStep, 'hook' | 'service' | 'release'>): string {
  return `${name} of ${service} release ${release}`;
}
