import type { RecordCreateParams, RecordResponse } from 'cloudflare/resources/dns/records';
import type { ResponseInfo } from 'cloudflare/resources/shared';
import type { Zone } from 'cloudflare/resources/zones/zones';
import { Agent } from 'undici';
import { type Clock, inTime } from '../model/clock.ts';
import { messageOf, UserError } from '../model/errors.ts';
import { retryAfterMs } from './http.ts';
import { oneLine } from './problem.ts';

/** Every answer of Cloudflare. */
interface Envelope<T> {
  success: boolean;
  errors: ResponseInfo[];
  result: T;
}

/** A TXT record that shall be made. */
type NewTxtRecord = Omit<RecordCreateParams.TXTRecord, 'zone_id'>;

const API_URL = 'https://api.cloudflare.com/client/v4';
const TIMEOUT_MS = 20_000;
/** Pauses before a request is sent again that Cloudflare could not do, or had no time for. */
const PAUSES_MS = [1_000, 3_000, 10_000];
const LONGEST_PAUSE_MS = 30_000;
/** A record with the same content is there already. */
const IDENTICAL_RECORD = 81058;
/** Cloudflare's bound for one page, and far more than one name has. */
const PAGE = 100;

/** CloudflareApi is the little of Cloudflare's API that DNS-01 needs. It throws a UserError when Cloudflare does not do it. */
export class CloudflareApi {
  readonly #agent = new Agent({ headersTimeout: 0, bodyTimeout: 0, connect: { timeout: TIMEOUT_MS } });
  readonly #apiUrl: string;
  readonly #token: string;
  readonly #clock: Clock;
  readonly #zones = new Map<string, Promise<Zone | undefined>>();

  constructor({ apiToken, apiUrl = API_URL }: { apiToken: string; apiUrl?: string }, clock: Clock) {
    this.#token = apiToken;
    this.#apiUrl = apiUrl;
    this.#clock = clock;
  }

  /** zoneNamed returns the zone of exactly this name, if the token may see it. */
  async zoneNamed(name: string): Promise<Zone | undefined> {
    const known =
      this.#zones.get(name) ?? this.#ask<Zone[]>('GET', `/zones?${query({ name })}`).then(([zone]) => zone);
    this.#zones.set(name, known);
    return await known;
  }

  /** txtRecords returns the TXT records of a name, also those of others. */
  async txtRecords(zoneId: string, name: string): Promise<RecordResponse[]> {
    const which = query({ type: 'TXT', 'name.exact': name, per_page: String(PAGE) });
    return await this.#ask('GET', `/zones/${encodeURIComponent(zoneId)}/dns_records?${which}`);
  }

  /** createRecord makes a record, unless an identical one is there. */
  async createRecord(zoneId: string, record: NewTxtRecord): Promise<void> {
    await this.#ask('POST', `/zones/${encodeURIComponent(zoneId)}/dns_records`, record);
  }

  /** deleteRecord removes a record by its id; one that is gone is fine. */
  async deleteRecord(zoneId: string, id: string): Promise<void> {
    await this.#ask('DELETE', `/zones/${encodeURIComponent(zoneId)}/dns_records/${encodeURIComponent(id)}`);
  }

  /** close ends the connections. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #ask<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<T> {
    for (let tries = 0; ; tries++) {
      const answer = await this.#send(method, path, body);
      const said = envelope<T>(answer.body);
      if (answer.status < 400 && said?.success) return said.result;
      const isDone =
        (method === 'DELETE' && answer.status === 404) ||
        said?.errors.some(({ code }) => code === IDENTICAL_RECORD);
      if (isDone) return undefined as T;
      const asked = retryAfterMs(answer, this.#clock.now());
      const pauseMs = asked !== undefined && asked <= LONGEST_PAUSE_MS ? asked : PAUSES_MS[tries];
      const isPassing = answer.status === 429 || answer.status >= 500;
      if (!isPassing || pauseMs === undefined || tries >= PAUSES_MS.length)
        throw refused(answer.status, said);
      await this.#clock.sleep(pauseMs);
    }
  }

  async #send(method: 'GET' | 'POST' | 'DELETE', path: string, body: object | undefined) {
    const over = new AbortController();
    const { origin, pathname } = new URL(this.#apiUrl);
    const work = (async () => {
      const answer = await this.#agent.request({
        origin,
        path: `${pathname.replace(/\/$/, '')}${path}`,
        method,
        headers: {
          authorization: `Bearer ${this.#token}`,
          'user-agent': 'switchyard',
          ...(body && { 'content-type': 'application/json' }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: over.signal,
      });
      return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
    })();
    try {
      const answer = await inTime(this.#clock, work, TIMEOUT_MS, undefined);
      if (answer !== undefined) return answer;
    } catch (cause) {
      throw unreachable(messageOf(cause), cause);
    } finally {
      over.abort();
      work.catch(() => undefined);
    }
    // A clock that has ended says why.
    await this.#clock.sleep(0);
    throw unreachable(`no answer within ${TIMEOUT_MS / 1000} s`);
  }
}

function query(parameters: Record<string, string>): string {
  return new URLSearchParams(parameters).toString();
}

function envelope<T>(body: string): Envelope<T> | undefined {
  try {
    const said = JSON.parse(body) as Partial<Envelope<T>>;
    return { success: said.success === true, errors: said.errors ?? [], result: said.result as T };
  } catch {
    return undefined;
  }
}

function refused(status: number, said: Envelope<unknown> | undefined): UserError {
  const reasons = (said?.errors ?? []).map(({ code, message }) => `${oneLine(message)} (${code})`);
  const why = reasons.length === 0 ? `status ${status}` : reasons.join(', ');
  const isAboutToken = [400, 401, 403].includes(status);
  return new UserError(`Cloudflare does not do what DNS-01 needs: ${why}`, {
    hint: isAboutToken
      ? 'The token needs Zone:Read and DNS:Edit for the zone of the domain, and must not have ended.'
      : 'Nothing has changed. Run again later.',
  });
}

function unreachable(why: string, cause?: unknown): UserError {
  return new UserError(`Cloudflare cannot be reached: ${why}`, {
    hint: 'Nothing has changed. May this machine reach api.cloudflare.com? Run again later.',
    cause,
  });
}
