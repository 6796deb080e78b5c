import * as core from '@actions/core';
import * as z from 'zod';
import { readInputs } from '../commands/inputs.ts';
import type { Outputs } from '../commands/outputs.ts';
import type { Surroundings } from '../commands/surroundings.ts';
import { systemClock } from '../model/clock.ts';
import { reasonOf, UserError } from '../model/errors.ts';
import { describePlan } from '../report/changes.ts';
import { renderFailure, textOf } from '../report/failure.ts';
import { render } from '../report/result.ts';
import { ACTIONS, type Action, type ActionName } from './catalogue.ts';
import { writeEvidence } from './evidence.ts';
import { fail } from './fail.ts';
import { summaryWritten, writeSummary } from './job-summary.ts';
import { RunnerLog } from './log.ts';
import { giveLeftLeaseBack, rememberLease } from './post.ts';
import { writeComment } from './pull-request-comment.ts';

/** GitHub sends SIGINT, 7.5 s later SIGTERM, and KILL soon after: what takes longer would end in the middle of a word. */
const LONGEST_END_MS = 6_000;

/** Of each schema zod would make code first: that pays where it is used often, and here it is used once or twice. */
z.config({ jitless: true });

/** run is where every bundle entry begins: it runs an action and reports how it ended. */
export async function run(name: ActionName): Promise<void> {
  const log = new RunnerLog();
  const signal = cancelOnSignals(log, (error) => end(name, error, log));
  try {
    await act(name, log, signal);
  } catch (error) {
    await end(name, reasonOf(error), log);
  }
  // Connections to servers that have gone away would keep the process for minutes.
  process.exit();
}

/** post is the entry of the step that follows an action at the end of the job, also when that was killed. */
export async function post(): Promise<void> {
  await giveLeftLeaseBack(new RunnerLog());
  process.exit();
}

/** Reads the inputs, runs the command and shows what it came to; it throws what made that fail. */
async function act(name: ActionName, log: RunnerLog, signal: AbortSignal): Promise<void> {
  const { command }: Action = ACTIONS[name];
  const inputs = readInputs(command.inputs, (input) => core.getInput(input));
  const show = async (outputs: Partial<Outputs>, markdown: string) => {
    for (const [output, value] of Object.entries(outputs)) core.setOutput(output, value);
    await writeSummary(markdown, log);
    if (inputs.comment) await writeComment(inputs, markdown, log);
  };
  const result = await command.run(inputs, surroundingsOf(log, signal)).catch(async (error: unknown) => {
    const reason = reasonOf(error);
    const outputs = command.outputsOf?.(log.clean(textOf(reason))) ?? {};
    await show(outputs, renderFailure(`${inputs.environment}: the ${name}`, reason));
    throw reason;
  });
  const { lines, warnings, markdown } = render(result);
  for (const line of lines) log.info(line);
  for (const line of warnings) log.warning(line);
  await show(result.outputs, markdown);
  if (result.failure !== undefined) throw result.failure;
  process.exitCode = result.exitCode ?? 0;
}

function surroundingsOf(log: RunnerLog, signal: AbortSignal): Surroundings {
  return {
    workspace: process.env.GITHUB_WORKSPACE ?? process.cwd(),
    env: process.env,
    log,
    clock: systemClock,
    signal,
    onPlan: (plan) => {
      for (const line of describePlan(plan)) log.info(line);
    },
    keepEvidence: (files) => writeEvidence(files, log),
    onLease: rememberLease,
  };
}

/** Says why a run failed, in the log and, unless it has done so in more detail, in the summary. */
async function end(name: ActionName, error: unknown, log: RunnerLog): Promise<never> {
  fail(error, log);
  // A run that is ended because it takes too long may be in the middle of writing it.
  await (summaryWritten() ?? writeSummary(renderFailure(name, error), log));
  process.exit(1);
}

/** A cancelled run undoes what it began, and gives the lease back. */
function cancelOnSignals(log: RunnerLog, giveUp: (error: UserError) => void): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) return;
      log.warning(`${signal}: the run is cancelled, what it began is undone`);
      const error = new UserError(`the run was cancelled (${signal})`, {
        hint: 'What had the traffic before has it still, or again; the next run finishes what is left.',
      });
      controller.abort(error);
      setTimeout(giveUp, LONGEST_END_MS, error);
    });
  }
  return controller.signal;
}
