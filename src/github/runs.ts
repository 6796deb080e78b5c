/** A run, and how to ask for it. */
export interface RunQuery {
  token: string;
  /** `https://api.github.com`, or that of a GitHub Enterprise server. */
  apiUrl: string;
  /** `owner/name`. */
  repository: string;
  runId: number;
  /** A re-run keeps the id, so the first attempt can be over while the second runs. Default: the newest. */
  runAttempt?: number;
  signal?: AbortSignal;
}

/** An answer that takes longer than this is as good as none: the asker has an end of its own to wait for. */
const TIMEOUT_MS = 10_000;

/**
 * runIsAlive asks GitHub whether a workflow run still goes on: false when it is completed, true when it is
 * not, undefined when that cannot be known (no permission `actions: read`, another server, no network).
 * It never throws.
 */
export async function runIsAlive(query: RunQuery): Promise<boolean | undefined> {
  const [owner, repo] = query.repository.split('/');
  if (!query.token || !owner || !repo) return undefined;
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const signal = query.signal === undefined ? timeout : AbortSignal.any([timeout, query.signal]);
  try {
    // Loaded when it is needed, which is rare: it takes longer to load than all of our own code.
    const { getOctokit } = await import(/* webpackMode: "eager" */ '@actions/github');
    const { actions } = getOctokit(query.token, { baseUrl: query.apiUrl, request: { signal } }).rest;
    const run = { owner, repo, run_id: query.runId };
    const { data } =
      query.runAttempt === undefined
        ? await actions.getWorkflowRun(run)
        : await actions.getWorkflowRunAttempt({ ...run, attempt_number: query.runAttempt });
    return data.status == null ? undefined : data.status !== 'completed';
  } catch {
    return undefined;
  }
}
