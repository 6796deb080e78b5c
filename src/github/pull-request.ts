import { readFileSync } from 'node:fs';
import * as z from 'zod';

/** The pull request that a run is for. */
export interface PullRequest {
  number: number;
  /** It comes from another repository: then the run's token may only read. */
  isFromFork: boolean;
}

const repository = z.object({ full_name: z.string() });
const event = z.object({
  pull_request: z.object({
    number: z.int().positive(),
    head: z.object({ repo: repository.nullish() }),
    base: z.object({ repo: repository }),
  }),
});

/** pullRequestOf reads, from the variables and the event file of the runner, which pull request a run is for; undefined is none. */
export function pullRequestOf(env: NodeJS.ProcessEnv): PullRequest | undefined {
  const path = env.GITHUB_EVENT_PATH?.trim();
  if (!path || !env.GITHUB_EVENT_NAME?.startsWith('pull_request')) return undefined;
  try {
    return parseEvent(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function parseEvent(text: string): PullRequest | undefined {
  const parsed = event.safeParse(JSON.parse(text));
  if (!parsed.success) return undefined;
  const { number, head, base } = parsed.data.pull_request;
  // A fork that was deleted has no repository any more.
  return { number, isFromFork: head.repo?.full_name !== base.repo.full_name };
}
