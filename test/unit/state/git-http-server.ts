import { execFileSync, spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** A git server over HTTP: git's own http-backend behind node:http, which writes down the headers it got. */
export class GitHttpServer {
  readonly requests: { url: string; authorization: string[] }[] = [];
  /** Status to answer pushes with instead of taking them. */
  refusePushes: number | undefined;
  /** What it has sent in its answers, in bytes. */
  sentBytes = 0;
  /** Told of each request, before it is answered. */
  onRequest: () => void = () => undefined;
  /** Where it leads all who ask, in place of answering. */
  movedTo: string | undefined;
  /** It speaks as servers did before protocol 2: only tips of branches and tags are given. */
  isOld = false;
  readonly #root: string;
  readonly #authorization: string | undefined;
  readonly #isSecure: boolean;
  readonly #server: Server;

  /** Serves the repositories under `root` to requests with exactly the header `authorization`, or to all without one. */
  constructor(root: string, authorization?: string, tls?: { cert: string; key: string }) {
    this.#root = root;
    this.#authorization = authorization;
    this.#isSecure = tls !== undefined;
    const answer = (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response);
    this.#server = tls === undefined ? createServer(answer) : createSecureServer(tls, answer);
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const { port } = this.#server.address() as AddressInfo;
    return this.#isSecure ? `https://localhost:${port}` : `http://127.0.0.1:${port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const authorization = request.headersDistinct.authorization ?? [];
    this.requests.push({ url: request.url ?? '', authorization });
    this.onRequest();
    if (this.movedTo !== undefined) {
      response.writeHead(301, { Location: `${this.movedTo}${request.url}` }).end();
      return;
    }
    if (authorization.length > 1 || authorization[0] !== this.#authorization) {
      response
        .writeHead(authorization.length > 1 ? 400 : 401, { 'WWW-Authenticate': 'Basic realm="git"' })
        .end();
      return;
    }
    if (this.refusePushes !== undefined && request.url?.includes('receive-pack')) {
      response.writeHead(this.refusePushes).end('refused');
      return;
    }
    const url = new URL(request.url ?? '/', 'http://localhost');
    const backend = join(
      execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(),
      'git-http-backend',
    );
    const child = spawn(backend, {
      env: {
        PATH: process.env.PATH,
        GIT_PROJECT_ROOT: this.#root,
        GIT_HTTP_EXPORT_ALL: '1',
        REMOTE_USER: 'x-access-token',
        REMOTE_ADDR: '127.0.0.1',
        REQUEST_METHOD: request.method,
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        GIT_PROTOCOL: this.isOld ? '' : String(request.headers['git-protocol'] ?? ''),
        ...(request.headers['content-length'] && { CONTENT_LENGTH: request.headers['content-length'] }),
      },
    });
    request.pipe(child.stdin);
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stdin.on('error', () => undefined);
    child.on('close', () => {
      const output = Buffer.concat(chunks);
      const end = output.indexOf('\r\n\r\n');
      const headers = output
        .toString('latin1', 0, end)
        .split('\r\n')
        .map((line) => line.split(': ') as [string, string]);
      const status = Number.parseInt(headers.find(([name]) => name === 'Status')?.[1] ?? '200', 10);
      response.writeHead(status, Object.fromEntries(headers.filter(([name]) => name !== 'Status')));
      this.sentBytes += output.length;
      response.end(output.subarray(end + 4));
    });
  }
}
