import type { Inputs } from '../commands/inputs.ts';
import { type PullRequest, pullRequestOf } from '../github/pull-request.ts';
import { githubRun } from '../github/run.ts';
import { CommentForbidden, putComment } from '../github/sticky-comment.ts';
import { messageOf } from '../model/errors.ts';
import { markerOf, withSignature } from '../report/plan-comment.ts';
import type { RunnerLog } from './log.ts';

/**
 * writeComment shows Markdown in the pull request that the run is for: in one comment for each configuration and
 * environment, which every later run writes over. It never fails: where it cannot comment it says why.
 */
export async function writeComment(
  inputs: Pick<Inputs, 'config' | 'environment' | 'github-token'>,
  markdown: string,
  log: RunnerLog,
): Promise<void> {
  const run = githubRun(process.env);
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
      body: log.clean(withSignature(markdown, run)),
      elsewhere: run.run,
    });
    log.info(`the comment in pull request ${pullRequest.number} is ${outcome}`);
  } catch (error) {
    log.warning(`no comment in pull request ${pullRequest.number}: ${reasonFor(error, pullRequest)}`);
  }
}

function reasonFor(error: unknown, { isFromFork }: PullRequest): string {
  if (!(error instanceof CommentForbidden)) return messageOf(error);
  return isFromFork
    ? `it comes from a fork, whose runs may only read (${error.message})`
    : `the token may not write there, give the job "pull-requests: write" (${error.message})`;
}
