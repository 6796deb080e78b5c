import { LoadProcess } from './load-process.ts';
import type { TrafficResult, TrafficSnapshot } from './tally.ts';
import { requireOwnTargets, type Target } from './targets.ts';
import type { ClientTls } from './tls.ts';

/** What is held. */
export interface HeldRequestsOptions {
  /** Taken in turn. Loopback and private addresses only. */
  targets: Target[];
  /** Value of the Host header; default the target's own address. */
  hostHeader?: string;
  /** Speaks TLS; default: plain HTTP. */
  tls?: ClientTls;
  /** Requests, each on a connection of its own; default 1,000. */
  count?: number;
  /** Default GET; a POST carries a random body and wants its SHA-256 back. */
  method?: 'GET' | 'POST';
  /** Should take long to answer; default `/slow?ms=3000`. */
  path?: string;
  /** Longest time for connecting, and again for the answer, in milliseconds; default 30,000. */
  timeoutMs?: number;
}

/** Requests in flight. */
export interface HeldRequests {
  /** snapshot gives the counts of this moment. */
  snapshot(): Promise<TrafficSnapshot>;
  /** finished waits until every request is answered or lost, and returns the counts. */
  finished(): Promise<TrafficResult>;
}

/**
 * holdRequests opens all connections first, then sends all requests at once, and resolves when the kernel has
 * taken the last byte of the last one: from then until the answers come, all of them are in flight together.
 * A connection that could not be opened is a lost request. Latencies count from the sending.
 * @throws Error when a target is not ours
 */
export async function holdRequests(options: HeldRequestsOptions): Promise<HeldRequests> {
  requireOwnTargets(options.targets);
  const load = new LoadProcess('held-worker.ts', options);
  await load.ask('allSent');
  let result: Promise<TrafficResult> | undefined;
  const finish = async (): Promise<TrafficResult> => {
    const counts = await load.ask<TrafficResult>('finished');
    await load.end();
    return counts;
  };
  return {
    snapshot: () => load.ask('snapshot'),
    finished: () => {
      result ??= finish();
      return result;
    },
  };
}
