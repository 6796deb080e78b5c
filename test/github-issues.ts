import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** An issue as GitHub's REST API has it, with what was written below it. */
export interface Issue {
  number: number;
  title: string;
  body: string;
  state: 'open' | 'closed';
  labels: { name: string }[];
  /** There where it is a pull request. */
  pull_request?: object;
  remarks: string[];
}

/** The issues of acme/shop, as GitHub keeps them. */
export interface GitHubIssues {
  apiUrl: string;
  issues: Issue[];
  close(): Promise<void>;
}

const ISSUES = '/repos/acme/shop/issues';

/** startGitHubIssues starts a server on this machine that lists, opens, changes and comments on issues as GitHub's REST API does. */
export async function startGitHubIssues(): Promise<GitHubIssues> {
  const issues: Issue[] = [];
  const server = createServer(async (request, response) => {
    const [status, body] = await answer(issues, request);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    issues,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(issues: Issue[], request: IncomingMessage): Promise<[number, unknown]> {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://127.0.0.1');
  if (request.method === 'GET' && pathname === ISSUES) return [200, found(issues, searchParams)];
  const said = (await json(request)) as { labels?: string[]; title: string; body: string };
  if (request.method === 'POST' && pathname === ISSUES) {
    const { labels = [], ...texts } = said;
    const number = issues.length + 1;
    const issue = { number, state: 'open' as const, remarks: [], ...texts };
    issues.push({ ...issue, labels: labels.map((name) => ({ name })) });
    return [201, issues.at(-1)];
  }
  const [, number, below] = /^\/repos\/acme\/shop\/issues\/(\d+)(\/comments)?$/.exec(pathname) ?? [];
  const issue = issues.find((one) => String(one.number) === number);
  if (issue === undefined) return [404, { message: 'Not Found' }];
  if (request.method === 'POST' && below !== undefined) {
    issue.remarks.push(said.body);
    return [201, {}];
  }
  if (request.method !== 'PATCH' || below !== undefined) return [404, { message: 'Not Found' }];
  return [200, Object.assign(issue, said)];
}

/** The newest first, as GitHub lists them; those of all labels that are asked for. */
function found(issues: readonly Issue[], asked: URLSearchParams): Issue[] {
  const labels = asked.get('labels')?.split(',') ?? [];
  const state = asked.get('state') ?? 'open';
  const fits = (issue: Issue) =>
    (state === 'all' || issue.state === state) &&
    labels.every((label) => issue.labels.some(({ name }) => name === label));
  return issues.filter(fits).reverse();
}
