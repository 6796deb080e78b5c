import type { RunContext } from '../github/context.ts';
import { runIsAlive } from '../github/runs.ts';
import type { IsAlive } from './lease-wait.ts';

/**
 * askGitHub returns the question whether the run that holds a lease still goes on, asked with `token`
 * (permission `actions: read`). A lease from a laptop or another server is answered with undefined.
 */
export function askGitHub(token: string | undefined, run: Pick<RunContext, 'serverUrl' | 'apiUrl'>): IsAlive {
  return async (lease) => {
    if (!token || lease.run_id === undefined || lease.repository === undefined) return undefined;
    if (!lease.run.startsWith(`${run.serverUrl}/`)) return undefined;
    return runIsAlive({
      token,
      apiUrl: run.apiUrl,
      repository: lease.repository,
      runId: lease.run_id,
      ...(lease.run_attempt !== undefined && { runAttempt: lease.run_attempt }),
    });
  };
}
