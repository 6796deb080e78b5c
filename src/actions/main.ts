import * as core from '@actions/core';
import { reasonOf, UserError } from '../model/errors.ts';
import { ACTIONS, type ActionName } from './catalogue.ts';
import { runDeploy } from './deploy.ts';
import { fail } from './fail.ts';
import { type Inputs, readInputs } from './inputs.ts';
import { isSummaryWritten, writeSummary } from './job-summary.ts';
import { RunnerLog } from './log.ts';
import { runPlan } from './plan.ts';
import { runPost } from './post.ts';
import { runRollback } from './rollback.ts';
import { runStatus } from './status.ts';
import { renderFailure } from './summary.ts';

const RUNS: Record<ActionName, (inputs: Inputs, log: RunnerLog, signal: AbortSignal) => Promise<void>> = {
  deploy: (inputs, log, signal) => runDeploy(inputs, 'services', 'file', log, signal),
  'toggle-deploy': (inputs, log, signal) => runDeploy(inputs, 'services', 'environment', log, signal),
  rollback: (inputs, log, signal) => runRollback(inputs, log, signal),
  'update-nginx': (inputs, log, signal) => runDeploy(inputs, 'routes', 'environment', log, signal),
  plan: (inputs, log) => runPlan(inputs, log),
  status: (inputs, log) => runStatus(inputs, log),
};

/** GitHub sends SIGINT, 7.5 s later SIGTERM, and KILL soon after: what takes longer would end in the middle of a word. */
const LONGEST_END_MS = 6_000;

/** run is where every bundle entry begins: it reads the inputs, runs the action and reports how it ended. */
export async function run(name: ActionName): Promise<void> {
  const log = new RunnerLog();
  const cancel = cancelOnSignals(log, (error) => end(name, error, log));
  try {
    const inputs = readInputs(ACTIONS[name].inputs, (input) => core.getInput(input));
    await RUNS[name](inputs, log, cancel);
  } catch (error) {
    await end(name, reasonOf(error), log);
  }
  // Connections to servers that have gone away would keep the process for minutes.
  process.exit();
}

/** post is the entry of the step that follows an action at the end of the job, also when that was killed. */
export async function post(): Promise<void> {
  await runPost(new RunnerLog());
  process.exit();
}

/** Says why a run failed, in the log and, unless it has done so in more detail, in the summary. */
async function end(name: ActionName, error: unknown, log: RunnerLog): Promise<never> {
  fail(error, log);
  if (!isSummaryWritten()) await writeSummary(renderFailure(name, error), log);
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
