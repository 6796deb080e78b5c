import { Agent } from 'undici';
import type { DialTcp } from './dial.ts';

/** An HTTP answer, read to its end. */
export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** What is asked over HTTP, and how. */
export interface HttpTarget {
  address: string;
  port: number;
  path: string;
  /** The address unless given. */
  host?: string;
  /** Further headers, their names in lower case. */
  headers?: Readonly<Record<string, string>>;
  /** What is asked in a message of gRPC, which knows no GET: it is sent by a POST, and changes nothing either. */
  message?: Buffer;
}

type Method = 'GET' | 'PUT' | 'DELETE';

/** HttpOver sends HTTP requests to addresses as a server sees them. */
export class HttpOver {
  readonly #agent: Agent;
  readonly #dial: DialTcp;
  #guard: () => void = () => undefined;

  constructor(dial: DialTcp) {
    this.#dial = dial;
    this.#agent = new Agent({
      connections: null,
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: ({ hostname, port }, done) => {
        // A URL leaves out the port that its scheme has anyway.
        dial(hostname, Number(port) || 80).then(
          (stream) => done(null, stream as never),
          (error: Error) => done(error, null),
        );
      },
    });
  }

  /** guardWith has `guard` asked before every request but a GET; what it throws is thrown instead of sending that. */
  guardWith(guard: () => void): void {
    this.#guard = guard;
  }

  /**
   * get sends a GET on a new connection, so that the newest workers of an nginx answer it, and gives up after
   * `timeoutMs`. It rejects when there is no whole answer.
   */
  async get(target: HttpTarget, timeoutMs: number): Promise<HttpAnswer> {
    return await this.#sendInTime('GET', target, timeoutMs);
  }

  /** put sends a PUT with a text, and is like get otherwise. */
  async put(target: HttpTarget, text: string, timeoutMs: number): Promise<HttpAnswer> {
    return await this.#sendInTime('PUT', target, timeoutMs, text);
  }

  /** delete sends a DELETE, and is like get otherwise. */
  async delete(target: HttpTarget, timeoutMs: number): Promise<HttpAnswer> {
    return await this.#sendInTime('DELETE', target, timeoutMs);
  }

  /** keepAlive returns a connection of its own to an address; it is opened with the first request. Close it. */
  keepAlive(target: { address: string; port: number }): KeptConnection {
    return new KeptConnection(this.#dial, target);
  }

  async #sendInTime(
    method: Method,
    target: HttpTarget,
    timeoutMs: number,
    text?: string,
  ): Promise<HttpAnswer> {
    if (method !== 'GET') this.#guard();
    const signal = AbortSignal.timeout(timeoutMs);
    // While undici connects it does not hear the signal, and a dead address keeps it connecting for two minutes.
    return await Promise.race([this.#send(method, target, signal, text), rejectOn(signal)]);
  }

  async #send(method: Method, target: HttpTarget, signal: AbortSignal, text?: string): Promise<HttpAnswer> {
    const { statusCode, headers, body } = await this.#agent.request({
      origin: `http://${target.address}:${target.port}`,
      path: target.path,
      method: target.message === undefined ? method : 'POST',
      headers: { 'user-agent': 'switchyard', ...target.headers, host: target.host ?? target.address },
      body: text ?? target.message ?? null,
      reset: true,
      signal,
    });
    return { status: statusCode, headers, body: await body.text() };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

/** KeptConnection sends requests one by one over one connection, as a browser does; a new one when that has ended. */
export class KeptConnection {
  readonly #agent: Agent;
  readonly #origin: string;

  constructor(dial: DialTcp, { address, port }: { address: string; port: number }) {
    this.#origin = `http://${address}:${port}`;
    this.#agent = new Agent({
      connections: 1,
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (_options, done) => {
        dial(address, port).then(
          (stream) => done(null, stream as never),
          (error: Error & { reason?: number; isTunnelBroken?: boolean }) => {
            // A refused channel is an answer of the server; anything else is the tunnel's own trouble.
            if (error.reason === undefined) error.isTunnelBroken = true;
            done(error, null);
          },
        );
      },
    });
  }

  /**
   * get sends a GET and returns the status when the whole answer is there; with `isLast` the connection ends with it. It
   * rejects when there is no whole answer within `timeoutMs`, and has `isTunnelBroken` on the error where nobody knows why.
   */
  async get(
    {
      path,
      host,
      headers,
      message,
      isLast,
    }: Pick<HttpTarget, 'path' | 'headers' | 'message'> & { host: string; isLast: boolean },
    timeoutMs: number,
  ): Promise<number> {
    const { statusCode, body } = await this.#agent.request({
      origin: this.#origin,
      path,
      method: message === undefined ? 'GET' : 'POST',
      headers: { 'user-agent': 'switchyard-probe', ...headers, host },
      body: message ?? null,
      reset: isLast,
      signal: AbortSignal.timeout(timeoutMs),
    });
    await body.arrayBuffer();
    return statusCode;
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

function rejectOn(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
