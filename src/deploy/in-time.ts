import { setTimeout as sleep } from 'node:timers/promises';

/** inTime returns what `work` came to, or `late` when it takes longer than `ms`; it rejects when work fails in time. */
export async function inTime<T, L>(work: Promise<T>, ms: number, late: L): Promise<T | L> {
  const timer = new AbortController();
  const limit = sleep(ms, late, { signal: timer.signal }).catch(() => late);
  try {
    return await Promise.race([work, limit]);
  } finally {
    timer.abort();
  }
}
