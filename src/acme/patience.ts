import type { Clock } from '../model/clock.ts';
import { AcmeRefusal, CertificateError } from './failure.ts';

/** So often one request is sent again because its nonce was refused: also where half of them are, one gets through. */
const NONCE_TRIES = 16;
/** So many of them without a pause. */
const HASTY_NONCE_TRIES = 4;
/** Pauses before a request is sent again that nobody answered, or an error of the authority did. */
const PAUSES_MS = [1_000, 3_000];
/** So long altogether one request waits because the authority asked for it. */
const LONGEST_WAIT_MS = 60_000;

/**
 * askPatiently asks until there is an answer, and returns it. What is worth another try is tried again, a bounded number of
 * times and for a bounded time: a refused nonce, no answer, an error of the authority, and "later" where that is soon.
 * Everything else that `ask` throws it throws.
 */
export async function askPatiently<T>(clock: Clock, ask: () => Promise<T>): Promise<T> {
  const patience = new Patience();
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const pauseMs = patience.pauseAfter(error, clock.now());
      if (pauseMs === undefined) throw error;
      if (pauseMs > 0) await clock.sleep(pauseMs);
    }
  }
}

/** Patience is what is left of it for one request. */
class Patience {
  #refusedNonces = 0;
  #failures = 0;
  #waitedMs = 0;

  /** pauseAfter returns for how long to wait before another try; undefined when there shall be none. */
  pauseAfter(error: unknown, now: number): number | undefined {
    if (error instanceof CertificateError) {
      return error.because === 'unreachable' ? PAUSES_MS[this.#failures++] : undefined;
    }
    if (!(error instanceof AcmeRefusal)) return undefined;
    const { problem, retryAt } = error;
    if (problem.type === 'badNonce') {
      this.#refusedNonces += 1;
      if (this.#refusedNonces >= NONCE_TRIES) return undefined;
      return 100 * Math.max(0, this.#refusedNonces - HASTY_NONCE_TRIES);
    }
    if (retryAt !== undefined && (problem.status === 429 || problem.status === 503)) {
      const waitMs = Math.max(0, retryAt - now);
      this.#waitedMs += Math.max(waitMs, 100);
      return this.#waitedMs <= LONGEST_WAIT_MS ? waitMs : undefined;
    }
    return problem.status >= 500 ? PAUSES_MS[this.#failures++] : undefined;
  }
}
