import { type Duplex, PassThrough, Readable } from 'node:stream';
import { Agent, type Dispatcher } from 'undici';
import { isTunnelBroken, UserError } from '../model/errors.ts';
import { hijackHandlers } from './hijack.ts';

/** Opens a stream to a Docker socket. */
export type Dial = () => Promise<Duplex>;

/** What the engine answered when it did not do what was asked. */
export class EngineError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'EngineError';
    this.status = status;
  }
}

/** isStatus tells whether `error` is the engine's answer with this HTTP status. */
export function isStatus(error: unknown, ...statuses: number[]): boolean {
  return error instanceof EngineError && statuses.includes(error.status);
}

type Query = Record<string, string | number | boolean | undefined | object>;

/** One request to the Engine API. */
export interface EngineRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path parts, each of which is escaped. */
  path: readonly string[];
  /** Objects are sent as JSON, as the API wants it for filters. */
  query?: Query;
  /** Sent as JSON, or as a tar archive when it is bytes or a stream of such. */
  body?: object | Buffer | Readable;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/**
 * EngineHttp sends requests to a Docker Engine over connections that `dial` opens, and keeps them alive.
 * Paths carry no API version: each engine answers with its own newest, and what we use is in all of them
 * (20.10 to 29; a fixed version would be too old for 29).
 */
export class EngineHttp {
  readonly #agent: Agent;
  readonly #hijacked = new Set<Duplex>();
  /** Number of requests sent so far: a deploy's round trips are counted. */
  requests = 0;
  /** Asked before every request that may change something; what it throws is thrown instead of sending that. */
  guard: () => void = () => undefined;
  /** Turns what cut a request off into an error for people; who connects knows the server's name. */
  explain: (error: unknown) => unknown = (error) => error;

  /** `connections` bounds how many streams are open at once. */
  constructor(dial: Dial, connections: number) {
    this.#agent = new Agent({
      connections,
      pipelining: 1,
      // undici's timers fire after the tunnel was closed, and pulls may be silent for long: signals end requests.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 60_000,
      connect: (_options, done) => {
        dial().then(
          (stream) => done(null, stream as never),
          (error: Error) => done(error, null),
        );
      },
    });
  }

  /** json sends a request and returns the parsed answer, or undefined for an empty one. */
  async json<T>(request: EngineRequest): Promise<T> {
    const { body } = await this.send(request);
    const text = await this.#whole(request, body.text());
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** bytes sends a request and returns the answer's body. */
  async bytes(request: EngineRequest): Promise<Buffer> {
    const { body } = await this.send(request);
    return Buffer.from(await this.#whole(request, body.arrayBuffer()));
  }

  /**
   * send sends a request and returns the open answer; it throws an EngineError for a status from 400. That a connection
   * was dropped while idle may show only when it is used: a request that only reads is sent once more then.
   */
  async send(request: EngineRequest): Promise<Dispatcher.ResponseData> {
    const sending = this.#sendOnce(request).catch((error) => {
      if (request.method !== 'GET' || !isTunnelBroken(error)) throw error;
      return this.#sendOnce(request);
    });
    return await this.#whole(request, sending);
  }

  /** stream sends a request and returns the answer's body as it comes; it fails when the answer is cut off. */
  async stream(request: EngineRequest): Promise<Readable> {
    const { body } = await this.send(request);
    const told = new PassThrough();
    body.once('error', (error) => told.destroy(this.#told(request, error) as Error));
    told.once('close', () => body.destroy());
    return body.pipe(told);
  }

  /**
   * hijack sends a request that the engine answers with the connection itself, both ways: what a command reads and
   * prints. Whoever asked ends it.
   */
  async hijack(request: EngineRequest): Promise<Duplex> {
    const opening = new Promise<Duplex>((resolve, reject) => {
      const handlers = hijackHandlers(request.signal, {
        onStream: resolve,
        onAnswer: (status, body) => reject(new EngineError(status, engineMessage(body))),
        onError: reject,
      });
      this.#agent.dispatch({ ...this.#prepare(request), upgrade: 'tcp' }, handlers);
    });
    const stream = await this.#whole(request, opening);
    this.#hijacked.add(stream);
    stream.once('close', () => this.#hijacked.delete(stream));
    return stream;
  }

  async #whole<T>(request: EngineRequest, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw this.#told(request, error);
    }
  }

  /** Tells a request that was cut off on its way from one that was answered, forbidden or called off. */
  #told({ signal }: EngineRequest, error: unknown): unknown {
    const isTold = error instanceof EngineError || error instanceof UserError || signal?.aborted;
    return isTold ? error : this.explain(error);
  }

  async #sendOnce(request: EngineRequest): Promise<Dispatcher.ResponseData> {
    const response = await this.#agent.request({ ...this.#prepare(request), signal: request.signal });
    if (response.statusCode >= 400) {
      throw new EngineError(response.statusCode, engineMessage(await response.body.text()));
    }
    return response;
  }

  /** Asks the guard, counts, and returns the request in undici's words. */
  #prepare({
    method,
    path,
    query,
    headers,
    body,
  }: EngineRequest): Dispatcher.DispatchOptions & { origin: string } {
    if (method !== 'GET') this.guard();
    this.requests += 1;
    return {
      origin: 'http://docker',
      path: `/${path.map(encodeURIComponent).join('/')}${queryString(query)}`,
      method,
      headers: { host: 'docker', ...contentType(body), ...headers },
      body: body === undefined || isArchive(body) ? body : JSON.stringify(body),
    };
  }

  /** destroy ends all connections at once; `close` would wait for idle tunnels for ever. */
  async destroy(): Promise<void> {
    for (const stream of this.#hijacked) stream.destroy();
    await this.#agent.destroy();
  }
}

function contentType(body: EngineRequest['body']): Record<string, string> {
  if (body === undefined) return {};
  return { 'content-type': isArchive(body) ? 'application/x-tar' : 'application/json' };
}

function isArchive(body: object): body is Buffer | Readable {
  return Buffer.isBuffer(body) || body instanceof Readable;
}

function queryString(query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined) continue;
    parameters.append(key, typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
  return parameters.size === 0 ? '' : `?${parameters}`;
}

function engineMessage(body: string): string {
  try {
    return (JSON.parse(body) as { message: string }).message;
  } catch {
    return body.trim() || 'the engine gave no reason';
  }
}
