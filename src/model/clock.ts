import { setTimeout as wait } from 'node:timers/promises';

/** Clock is the only way in which logic knows the time and waits: a simulation hands in one of its own. */
export interface Clock {
  /** now returns milliseconds since 1970; it never goes back. */
  now(): number;
  /** sleep resolves after `ms`. It rejects with the reason of the signal that the clock ends with. */
  sleep(ms: number): Promise<void>;
  /** endingWith returns the same clock, whose sleeps end with `signal` too. */
  endingWith(signal: AbortSignal): Clock;
}

/** systemClock is the time of this machine. */
export const systemClock: Clock = clockUntil(undefined);

/**
 * The steady clock of a process stands still while its machine is suspended, and a lease ends meanwhile; the machine's own
 * clock goes on, and may be set back. So the furthest that it was ever ahead counts.
 */
let aheadMs = Number.NEGATIVE_INFINITY;

function systemNow(): number {
  const steady = performance.now();
  aheadMs = Math.max(aheadMs, Date.now() - steady);
  return steady + aheadMs;
}

function clockUntil(signal: AbortSignal | undefined): Clock {
  return {
    now: systemNow,
    sleep: async (ms) => {
      await wait(ms, undefined, signal && { signal }).catch((error: unknown) => {
        throw signal?.aborted ? signal.reason : error;
      });
    },
    endingWith: (other) => clockUntil(signal === undefined ? other : AbortSignal.any([signal, other])),
  };
}

/** How often poll looks, and for how long. */
export interface PollOptions {
  /** Pause between two looks, in milliseconds; a function is told how many looks there were, from 1. */
  everyMs: number | ((looks: number) => number);
  /** Without it, poll looks until there is something, or the clock ends. */
  timeoutMs?: number;
}

/**
 * poll looks until there is something, and returns it; undefined when the time is over. It looks once at least. What
 * `look` throws, and what the clock ends with, it throws.
 */
export async function poll<T>(
  clock: Clock,
  { everyMs, timeoutMs = Number.POSITIVE_INFINITY }: PollOptions,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const end = clock.now() + timeoutMs;
  for (let looks = 1; ; looks++) {
    const found = await look();
    if (found !== undefined) return found;
    const leftMs = end - clock.now();
    if (leftMs <= 0) return undefined;
    await clock.sleep(Math.min(typeof everyMs === 'number' ? everyMs : everyMs(looks), leftMs));
  }
}

/** inTime returns what `work` came to, or `late` when it takes longer than `ms`; it rejects when work fails in time. */
export async function inTime<T, L>(clock: Clock, work: Promise<T>, ms: number, late: L): Promise<T | L> {
  const over = new AbortController();
  const limit = clock
    .endingWith(over.signal)
    .sleep(ms)
    .then(
      () => late,
      () => late,
    );
  try {
    return await Promise.race([work, limit]);
  } finally {
    over.abort();
  }
}
