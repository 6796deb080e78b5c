import { createHistogram } from 'node:perf_hooks';
import type { Loss, LossKind } from './loss.ts';

/** One lost request. `at` is when it was noticed, in milliseconds since 1970. */
export interface LostRequest {
  at: number;
  kind: LossKind;
  method: string;
  target: string;
  detail: string;
}

/** Live counts: `sent` is `ok` + `lost` + what is in flight. */
export interface TrafficSnapshot {
  sent: number;
  ok: number;
  lost: number;
  /** Requests that were sent and are not decided yet. */
  inFlight: number;
  /** Connections opened so far; with keep-alive far fewer than requests. */
  connections: number;
  /** Those of them that went on with the TLS session of an earlier one. */
  resumed: number;
  /** Those that the server ended, politely or not, which a client would have kept. */
  endedByServer: number;
  lostByKind: Record<string, number>;
  /** Good answers by the version that gave them. */
  versions: Record<string, number>;
}

/** What a finished load run found. After it `inFlight` is 0, so `sent` is `ok` + `lost`. */
export interface TrafficResult extends TrafficSnapshot {
  /** The first 50 losses; `lostByKind` counts all. */
  losses: LostRequest[];
  /** Of good answers, in milliseconds, from the wish to send (opening a connection included) to the last byte. */
  latency: { p50: number; p99: number; max: number };
  /** Longest time in which no client got any good answer, in milliseconds; start and stop count as answers. */
  longestGapMs: number;
  /** Longest pause of the load process itself, in milliseconds: a gap no longer than this proves nothing. */
  clientStallMs: number;
  /** Good answers per second. */
  perSecond: number;
  seconds: number;
}

const LISTED_LOSSES = 50;
const STALL_PROBE_MS = 10;

/** Tally counts one load run: every request is `sent` once and then either `ok` or `lost` once. */
export class Tally {
  #sent = 0;
  #ok = 0;
  #lost = 0;
  #connections = 0;
  #resumed = 0;
  #endedByServer = 0;
  readonly #lostByKind: Record<string, number> = {};
  readonly #losses: LostRequest[] = [];
  readonly #versions: Record<string, number> = {};
  readonly #latency = createHistogram({ figures: 3 });
  readonly #startedAt = performance.now();
  #lastOkAt = this.#startedAt;
  #longestGapMs = 0;
  #endedAt: number | undefined;
  #stallMs = 0;
  #probedAt = this.#startedAt;

  constructor() {
    setInterval(() => {
      const now = performance.now();
      this.#stallMs = Math.max(this.#stallMs, now - this.#probedAt - STALL_PROBE_MS);
      this.#probedAt = now;
    }, STALL_PROBE_MS).unref();
  }

  sent(): void {
    this.#sent += 1;
  }

  connected(isResumed = false): void {
    this.#connections += 1;
    if (isResumed) this.#resumed += 1;
  }

  endedByServer(): void {
    this.#endedByServer += 1;
  }

  /** ok counts a good answer; `latencyMs` in milliseconds. */
  ok(version: string, latencyMs: number): void {
    this.#ok += 1;
    this.#versions[version] = (this.#versions[version] ?? 0) + 1;
    this.#latency.record(Math.max(1, Math.round(latencyMs * 1_000)));
    if (this.#endedAt === undefined) this.#markGap(performance.now());
  }

  lost(loss: Loss, method: string, target: string): void {
    this.#lost += 1;
    this.#lostByKind[loss.kind] = (this.#lostByKind[loss.kind] ?? 0) + 1;
    if (this.#losses.length >= LISTED_LOSSES) return;
    this.#losses.push({ at: loss.at, kind: loss.kind, method, target, detail: loss.detail });
  }

  /** end marks the moment from which no new request is sent; only the first call counts. */
  end(): void {
    if (this.#endedAt !== undefined) return;
    this.#endedAt = performance.now();
    this.#markGap(this.#endedAt);
  }

  snapshot(): TrafficSnapshot {
    return {
      sent: this.#sent,
      ok: this.#ok,
      lost: this.#lost,
      inFlight: this.#sent - this.#ok - this.#lost,
      connections: this.#connections,
      resumed: this.#resumed,
      endedByServer: this.#endedByServer,
      lostByKind: this.#lostByKind,
      versions: this.#versions,
    };
  }

  result(): TrafficResult {
    const seconds = ((this.#endedAt ?? performance.now()) - this.#startedAt) / 1_000;
    const ms = (microseconds: number): number => (this.#ok === 0 ? 0 : Math.round(microseconds / 100) / 10);
    return {
      ...this.snapshot(),
      losses: this.#losses,
      latency: {
        p50: ms(this.#latency.percentile(50)),
        p99: ms(this.#latency.percentile(99)),
        max: ms(this.#latency.max),
      },
      longestGapMs: Math.round(this.#longestGapMs),
      clientStallMs: Math.round(this.#stallMs),
      perSecond: Math.round(this.#ok / seconds),
      seconds: Math.round(seconds * 10) / 10,
    };
  }

  #markGap(now: number): void {
    this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#lastOkAt);
    this.#lastOkAt = now;
  }
}
