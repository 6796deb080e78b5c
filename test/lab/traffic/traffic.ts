import { setTimeout as sleep } from 'node:timers/promises';
import { LoadProcess } from './load-process.ts';
import type { TrafficResult, TrafficSnapshot } from './tally.ts';

/** A running load. Every wait takes its longest time in milliseconds (default 60,000) and throws after it. */
export interface Traffic {
  /** snapshot gives the counts of this moment. */
  snapshot(): Promise<TrafficSnapshot>;
  /** until waits until `isSo` holds for the counts; `what` names it in the error. */
  until(isSo: (counts: TrafficSnapshot) => boolean, what: string, withinMs?: number): Promise<void>;
  /** untilSent waits until `count` requests have been sent since the start. */
  untilSent(count: number, withinMs?: number): Promise<void>;
  /** untilVersion waits for the first good answer of a version. */
  untilVersion(version: string, withinMs?: number): Promise<void>;
  /** stop sends nothing new, waits for what is in flight, ends the load process and returns what it found. */
  stop(): Promise<TrafficResult>;
}

const POLL_MS = 20;
const PATIENCE_MS = 60_000;

/** startTraffic runs a load worker of this folder and returns the hold on it. */
export function startTraffic(worker: string, options: object): Traffic {
  const load = new LoadProcess(worker, options);
  let stopped: Promise<TrafficResult> | undefined;
  const snapshot = (): Promise<TrafficSnapshot> => load.ask('snapshot');
  const until: Traffic['until'] = async (isSo, what, withinMs = PATIENCE_MS) => {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const counts = await snapshot();
      if (isSo(counts)) return;
      if (performance.now() > deadline) {
        throw new Error(`The load saw no ${what} within ${withinMs} ms: ${JSON.stringify(counts)}`);
      }
      await sleep(POLL_MS);
    }
  };
  const stop = async (): Promise<TrafficResult> => {
    const result = await load.ask<TrafficResult>('stop');
    await load.end();
    return result;
  };
  return {
    snapshot,
    until,
    untilSent: (count, withinMs) => until(({ sent }) => sent >= count, `${count} requests sent`, withinMs),
    untilVersion: (version, withinMs) =>
      until(({ versions }) => version in versions, `answer of version ${version}`, withinMs),
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}
