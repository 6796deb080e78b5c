import { describe, expect, test } from '@jest/globals';
import { type Clock, inTime, poll, systemClock } from '../../../src/model/clock.ts';

/** A clock on which only sleeping takes time, and that time at once. It tells how long each sleep was. */
class QuickClock implements Clock {
  readonly sleeps: number[] = [];
  #now = 1_000_000;

  now(): number {
    return this.#now;
  }

  async sleep(ms: number): Promise<void> {
    this.sleeps.push(ms);
    this.#now += ms;
  }

  endingWith(): Clock {
    return this;
  }
}

/** look finds something at the n-th time, and never without one. */
function findingAt(time = Number.POSITIVE_INFINITY): { look(): Promise<string | undefined>; looks: number } {
  return {
    looks: 0,
    async look() {
      this.looks += 1;
      return this.looks >= time ? 'found' : undefined;
    },
  };
}

describe('poll', () => {
  test('returns what it finds, and does not wait before it looks', async () => {
    const clock = new QuickClock();
    const there = findingAt(1);
    expect(await poll(clock, { everyMs: 100 }, () => there.look())).toBe('found');
    expect(clock.sleeps).toEqual([]);
  });

  test('looks again after each pause', async () => {
    const clock = new QuickClock();
    const late = findingAt(4);
    expect(await poll(clock, { everyMs: 100, timeoutMs: 1000 }, () => late.look())).toBe('found');
    expect(clock.sleeps).toEqual([100, 100, 100]);
  });

  test('looks once at least, however little time there is', async () => {
    for (const timeoutMs of [0, -1]) {
      const never = findingAt();
      expect(await poll(new QuickClock(), { everyMs: 100, timeoutMs }, () => never.look())).toBeUndefined();
      expect(never.looks).toBe(1);
    }
  });

  test('gives up when the time is over, after a last look at its very end', async () => {
    const clock = new QuickClock();
    const never = findingAt();
    expect(await poll(clock, { everyMs: 100, timeoutMs: 250 }, () => never.look())).toBeUndefined();
    expect(clock.sleeps).toEqual([100, 100, 50]);
    expect(never.looks).toBe(4);
  });

  test('counts the time that looking takes', async () => {
    const clock = new QuickClock();
    const slow = async () => {
      await clock.sleep(90);
      return undefined;
    };
    await poll(clock, { everyMs: 10, timeoutMs: 250 }, slow);
    expect(clock.sleeps).toEqual([90, 10, 90, 10, 90]);
  });

  test('asks how long the next pause shall be', async () => {
    const clock = new QuickClock();
    const late = findingAt(5);
    const everyMs = (looks: number): number => Math.min(100 * 2 ** (looks - 1), 500);
    await poll(clock, { everyMs }, () => late.look());
    expect(clock.sleeps).toEqual([100, 200, 400, 500]);
  });

  test('takes false, 0 and nothing at all for something that was found', async () => {
    for (const found of [false, 0, '', null]) {
      expect(await poll(new QuickClock(), { everyMs: 1 }, async () => found)).toBe(found);
    }
  });

  test('throws what looking throws', async () => {
    const failing = poll(new QuickClock(), { everyMs: 1 }, async () =>
      Promise.reject(new Error('the cause')),
    );
    await expect(failing).rejects.toThrow('the cause');
  });

  test('ends with the signal of its clock, in the middle of a pause, with its reason', async () => {
    const run = new AbortController();
    const clock = systemClock.endingWith(run.signal);
    const waiting = poll(clock, { everyMs: 60_000 }, async () => undefined);
    setTimeout(() => run.abort(new Error('the run was cancelled')), 5);
    await expect(waiting).rejects.toThrow(/^the run was cancelled$/);
  });

  test('looks once at a clock that has ended, and waits no more', async () => {
    const clock = systemClock.endingWith(AbortSignal.abort(new Error('cancelled before')));
    const there = findingAt(1);
    expect(await poll(clock, { everyMs: 60_000 }, () => there.look())).toBe('found');
    const late = findingAt(2);
    await expect(poll(clock, { everyMs: 60_000 }, () => late.look())).rejects.toThrow('cancelled before');
    expect(late.looks).toBe(1);
  });
});

describe('the clock of this machine', () => {
  test('tells the time, and does not go back', () => {
    const [before, after] = [systemClock.now(), systemClock.now()];
    expect(after).toBeGreaterThanOrEqual(before);
    expect(Math.abs(before - Date.now())).toBeLessThan(60_000);
  });

  test('ends its sleeps with each of the signals that it was given', async () => {
    const [run, step] = [new AbortController(), new AbortController()];
    const both = systemClock.endingWith(run.signal).endingWith(step.signal);
    const sleeping = both.sleep(60_000);
    step.abort(new Error('the step'));
    await expect(sleeping).rejects.toThrow(/^the step$/);
    const other = systemClock.endingWith(run.signal).sleep(60_000);
    run.abort(new Error('the run'));
    await expect(other).rejects.toThrow(/^the run$/);
  });
});

describe('inTime', () => {
  test('returns what the work came to', async () => {
    expect(await inTime(systemClock, Promise.resolve('done'), 60_000, 'late')).toBe('done');
  });

  test('returns what was agreed on when the work takes longer', async () => {
    expect(await inTime(systemClock, new Promise(() => undefined), 1, 'late')).toBe('late');
  });

  test('fails with the work', async () => {
    const failing = inTime(systemClock, Promise.reject(new Error('the cause')), 60_000, 'late');
    await expect(failing).rejects.toThrow('the cause');
  });

  test('leaves no timer behind', async () => {
    const sleeps: Promise<void>[] = [];
    const clock: Clock = {
      now: () => 0,
      sleep: () => Promise.resolve(),
      endingWith: (signal) => {
        const until = systemClock.endingWith(signal);
        return { ...until, sleep: (ms) => sleeps[sleeps.push(until.sleep(ms)) - 1]! };
      },
    };
    await inTime(clock, Promise.resolve('done'), 60_000, 'late');
    await expect(sleeps[0]).rejects.toThrow();
  });
});
