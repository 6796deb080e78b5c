import { join } from 'node:path';
import { githubRun } from '../github/run.ts';
import type { Scope } from '../model/names.ts';
import { openStore } from '../state/store.ts';
import type { Inputs } from './inputs.ts';
import type { Surroundings } from './surroundings.ts';

/** A lease that a run held when it was killed. */
export interface LeftLease {
  id: string;
  scope: Scope;
}

/** giveBack gives the lease of a killed run back; it tells whether that was held still. It throws when the record cannot be reached. */
export async function giveBack(
  { id, scope }: LeftLease,
  inputs: Pick<Inputs, 'state-branch' | 'github-token' | 'working-directory'>,
  { workspace, env, log, clock }: Pick<Surroundings, 'workspace' | 'env' | 'log' | 'clock'>,
): Promise<boolean> {
  const token = inputs['github-token'];
  if (token !== undefined) log.hide(token);
  const store = await openStore({
    workspace: join(workspace, inputs['working-directory'] ?? ''),
    env,
    branch: inputs['state-branch'],
    scope,
    ...(token !== undefined && { token }),
    run: githubRun(env),
    log,
    clock,
  });
  try {
    return await store.releaseLeft(id);
  } finally {
    await store.close();
  }
}
