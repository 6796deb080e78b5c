import type { Duplex } from 'node:stream';
import { Agent, type Dispatcher } from 'undici';
import { isTunnelBroken, UserError } from '../model/errors.ts';

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
  /** Sent as JSON, or as a tar archive when it is a Buffer. */
  body?: object | Buffer;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/**
 * EngineHttp sends requests to a Docker Engine over connections that `dial` opens, and keeps them alive.
 * Paths carry no API version: each engine answers with its own newest, and what we use is in all of them
 * (20.10 to 29; a fixed version would be too old for 29).
 */
export class EngineHttp {
  readonly #agent: Agent;
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

  /** Tells a request that was cut off on its way from one that was answered, forbidden or called off. */
  async #whole<T>({ signal }: EngineRequest, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      const isTold = error instanceof EngineError || error instanceof UserError || signal?.aborted;
      throw isTold ? error : this.explain(error);
    }
  }

  async #sendOnce(request: EngineRequest): Promise<Dispatcher.ResponseData> {
    if (request.method !== 'GET') this.guard();
    this.requests += 1;
    const response = await this.#agent.request({
      origin: 'http://docker',
      path: `/${request.path.map(encodeURIComponent).join('/')}${queryString(request.query)}`,
      method: request.method,
      headers: { host: 'docker', ...contentType(request.body), ...request.headers },
      body:
        request.body === undefined || Buffer.isBuffer(request.body)
          ? request.body
          : JSON.stringify(request.body),
      signal: request.signal,
    });
    if (response.statusCode >= 400) {
      throw new EngineError(response.statusCode, engineMessage(await response.body.text()));
    }
    return response;
  }

  /** destroy ends all connections at once; `close` would wait for idle tunnels for ever. */
  async destroy(): Promise<void> {
    await this.#agent.destroy();
  }
}

function contentType(body: object | Buffer | undefined): Record<string, string> {
  if (body === undefined) return {};
  return { 'content-type': Buffer.isBuffer(body) ? 'application/x-tar' : 'application/json' };
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
