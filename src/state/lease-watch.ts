import type { GitHubRun } from '../github/run.ts';
import { runIsAlive } from '../github/runs.ts';
import type { Clock } from '../model/clock.ts';
import type { Lease, LeaseTimings } from './lease.ts';
import { isGone, type LocalProcess } from './local-process.ts';

/** IsAlive asks whether the run that holds a lease still goes on; undefined when that cannot be known. */
export type IsAlive = (lease: Lease) => Promise<boolean | undefined>;

/** What a look at a lease showed. Without `heldBy` it may be taken. */
export interface Judgement {
  /** The lease, when its holder lives. */
  heldBy?: Lease;
  /** Why a holder that did not give it back is known to be dead. */
  dead?: string;
}

/**
 * LeaseWatch decides, look by look, whether a lease may be taken. It remembers since when it has seen the
 * same lease, and when it last asked about its run.
 */
export class LeaseWatch {
  readonly #self: LocalProcess;
  readonly #isAlive: IsAlive | undefined;
  readonly #clock: Clock;
  readonly #timings: LeaseTimings;
  #seen: { commit: string; at: number } | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(options: {
    self: LocalProcess;
    isAlive: IsAlive | undefined;
    clock: Clock;
    timings: LeaseTimings;
  }) {
    this.#self = options.self;
    this.#isAlive = options.isAlive;
    this.#clock = options.clock;
    this.#timings = options.timings;
  }

  /** look judges the lease that stands at `commit`; undefined where there is none. */
  async look(lease: Lease | undefined, commit: string | undefined): Promise<Judgement> {
    if (lease === undefined || commit === undefined) return {};
    if (lease.released) return {};
    const { skewMs, doubtMs, ttlMs, renewEveryMs, askEveryMs } = this.#timings;
    const now = this.#clock.now();
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
    return { heldBy: lease };
  }
}

/**
 * askGitHub returns the question whether the run that holds a lease still goes on, asked with `token`
 * (permission `actions: read`). A lease from a laptop or another server is answered with undefined.
 */
export function askGitHub(token: string | undefined, run: Pick<GitHubRun, 'serverUrl' | 'apiUrl'>): IsAlive {
  return async (lease) => {
    if (!token || lease.run_id === undefined || lease.repository === undefined) return undefined;
    if (!lease.run.startsWith(`${run.serverUrl}/`)) return undefined;
    return runIsAlive({
      token,
      apiUrl: run.apiUrl,
      repository: lease.repository,
      runId: lease.run_id,
      ...(lease.run_attempt !== undefined && { runAttempt: lease.run_attempt }),
    });
  };
}
