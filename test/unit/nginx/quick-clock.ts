import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../../src/model/clock.ts';

/** quickClock returns a clock on which every wait is over at once, and its time has passed. */
export function quickClock(start = Date.parse('2026-06-06T12:00:00Z')): Clock {
  let now = start;
  const until = (signals: readonly AbortSignal[]): Clock => ({
    now: () => now,
    sleep: async (ms) => {
      await setImmediate();
      for (const signal of signals) signal.throwIfAborted();
      now += ms;
    },
    endingWith: (signal) => until([...signals, signal]),
  });
  return until([]);
}
