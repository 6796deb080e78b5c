import * as core from '@actions/core';
import { readInputs } from '../commands/inputs.ts';
import { giveBack, type LeftLease } from '../commands/left-lease.ts';
import { systemClock } from '../model/clock.ts';
import { messageOf } from '../model/errors.ts';
import type { Scope } from '../model/names.ts';
import type { RunnerLog } from './log.ts';

const STATE = 'lease';

/** rememberLease tells the post step which lease this run holds; undefined is none. */
export function rememberLease(scope: Scope, id: string | undefined): void {
  // Outside a runner there is no post step that could ask for it.
  if (!process.env.GITHUB_STATE) return;
  core.saveState(STATE, id === undefined ? '' : ({ id, scope } satisfies LeftLease));
}

/**
 * giveLeftLeaseBack runs after every run that takes the lease, also when that was killed, and gives the lease back. It
 * never fails: the lease ends by itself as well.
 */
export async function giveLeftLeaseBack(log: RunnerLog): Promise<void> {
  const left = core.getState(STATE);
  if (left === '') return;
  const lease = JSON.parse(left) as LeftLease;
  const { project, environment } = lease.scope;
  try {
    const inputs = readInputs(['state-branch', 'github-token', 'working-directory'], (input) =>
      core.getInput(input),
    );
    const wasHeld = await giveBack(lease, inputs, {
      workspace: process.env.GITHUB_WORKSPACE ?? process.cwd(),
      env: process.env,
      log,
      clock: systemClock,
    });
    if (wasHeld) log.info(`the run was killed: its lease of ${project} ${environment} is given back`);
  } catch (error) {
    log.warning(`the lease of the killed run is not given back, it ends by itself: ${messageOf(error)}`);
  }
}
