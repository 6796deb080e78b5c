import type { Lease, LeaseTimings } from './lease.ts';
import { isGone, type LocalProcess } from './local-process.ts';

/** IsAlive asks whether the run that holds a lease still goes on; undefined when that cannot be known. */
export type IsAlive = (lease: Lease) => Promise<boolean | undefined>;

/** Why a lease may be taken: `released` and `none` are the ordinary case, the others name a dead holder. */
export type Takeable = 'none' | 'released' | { dead: string };

/**
 * LeaseWatch decides, look by look, whether a lease may be taken. It remembers since when it has seen the
 * same lease, and when it last asked about its run.
 */
export class LeaseWatch {
  readonly #self: LocalProcess;
  readonly #isAlive: IsAlive | undefined;
  readonly #now: () => Date;
  readonly #timings: LeaseTimings;
  #seen: { commit: string; at: number } | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(options: {
    self: LocalProcess;
    isAlive: IsAlive | undefined;
    now: () => Date;
    timings: LeaseTimings;
  }) {
    this.#self = options.self;
    this.#isAlive = options.isAlive;
    this.#now = options.now;
    this.#timings = options.timings;
  }

  /** look judges the lease that stands at `commit`; undefined means that its holder lives. */
  async look(lease: Lease | undefined, commit: string | undefined): Promise<Takeable | undefined> {
    if (lease === undefined || commit === undefined) return 'none';
    if (lease.released) return 'released';
    const { skewMs, doubtMs, ttlMs, renewEveryMs, askEveryMs } = this.#timings;
    const now = this.#now().getTime();
    if (this.#seen?.commit !== commit) this.#seen = { commit, at: now };
    // Needs no common clock: a living holder would have renewed it since we first saw it.
    const unrenewedMs = now - this.#seen.at;
    // A date that cannot be read leaves the last rule, of a lease that nobody renews.
    const overMs = now - Date.parse(lease.end) - skewMs;
    if (overMs > doubtMs || (overMs > 0 && unrenewedMs > renewEveryMs + skewMs)) {
      return { dead: `its end passed at ${lease.end}` };
    }
    if (unrenewedMs > ttlMs + skewMs) return { dead: 'it was not renewed for longer than it lasts' };
    if (isGone(lease, this.#self)) return { dead: `process ${lease.pid} on this machine has ended` };
    if (this.#isAlive !== undefined && now - this.#askedAt >= askEveryMs) {
      this.#askedAt = now;
      // Whoever cannot be asked counts as alive until the end of the lease.
      const answer = await this.#isAlive(lease).catch(() => undefined);
      if (answer === false) return { dead: `its run has ended (${lease.run})` };
    }
    return undefined;
  }
}
