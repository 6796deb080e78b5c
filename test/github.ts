import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** A comment as GitHub's REST API has it. */
interface Comment {
  id: number;
  body: string;
}

/** What GitHub is for a pull request: the routes that list, write and change its comments. */
export interface GitHub {
  apiUrl: string;
  /** The comments of pull request 7 of acme/shop, in their order. */
  comments: Comment[];
  /** Each request: `GET /repos/…`. */
  requests: string[];
  /** The `Authorization` headers that were sent. */
  authorizations: Set<string | undefined>;
  /** Answers that every write gets instead: for a token that may only read. */
  refusal: { status: number; message: string } | undefined;
  close(): Promise<void>;
}

/** Comments on one page of a list. */
const PAGE = 100;

/** startGitHub starts a server on this machine that speaks the few routes of GitHub's REST API that comments need. */
export async function startGitHub(): Promise<GitHub> {
  const comments: Comment[] = [];
  const server = createServer(async (request, response) => {
    const { method = '', url = '' } = request;
    github.requests.push(`${method} ${url}`);
    github.authorizations.add(request.headers.authorization);
    const [status, body, headers = {}] = await answer(request, new URL(url, github.apiUrl));
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const github: GitHub = {
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    comments,
    requests: [],
    authorizations: new Set(),
    refusal: undefined,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return github;

  async function answer(
    request: IncomingMessage,
    { pathname, searchParams }: URL,
  ): Promise<[number, unknown, Record<string, string>?]> {
    const isList = pathname === '/repos/acme/shop/issues/7/comments';
    if (request.method === 'GET' && isList) {
      const page = Number(searchParams.get('page') ?? 1);
      const next = `${github.apiUrl}${pathname}?per_page=${PAGE}&page=${page + 1}`;
      const isLast = comments.length <= page * PAGE;
      const shown = comments.slice((page - 1) * PAGE, page * PAGE);
      return [200, shown, isLast ? {} : { link: `<${next}>; rel="next"` }];
    }
    if (github.refusal !== undefined) return [github.refusal.status, { message: github.refusal.message }];
    const { body } = (await json(request)) as { body: string };
    if (body.length > 65_536) return [422, { message: 'Body is too long (maximum is 65536 characters)' }];
    if (request.method === 'POST' && isList) {
      const comment = { id: 1_000 + comments.length, body };
      comments.push(comment);
      return [201, comment];
    }
    const id = /^\/repos\/acme\/shop\/issues\/comments\/(\d+)$/.exec(pathname)?.[1];
    const found = comments.find((comment) => String(comment.id) === id);
    if (request.method !== 'PATCH' || found === undefined) return [404, { message: 'Not Found' }];
    found.body = body;
    return [200, found];
  }
}
