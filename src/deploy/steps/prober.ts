import type { Server } from '../../fleet/server.ts';
import type { Clock } from '../../model/clock.ts';
import { isTunnelBroken, messageOf } from '../../model/errors.ts';
import type { ProbeReport } from '../../model/release.ts';

/** Time between two requests of one prober. */
const EVERY_MS = 40;
/** An answer that takes longer counts as lost. */
const TIMEOUT_MS = 10_000;
/** What edge or sidecar answer when no copy could. */
const LOST_STATUSES = new Set([502, 503, 504]);
/** It takes a new connection with every so many requests. */
const REQUESTS_A_CONNECTION = 4;
/** Losses that are told; all are counted. */
const LOSSES_TOLD = 5;

/** Where a prober sends its requests. */
export interface ProbeTarget {
  http: Server['http'];
  /** Named in losses. */
  name: string;
  address: string;
  port: number;
  host: string;
  path: string;
  headers: Readonly<Record<string, string>>;
  /** Of gRPC, see `HttpTarget`. */
  message?: Buffer;
}

/**
 * Prober sends requests through an edge or sidecar while a service is switched, and counts. It keeps its connection as
 * browsers do, and takes a new one every fourth time.
 */
export class Prober {
  readonly #target: ProbeTarget;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  readonly #latencies: number[] = [];
  readonly #losses: string[] = [];
  readonly #firstAnswer = Promise.withResolvers<void>();
  readonly #running: Promise<void>;
  #sent = 0;
  #unknown = 0;
  #longestGapMs = 0;

  /** It begins at once, and goes on until `end`, or until the clock ends. */
  constructor(target: ProbeTarget, clock: Clock) {
    this.#target = target;
    this.#clock = clock.endingWith(this.#over.signal);
    this.#running = this.#run();
  }

  /** Resolves when the first request was answered, or was not. */
  get begun(): Promise<void> {
    return this.#firstAnswer.promise;
  }

  /** end stops it and returns what it saw. */
  async end(): Promise<ProbeReport> {
    this.#over.abort();
    await this.#running;
    const sorted = this.#latencies.sort((a, b) => a - b);
    return {
      sent: this.#sent,
      lost: this.#losses.length,
      unknown: this.#unknown,
      p50_ms: quantile(sorted, 0.5),
      p99_ms: quantile(sorted, 0.99),
      longest_gap_ms: Math.round(this.#longestGapMs),
      losses: this.#losses.slice(0, LOSSES_TOLD),
    };
  }

  async #run(): Promise<void> {
    const connection = this.#target.http.keepAlive(this.#target);
    let lastGood = this.#clock.now();
    const isGoingOn = () =>
      this.#clock.sleep(EVERY_MS).then(
        () => true,
        () => false,
      );
    do {
      const begun = this.#clock.now();
      const loss = await this.#send(connection);
      const now = this.#clock.now();
      this.#longestGapMs = Math.max(this.#longestGapMs, now - lastGood);
      if (loss === undefined) {
        this.#latencies.push(now - begun);
        lastGood = now;
      }
      this.#firstAnswer.resolve();
    } while (await isGoingOn());
    await connection.close();
  }

  /** Returns what came instead of a good answer, undefined for one; it counts. */
  async #send(connection: ReturnType<Server['http']['keepAlive']>): Promise<string | undefined> {
    const { host, path, headers, message, name } = this.#target;
    this.#sent += 1;
    const isLast = this.#sent % REQUESTS_A_CONNECTION === 0;
    try {
      const status = await connection.get(
        { host, path, headers, isLast, ...(message && { message }) },
        TIMEOUT_MS,
      );
      if (!LOST_STATUSES.has(status)) return undefined;
      this.#losses.push(`${name}: answered ${status}`);
      return `answered ${status}`;
    } catch (error) {
      if (isTunnelBroken(error)) this.#unknown += 1;
      else this.#losses.push(`${name}: ${messageOf(error)}`);
      return messageOf(error);
    }
  }
}

/** quantile returns the value below which a share of the sorted values lies, rounded to 0.1; 0 for none. */
export function quantile(sorted: readonly number[], share: number): number {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return Math.round(value * 10) / 10;
}

/** mergeReports adds up the reports of one service, as if one prober had seen it all; of none, nothing was sent. */
export function mergeReports(reports: readonly ProbeReport[]): ProbeReport {
  return reports.reduce(
    (sum, report) => ({
      sent: sum.sent + report.sent,
      lost: sum.lost + report.lost,
      unknown: sum.unknown + report.unknown,
      p50_ms: Math.max(sum.p50_ms, report.p50_ms),
      p99_ms: Math.max(sum.p99_ms, report.p99_ms),
      longest_gap_ms: Math.max(sum.longest_gap_ms, report.longest_gap_ms),
      losses: [...sum.losses, ...report.losses].slice(0, LOSSES_TOLD),
    }),
    { sent: 0, lost: 0, unknown: 0, p50_ms: 0, p99_ms: 0, longest_gap_ms: 0, losses: [] },
  );
}
