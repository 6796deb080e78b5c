import { hostname, userInfo } from 'node:os';

/** What is known of the run we are part of, in GitHub Actions or on a laptop. */
export interface GitHubRun {
  /** Who started it: the GitHub actor, or `user@host`. */
  actor: string;
  /** A link to the run, or `local`. */
  run: string;
  runId?: number;
  /** Counts from 1; a re-run keeps the id and raises this. */
  runAttempt?: number;
  /** `owner/name`. */
  repository?: string;
  /** The commit that triggered the run. */
  sha?: string;
  serverUrl: string;
  apiUrl: string;
}

/** localActor returns `user@host` of this machine, for runs outside GitHub Actions. */
export function localActor(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // userInfo throws in a container whose user id has no name.
    return `${process.getuid?.() ?? 'user'}@${hostname()}`;
  }
}

/**
 * githubRun reads the run from `env`, the variables the runner sets. Blank variables count as absent.
 * Outside GitHub Actions the actor is `local` (default `user@host`) and the run is `local`.
 */
export function githubRun(env: NodeJS.ProcessEnv, local: () => string = localActor): GitHubRun {
  const value = (name: string): string | undefined => env[name]?.trim() || undefined;
  const serverUrl = (value('GITHUB_SERVER_URL') ?? 'https://github.com').replace(/\/+$/, '');
  const apiUrl = (value('GITHUB_API_URL') ?? 'https://api.github.com').replace(/\/+$/, '');
  const repository = value('GITHUB_REPOSITORY');
  const runId = positive(value('GITHUB_RUN_ID'));
  const runAttempt = positive(value('GITHUB_RUN_ATTEMPT'));
  const sha = value('GITHUB_SHA');
  const actor = value('GITHUB_TRIGGERING_ACTOR') ?? value('GITHUB_ACTOR') ?? local();
  const common = { actor, serverUrl, apiUrl, ...(repository && { repository }), ...(sha && { sha }) };
  if (runId === undefined || repository === undefined) return { ...common, run: 'local' };
  const attempt = runAttempt !== undefined && runAttempt > 1 ? `/attempts/${runAttempt}` : '';
  return {
    ...common,
    run: `${serverUrl}/${repository}/actions/runs/${runId}${attempt}`,
    runId,
    ...(runAttempt !== undefined && { runAttempt }),
  };
}

function positive(text: string | undefined): number | undefined {
  const number = Number(text);
  return Number.isSafeInteger(number) && number > 0 ? number : undefined;
}
