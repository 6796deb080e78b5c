import { type RunContext, runContext } from '../github/context.ts';
import { type PullRequest, pullRequestOf } from '../github/pull-request.ts';
import { CommentForbidden, putComment } from '../github/sticky-comment.ts';
import { messageOf } from '../model/errors.ts';
import type { Inputs } from './inputs.ts';
import type { RunnerLog } from './log.ts';

/**
 * commentPlan shows a plan in the pull request that the run is for: in one comment for each configuration and
 * environment, which every later run writes over. It never fails: where it cannot comment it says why.
 */
export async function commentPlan(
  inputs: Pick<Inputs, 'config' | 'environment' | 'github-token'>,
  markdown: string,
  log: RunnerLog,
): Promise<void> {
  const run = runContext(process.env);
  const pullRequest = pullRequestOf(process.env);
  const token = inputs['github-token'];
  if (pullRequest === undefined) return log.info('no comment: this run is for no pull request');
  if (token === undefined || run.repository === undefined) {
    return log.info('no comment: there is no github-token to write it with');
  }
  try {
    const outcome = await putComment({
      token,
      apiUrl: run.apiUrl,
      repository: run.repository,
      pullRequest: pullRequest.number,
      marker: markerOf(inputs),
      body: log.clean(`${markdown}\n${signature(run)}\n`),
      elsewhere: run.run,
    });
    log.info(`the comment in pull request ${pullRequest.number} is ${outcome}`);
  } catch (error) {
    log.warning(`no comment in pull request ${pullRequest.number}: ${reasonFor(error, pullRequest)}`);
  }
}

/**
 * markerOf returns the HTML comment by which the comment of a configuration and environment is found again. The
 * project's name is not in it: a file that cannot be read has none, and its error belongs into the same comment.
 */
export function markerOf({ config, environment }: Pick<Inputs, 'config' | 'environment'>): string {
  // Two hyphens would end the HTML comment.
  const [file, name] = [config, environment].map((text) => text.replaceAll(/[^\w./]+/g, '-'));
  return `<!-- switchyard plan ${file} ${name} -->`;
}

function signature({ run, sha }: RunContext): string {
  return `<sub>${sha === undefined ? '' : `Commit ${sha.slice(0, 10)}, `}[run](${run})</sub>`;
}

function reasonFor(error: unknown, { isFromFork }: PullRequest): string {
  if (!(error instanceof CommentForbidden)) return messageOf(error);
  return isFromFork
    ? `it comes from a fork, whose runs may only read (${error.message})`
    : `the token may not write there, give the job "pull-requests: write" (${error.message})`;
}
