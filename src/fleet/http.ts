import { Agent } from 'undici';
import type { DialTcp } from './dial.ts';

/** An HTTP answer, read to its end. */
export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** HttpOver sends HTTP requests to addresses as a server sees them. */
export class HttpOver {
  readonly #agent: Agent;

  constructor(dial: DialTcp) {
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

  /**
   * get sends a GET on a new connection, so that the newest workers of an nginx answer it, and gives up after
   * `timeoutMs`. It rejects when there is no whole answer.
   */
  async get(
    target: { address: string; port: number; path: string; host?: string },
    timeoutMs: number,
  ): Promise<HttpAnswer> {
    const signal = AbortSignal.timeout(timeoutMs);
    // While undici connects it does not hear the signal, and a dead address keeps it connecting for two minutes.
    return await Promise.race([this.#send(target, signal), rejectOn(signal)]);
  }

  async #send(
    target: { address: string; port: number; path: string; host?: string },
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const { statusCode, headers, body } = await this.#agent.request({
      origin: `http://${target.address}:${target.port}`,
      path: target.path,
      method: 'GET',
      headers: { host: target.host ?? target.address, 'user-agent': 'switchyard' },
      reset: true,
      signal,
    });
    return { status: statusCode, headers, body: await body.text() };
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
