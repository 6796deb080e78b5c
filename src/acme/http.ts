import { getCACertificates } from 'node:tls';
import { Agent } from 'undici';
import { type Clock, inTime } from '../model/clock.ts';
import { messageOf } from '../model/errors.ts';
import type { AcmeDirectory } from './directory.ts';
import { AcmeRefusal, CertificateError } from './failure.ts';
import { readProblem } from './problem.ts';

/** An answer of an authority, read to its end. */
export interface AcmeAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** A request is given up after this. */
const TIMEOUT_MS = 20_000;
/** A chain has some kilobytes. */
const LARGEST_ANSWER = 1024 * 1024;

/** AcmeHttp sends requests to an authority over connections that stay open. Close it. */
export class AcmeHttp {
  readonly #agent: Agent;
  readonly #clock: Clock;
  /** Host of the directory: what people know the authority by. */
  readonly host: string;

  constructor({ url, ca }: Pick<AcmeDirectory, 'url' | 'ca'>, clock: Clock) {
    this.host = new URL(url).host;
    this.#clock = clock;
    this.#agent = new Agent({
      connect: {
        timeout: TIMEOUT_MS,
        ...(ca !== undefined && { ca: [...getCACertificates('default'), ca] }),
      },
      headersTimeout: 0,
      bodyTimeout: 0,
      maxResponseSize: LARGEST_ANSWER,
    });
  }

  /**
   * send returns a good answer. It throws an AcmeRefusal for a status from 400, and a CertificateError when there is no
   * answer within 20 s.
   */
  async send(method: 'GET' | 'HEAD' | 'POST', url: string, body?: object): Promise<AcmeAnswer> {
    const over = new AbortController();
    const answer = this.#send(method, url, body, over.signal);
    const late = Symbol('late');
    try {
      const first = await inTime(this.#clock, answer, TIMEOUT_MS, late);
      if (typeof first !== 'symbol') return accepted(first, this.#clock.now());
    } catch (cause) {
      throw cause instanceof AcmeRefusal ? cause : this.#unreachable(cause);
    } finally {
      over.abort();
      answer.catch(() => undefined);
    }
    // A clock that has ended says why.
    await this.#clock.sleep(0);
    throw new CertificateError(
      `the certificate authority ${this.host} did not answer within ${TIMEOUT_MS / 1000} s`,
      { because: 'unreachable', hint: 'Nothing has changed. Run again later.' },
    );
  }

  async #send(
    method: 'GET' | 'HEAD' | 'POST',
    url: string,
    body: object | undefined,
    signal: AbortSignal,
  ): Promise<AcmeAnswer> {
    const { origin, pathname, search } = new URL(url);
    const answer = await this.#agent.request({
      origin,
      path: `${pathname}${search}`,
      method,
      headers: {
        'user-agent': 'switchyard',
        'accept-language': 'en',
        ...(body && { 'content-type': 'application/jose+json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal,
    });
    return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
  }

  #unreachable(cause: unknown): CertificateError {
    const { code = '' } = cause as { code?: string };
    const isAboutTrust = /CERT|SIGNATURE|SELF_SIGNED|ISSUER/.test(code);
    return new CertificateError(
      `the certificate authority ${this.host} cannot be reached: ${messageOf(cause) || code}`,
      {
        because: 'unreachable',
        hint: isAboutTrust
          ? `Its own certificate is not trusted: name its root, and see that the clock of this machine is right; it says ${new Date(this.#clock.now()).toISOString()}.`
          : 'Nothing has changed. Is the address right, and may this machine reach it? Run again later.',
        cause,
      },
    );
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

/** Returns a good answer, and throws every other one as what it says. */
function accepted(answer: AcmeAnswer, now: number): AcmeAnswer {
  if (answer.status < 400) return answer;
  const waitMs = retryAfterMs(answer, now);
  const problem = readProblem(parsed(answer.body), answer.status);
  throw new AcmeRefusal(problem, waitMs === undefined ? undefined : now + waitMs, replayNonce(answer));
}

/** parsed returns what a text is as JSON; undefined when it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** replayNonce returns the nonce that came with an answer, for the next request. */
export function replayNonce({ headers }: Pick<AcmeAnswer, 'headers'>): string | undefined {
  const nonce = headers['replay-nonce'];
  return typeof nonce === 'string' ? nonce : undefined;
}

/** retryAfterMs returns for how long an answer asks to wait; undefined when it does not (RFC 9110 §10.2.3). */
export function retryAfterMs({ headers }: Pick<AcmeAnswer, 'headers'>, now: number): number | undefined {
  const value = headers['retry-after'];
  if (typeof value !== 'string' || value === '') return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
