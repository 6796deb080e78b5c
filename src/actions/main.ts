import * as core from '@actions/core';
import { reasonOf, UserError } from '../model/errors.ts';
import { ACTIONS, type ActionName } from './catalogue.ts';
import { runDeploy } from './deploy.ts';
import { fail } from './fail.ts';
import { type Inputs, readInputs } from './inputs.ts';
import { RunnerLog } from './log.ts';
import { runStatus } from './status.ts';

const RUNS: Record<ActionName, (inputs: Inputs, log: RunnerLog, signal: AbortSignal) => Promise<void>> = {
  deploy: (inputs, log, signal) => runDeploy(inputs, 'services', 'file', log, signal),
  'toggle-deploy': (inputs, log, signal) => runDeploy(inputs, 'services', 'environment', log, signal),
  'update-nginx': (inputs, log, signal) => runDeploy(inputs, 'routes', 'environment', log, signal),
  status: (inputs, log) => runStatus(inputs, log),
};

/** run is where every bundle entry begins: it reads the inputs, runs the action and reports how it ended. */
export async function run(name: ActionName): Promise<void> {
  const log = new RunnerLog();
  const cancel = cancelOnSignals(log);
  try {
    const inputs = readInputs(ACTIONS[name].inputs, (input) => core.getInput(input));
    await RUNS[name](inputs, log, cancel);
  } catch (error) {
    fail(reasonOf(error), log);
  }
  // Connections to servers that have gone away would keep the process for minutes.
  process.exit();
}

/** GitHub sends SIGINT, 7.5 s later SIGTERM and then KILL: enough to undo and to give the lease back. */
function cancelOnSignals(log: RunnerLog): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      log.warning(`${signal}: the run is cancelled, what it began is undone`);
      controller.abort(
        new UserError(`the run was cancelled (${signal})`, {
          hint: 'What had the traffic before has it still, or again; the next run finishes what is left.',
        }),
      );
    });
  }
  return controller.signal;
}
