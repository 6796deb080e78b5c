import * as core from '@actions/core';
import { runContext } from '../github/context.ts';
import { messageOf } from '../model/errors.ts';
import type { Scope } from '../model/names.ts';
import { openStore } from '../state/store.ts';
import type { RunnerLog } from './log.ts';

const STATE = 'lease';

/** What a run leaves for its post step, in case it is killed. */
interface LeftLease {
  id: string;
  scope: Scope;
}

/** rememberLease tells the post step which lease this run holds; undefined is none. */
export function rememberLease(scope: Scope, id: string | undefined): void {
  // Outside a runner there is no post step that could ask for it.
  if (!process.env.GITHUB_STATE) return;
  core.saveState(STATE, id === undefined ? '' : { id, scope });
}

/**
 * runPost runs after every run that takes the lease, also when that was killed, and gives the lease back. It never
 * fails: the lease ends by itself as well.
 */
export async function runPost(log: RunnerLog): Promise<void> {
  const left = core.getState(STATE);
  if (left === '') return;
  const { id, scope } = JSON.parse(left) as LeftLease;
  const token = core.getInput('github-token');
  const branch = core.getInput('state-branch');
  if (token !== '') log.hide(token);
  try {
    const store = await openStore({
      workspace: process.env.GITHUB_WORKSPACE ?? process.cwd(),
      scope,
      ...(branch !== '' && { branch }),
      ...(token !== '' && { token }),
      run: runContext(process.env),
      log,
      now: () => new Date(),
    });
    try {
      const wasHeld = await store.releaseLeft(id);
      if (wasHeld)
        log.info(`the run was killed: its lease of ${scope.project} ${scope.environment} is given back`);
    } finally {
      await store.close();
    }
  } catch (error) {
    log.warning(`the lease of the killed run is not given back, it ends by itself: ${messageOf(error)}`);
  }
}
