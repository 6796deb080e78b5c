import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import type { DialTcp } from '../../fleet/dial.ts';
import { isTunnelBroken, messageOf } from '../../model/errors.ts';

/** Time between two requests of one prober. */
const EVERY_MS = 40;
/** An answer that takes longer counts as lost. */
const TIMEOUT_MS = 10_000;
/** What edge or sidecar answer when no side could. */
const LOST_STATUSES = new Set([502, 503, 504]);

/** What the probe saw during a switch. */
export interface ProbeReport {
  sent: number;
  /** No answer, or one that says no side was there. */
  lost: number;
  /** The tunnel to the server broke: nobody knows what a user would have seen. */
  unknown: number;
  p50_ms: number;
  p99_ms: number;
  /** The longest time without a good answer. */
  longest_gap_ms: number;
  /** What the first lost requests saw. */
  losses: string[];
}

/** Where a probe sends its requests. */
export interface ProbeTarget {
  /** Opens a tunnel through the server. */
  dial: DialTcp;
  /** Named in losses. */
  name: string;
  address: string;
  port: number;
  host: string;
  path: string;
}

/**
 * Probe sends requests through an edge while a service is switched, and counts. It keeps its connection as
 * browsers do, and takes a new one every fourth time.
 */
export class Probe {
  readonly #target: ProbeTarget;
  readonly #stop = new AbortController();
  readonly #latencies: number[] = [];
  readonly #losses: string[] = [];
  readonly #firstAnswer = Promise.withResolvers<void>();
  readonly #running: Promise<void>;
  #sent = 0;
  #unknown = 0;
  #longestGapMs = 0;

  constructor(target: ProbeTarget) {
    this.#target = target;
    this.#running = this.#run();
  }

  /** Resolves when the first request was answered, or was not. */
  get begun(): Promise<void> {
    return this.#firstAnswer.promise;
  }

  /** end stops the probe and returns what it saw. */
  async end(): Promise<ProbeReport> {
    this.#stop.abort();
    await this.#running;
    const sorted = this.#latencies.sort((a, b) => a - b);
    return {
      sent: this.#sent,
      lost: this.#losses.length,
      unknown: this.#unknown,
      p50_ms: quantile(sorted, 0.5),
      p99_ms: quantile(sorted, 0.99),
      longest_gap_ms: Math.round(this.#longestGapMs),
      losses: this.#losses.slice(0, 5),
    };
  }

  async #run(): Promise<void> {
    let isUnknown = false;
    const agent = new Agent({
      connections: 1,
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (_options, done) => {
        this.#target.dial(this.#target.address, this.#target.port).then(
          (stream) => done(null, stream as never),
          (error: Error & { reason?: number }) => {
            // A refused channel is an answer of the server; anything else is the tunnel's own trouble.
            isUnknown = error.reason === undefined;
            done(error, null);
          },
        );
      },
    });
    let lastGood = performance.now();
    for (let count = 1; !this.#stop.signal.aborted; count += 1) {
      const begun = performance.now();
      const outcome = await this.#send(agent, count % 4 === 0).catch((error: unknown) => {
        isUnknown ||= isTunnelBroken(error);
        return messageOf(error);
      });
      const now = performance.now();
      this.#sent += 1;
      this.#longestGapMs = Math.max(this.#longestGapMs, now - lastGood);
      if (outcome === undefined) {
        this.#latencies.push(now - begun);
        lastGood = now;
      } else if (isUnknown) {
        this.#unknown += 1;
      } else {
        this.#losses.push(`${this.#target.name}: ${outcome}`);
      }
      isUnknown = false;
      this.#firstAnswer.resolve();
      await sleep(EVERY_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
    await agent.destroy();
  }

  /** Returns undefined for a good answer, else what came instead; throws when nothing came. */
  async #send(agent: Agent, isNewConnection: boolean): Promise<string | undefined> {
    const target = this.#target;
    const { statusCode, body } = await agent.request({
      origin: `http://${target.address}:${target.port}`,
      path: target.path,
      method: 'GET',
      headers: { host: target.host, 'user-agent': 'switchyard-probe' },
      reset: isNewConnection,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await body.arrayBuffer();
    return LOST_STATUSES.has(statusCode) ? `answered ${statusCode}` : undefined;
  }
}

/** quantile returns the value below which a share of the sorted values lies, rounded to 0.1; 0 for none. */
export function quantile(sorted: readonly number[], share: number): number {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return Math.round(value * 10) / 10;
}

/** mergeReports adds up the reports of one service, as if one probe had seen it all; of none, nothing was sent. */
export function mergeReports(reports: readonly ProbeReport[]): ProbeReport {
  return reports.reduce(
    (sum, report) => ({
      sent: sum.sent + report.sent,
      lost: sum.lost + report.lost,
      unknown: sum.unknown + report.unknown,
      p50_ms: Math.max(sum.p50_ms, report.p50_ms),
      p99_ms: Math.max(sum.p99_ms, report.p99_ms),
      longest_gap_ms: Math.max(sum.longest_gap_ms, report.longest_gap_ms),
      losses: [...sum.losses, ...report.losses].slice(0, 5),
    }),
    { sent: 0, lost: 0, unknown: 0, p50_ms: 0, p99_ms: 0, longest_gap_ms: 0, losses: [] },
  );
}
