import type { Clock } from '../model/clock.ts';
import { messageOf } from '../model/errors.ts';
import type { Log } from '../model/log.ts';
import type { Scope } from '../model/names.ts';
import { type Lease, LeaseLostError, type LeaseTimings } from './lease.ts';

/** What a held lease needs of its store. */
export interface LeaseKeeper {
  /** renew pushes a new end and resolves to the record. It throws LeaseLostError when another holds it. */
  renew(): Promise<Lease>;
  /** release pushes the record as released. */
  release(): Promise<void>;
}

/** HeldLease is the right to change an environment, as long as `lost` is not aborted. */
export class HeldLease {
  readonly #keeper: LeaseKeeper;
  readonly #scope: Scope;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #timings: LeaseTimings;
  readonly #lost = new AbortController();
  #record: Lease;
  #isReleased = false;
  /** Aborted when the heartbeat shall stop; undefined while there is none. */
  #heartbeat: AbortController | undefined;

  constructor(
    keeper: LeaseKeeper,
    record: Lease,
    surroundings: { scope: Scope; log: Log; clock: Clock; timings: LeaseTimings },
  ) {
    this.#keeper = keeper;
    this.#record = record;
    this.#scope = surroundings.scope;
    this.#log = surroundings.log;
    this.#clock = surroundings.clock;
    this.#timings = surroundings.timings;
  }

  /** The lease as it was last written. */
  get record(): Lease {
    return this.#record;
  }

  /** Rises with every run that takes the lease: put it wherever a stale run could still write. */
  get fence(): number {
    return this.#record.fence;
  }

  /** Aborted, with a LeaseLostError as its reason, when the lease is no longer ours. Hand it to the run. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get isReleased(): boolean {
    return this.#isReleased;
  }

  /**
   * confirm resolves when the lease is ours for at least 30 s more: at once when its end is that far off,
   * else after renewing it. It throws LeaseLostError when another run holds it. Call it before every step
   * that cannot be taken back.
   */
  async confirm(): Promise<void> {
    this.assertHeld();
    if (this.#leftMs() < this.#timings.leftMs) await this.#renew();
  }

  /**
   * assertMayChange throws a LeaseLostError when the end of the lease has passed, also when nobody noticed yet: a
   * machine that slept wakes up in the middle of its work. It costs no round trip. A lease that was given back
   * forbids nothing: what goes on then needs none.
   */
  assertMayChange(): void {
    this.lost.throwIfAborted();
    if (!this.#isReleased && this.#leftMs() <= 0) throw this.lose(undefined);
  }

  /**
   * startHeartbeat renews the lease every 40 s until `stop` is called, the lease is released or lost. A
   * renewal that fails for another reason (no network) is tried again until the end passes; then the lease
   * counts as lost, because from that moment another run may take it. While it beats, the process stays alive.
   */
  startHeartbeat(): { stop(): void } {
    this.assertHeld();
    if (this.#heartbeat === undefined) {
      this.#heartbeat = new AbortController();
      const { signal } = this.#heartbeat;
      const clock = this.#clock.endingWith(signal);
      void this.#keepRenewing(clock, signal);
      void this.#watchEnd(clock);
    }
    return { stop: () => this.#stop() };
  }

  /** release gives the lease back; a failure is logged only, since the lease also ends by itself. */
  async release(): Promise<void> {
    this.#stop();
    if (this.#isReleased || this.lost.aborted) return;
    try {
      await this.#keeper.release();
    } catch (error) {
      this.#log.warning(
        `the lease of ${this.#scope.project} ${this.#scope.environment} was not given back: ${messageOf(error)}; it ends by itself at ${this.#record.end}`,
      );
    }
  }

  /** assertHeld throws when the lease was lost or released. */
  assertHeld(): void {
    this.lost.throwIfAborted();
    if (this.#isReleased) throw new Error('the lease was released before');
  }

  /** written tells the lease what the store last wrote of it. */
  written(record: Lease): void {
    this.#record = record;
    this.#isReleased = record.released;
    if (record.released) this.#stop();
  }

  /** lose marks the lease as lost to `holder` and returns the error, the reason of `lost`. */
  lose(holder: Lease | undefined): LeaseLostError {
    this.#stop();
    if (!this.lost.aborted) this.#lost.abort(new LeaseLostError(this.#scope, holder));
    return this.lost.reason as LeaseLostError;
  }

  async #renew(): Promise<void> {
    this.written(await this.#keeper.renew());
  }

  async #keepRenewing(clock: Clock, stopped: AbortSignal): Promise<void> {
    const { renewEveryMs, retryMs } = this.#timings;
    let pauseMs = renewEveryMs;
    while (await slept(clock, pauseMs)) {
      try {
        await this.#renew();
        pauseMs = renewEveryMs;
      } catch (error) {
        // Stopped, released or lost while the renewal waited for its turn.
        if (stopped.aborted) return;
        this.#log.warning(`the lease was not renewed, trying again: ${messageOf(error)}`);
        pauseMs = retryMs;
      }
    }
  }

  /** A loop of its own: a renewal that hangs must not hide that the end has passed. */
  async #watchEnd(clock: Clock): Promise<void> {
    while (await slept(clock, Math.max(this.#leftMs(), 1))) {
      if (this.#leftMs() <= 0) this.lose(undefined);
    }
  }

  #stop(): void {
    this.#heartbeat?.abort();
    this.#heartbeat = undefined;
  }

  #leftMs(): number {
    return Date.parse(this.#record.end) - this.#clock.now();
  }
}

/** slept waits on `clock` and tells whether the time is over; false when the clock has ended before. */
function slept(clock: Clock, ms: number): Promise<boolean> {
  return clock.sleep(ms).then(
    () => true,
    () => false,
  );
}
