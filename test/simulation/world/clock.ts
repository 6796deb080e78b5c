import type { Clock } from '../../../src/model/clock.ts';

/** When every simulation begins. */
const BEGINNING = Date.parse('2026-11-01T12:00:00Z');
/** More wakes than this without any time passing are a loop that waits for nothing. */
const WAKES_AT_ONCE_MAX = 50_000;
/** Real input and output that a run may be waiting for: files it reads. */
const REAL_WAITING = /^FSReq/;

/** Whose time a clock tells: of a run that is over, nobody is ever woken again. */
export interface Owner {
  isGone: boolean;
}

/** Something that the clock does when its time has come. */
export interface Alarm {
  /** cancel keeps it from happening; one that has happened is left alone. */
  cancel(): void;
}

/** An entry of the clock's queue. */
interface Entry {
  at: number;
  /** Of two at the same time the one that came first is first. */
  order: number;
  owner: Owner | undefined;
  isCancelled: boolean;
  ring(): void;
}

/** Nobody is left who could go on: whoever is waited for waits for something that will never happen. */
export class DeadlockError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'DeadlockError';
  }
}

/**
 * VirtualClock is the time of a simulation. It stands still while anybody can go on; when all wait, it jumps to the
 * earliest moment that somebody waits for. It only runs while `finish` waits for something.
 */
export class VirtualClock implements Clock {
  readonly #queue = new Queue();
  #now = BEGINNING;
  #order = 0;
  #wakesAtOnce = 0;
  #waiting = new Set<(error: Error) => void>();
  #isRunning = false;
  readonly #explain: () => string;

  /** `explain` tells what came last, for whoever waits for something that never happens. */
  constructor(explain: () => string = () => '') {
    this.#explain = explain;
  }

  now(): number {
    return this.#now;
  }

  sleep(ms: number): Promise<void> {
    return this.#sleep(ms, [], undefined);
  }

  endingWith(signal: AbortSignal): Clock {
    return this.#view([signal], undefined);
  }

  /** of returns this clock for somebody who may be gone one day: then nothing wakes them any more. */
  of(owner: Owner): Clock {
    return this.#view([], owner);
  }

  /**
   * after does something when `ms` are over, by itself: nobody waits for it, and what only it could change is still a
   * deadlock.
   */
  after(ms: number, work: () => void): Alarm {
    const entry = this.#add(ms, undefined, work);
    return {
      cancel: () => {
        entry.isCancelled = true;
      },
    };
  }

  /**
   * finish lets time pass until `work` is done, and returns what it came to. It throws a DeadlockError when nobody is
   * left who could go on, or when a day has passed.
   */
  async finish<T>(work: Promise<T>): Promise<T> {
    const stuck = Promise.withResolvers<never>();
    this.#waiting.add(stuck.reject);
    if (!this.#isRunning) this.#run();
    try {
      return await Promise.race([work, stuck.promise]);
    } finally {
      this.#waiting.delete(stuck.reject);
    }
  }

  /** pass lets so much time pass, whatever happens meanwhile. */
  async pass(ms: number): Promise<void> {
    await this.finish(this.sleep(ms));
  }

  #view(signals: readonly AbortSignal[], owner: Owner | undefined): Clock {
    return {
      now: () => this.#now,
      sleep: (ms) => this.#sleep(ms, signals, owner),
      endingWith: (signal) => this.#view([...signals, signal], owner),
    };
  }

  #sleep(ms: number, signals: readonly AbortSignal[], owner: Owner | undefined): Promise<void> {
    const ended = signals.find((signal) => signal.aborted);
    if (ended !== undefined) return Promise.reject(ended.reason);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const end = () => {
      if (entry.isCancelled) return;
      entry.isCancelled = true;
      for (const signal of signals) signal.removeEventListener('abort', abort);
    };
    const abort = () => {
      end();
      if (!owner?.isGone) reject(signals.find((signal) => signal.aborted)?.reason);
    };
    const entry = this.#add(ms, owner, () => {
      end();
      resolve();
    });
    for (const signal of signals) signal.addEventListener('abort', abort);
    return promise;
  }

  #add(ms: number, owner: Owner | undefined, ring: () => void): Entry {
    const entry = { at: this.#now + Math.max(0, ms), order: this.#order++, owner, isCancelled: false, ring };
    this.#queue.add(entry);
    return entry;
  }

  /** Each turn of the event loop begins when nobody can go on any more, and wakes one. */
  #run(): void {
    this.#isRunning = true;
    const end = this.#now + 86_400_000;
    const turn = () => {
      if (this.#waiting.size === 0) {
        this.#isRunning = false;
        return;
      }
      if (!isWaitingForReal()) this.#wakeNext(end);
      setImmediate(turn);
    };
    setImmediate(turn);
  }

  #wakeNext(end: number): void {
    const entry = this.#next();
    this.#wakesAtOnce = entry === undefined || entry.at > this.#now ? 0 : this.#wakesAtOnce + 1;
    if (entry === undefined) this.#giveUp('nobody is left who could go on');
    else if (entry.at > end) this.#giveUp('a day has passed, and it is not done');
    else if (this.#wakesAtOnce > WAKES_AT_ONCE_MAX) this.#giveUp('somebody waits for no time, for ever');
    else {
      this.#now = Math.max(this.#now, entry.at);
      entry.ring();
    }
  }

  /** Drops what is cancelled, and who is gone. */
  #next(): Entry | undefined {
    for (;;) {
      const entry = this.#queue.take();
      if (entry === undefined || !(entry.isCancelled || entry.owner?.isGone)) return entry;
    }
  }

  #giveUp(reason: string): void {
    const error = new DeadlockError(`${reason}${this.#explain()}`);
    for (const reject of this.#waiting) reject(error);
    this.#waiting.clear();
  }
}

/** What only the real world can bring is waited for before time passes. */
function isWaitingForReal(): boolean {
  return process.getActiveResourcesInfo().some((kind) => REAL_WAITING.test(kind));
}

/** Queue is a binary heap of entries: the earliest is taken first. */
class Queue {
  readonly #entries: Entry[] = [];

  add(entry: Entry): void {
    const entries = this.#entries;
    let at = entries.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, entries[parent]!)) break;
      entries[at] = entries[parent]!;
      at = parent;
    }
    entries[at] = entry;
  }

  take(): Entry | undefined {
    const entries = this.#entries;
    const first = entries[0];
    const last = entries.pop();
    if (first === undefined || last === undefined || entries.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= entries.length) break;
      if (child + 1 < entries.length && isBefore(entries[child + 1]!, entries[child]!)) child += 1;
      if (!isBefore(entries[child]!, last)) break;
      entries[at] = entries[child]!;
      at = child;
    }
    entries[at] = last;
    return first;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
