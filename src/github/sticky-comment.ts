/** GitHub refuses longer comments (65,536 characters); the rest is for what closes one that was cut. */
const LONGEST_COMMENT = 64_000;
/** A comment is no reason to keep a runner waiting. */
const TIMEOUT_MS = 20_000;

/** A comment that is written once and then kept up to date. */
export interface StickyComment {
  token: string;
  /** `https://api.github.com`, or that of a GitHub Enterprise server. */
  apiUrl: string;
  /** `owner/name`. */
  repository: string;
  /** Number of the pull request. */
  pullRequest: number;
  /** Tells this comment from others: an HTML comment, which nobody sees. */
  marker: string;
  /** Markdown. */
  body: string;
  /** Where the whole text stands, should this one be too long: a link. */
  elsewhere: string;
}

/** GitHub's answer to one who may not. */
export class CommentForbidden extends Error {}

/**
 * putComment writes a comment into a pull request, or over the one that it has written before. It throws a
 * CommentForbidden when the token may not write there, and whatever else keeps it from GitHub.
 */
export async function putComment(comment: StickyComment): Promise<'created' | 'updated'> {
  const { token, apiUrl, repository, pullRequest, marker } = comment;
  const [owner = '', repo = ''] = repository.split('/');
  const { getOctokit } = await import(/* webpackMode: "eager" */ '@actions/github');
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const octokit = getOctokit(token, { baseUrl: apiUrl, request: { signal } });
  const { issues } = octokit.rest;
  const place = { owner, repo };
  const body = fitComment(comment);
  try {
    const pages = octokit.paginate.iterator(issues.listComments, {
      ...place,
      issue_number: pullRequest,
      per_page: 100,
    });
    for await (const { data } of pages) {
      const found = data.find((one) => one.body?.startsWith(marker));
      if (found === undefined) continue;
      await issues.updateComment({ ...place, comment_id: found.id, body });
      return 'updated';
    }
    await issues.createComment({ ...place, issue_number: pullRequest, body });
    return 'created';
  } catch (error) {
    const { status, message } = error as { status?: number; message: string };
    // A token without the right to see it gets 404.
    if (status === 401 || status === 403 || status === 404) throw new CommentForbidden(message);
    throw error;
  }
}

/** fitComment returns the text of a comment, its marker first, cut at the end of a line where it is too long. Pure. */
export function fitComment({
  marker,
  body,
  elsewhere,
}: Pick<StickyComment, 'marker' | 'body' | 'elsewhere'>): string {
  const whole = `${marker}\n${body}`;
  if (whole.length <= LONGEST_COMMENT) return whole;
  const start = whole.slice(0, LONGEST_COMMENT - elsewhere.length);
  const kept = start.slice(0, start.lastIndexOf('\n'));
  // What is folded away would hide that something is missing.
  const open = kept.split('<details>').length - kept.split('</details>').length;
  return `${kept}\n${'\n</details>\n'.repeat(open)}\n… cut here: the whole text stands in ${elsewhere}\n`;
}
