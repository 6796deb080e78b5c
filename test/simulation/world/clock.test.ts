import { expect, test } from '@jest/globals';
import { inTime, poll } from '../../../src/model/clock.ts';
import { DeadlockError, VirtualClock } from './clock.ts';

test('time passes at once, and in order', async () => {
  const clock = new VirtualClock();
  const begun = clock.now();
  const told: string[] = [];
  const wait = async (name: string, ms: number) => {
    await clock.sleep(ms);
    told.push(`${name} after ${clock.now() - begun}`);
  };
  await clock.finish(Promise.all([wait('a', 3_600_000), wait('b', 10), wait('c', 10), wait('d', 0)]));
  expect(told).toEqual(['d after 0', 'b after 10', 'c after 10', 'a after 3600000']);
});

test('it stands still while somebody can go on', async () => {
  const clock = new VirtualClock();
  const begun = clock.now();
  const busy = async () => {
    for (let step = 0; step < 1_000; step++) await Promise.resolve();
    return clock.now() - begun;
  };
  const [, passed] = await clock.finish(Promise.all([clock.sleep(1), busy()]));
  expect(passed).toBe(0);
});

test('what waits for nothing is found out', async () => {
  const clock = new VirtualClock();
  await expect(clock.finish(new Promise(() => undefined))).rejects.toThrow(DeadlockError);
  // What happens by itself again and again is nothing to wait for.
  const again = () => {
    clock.after(3_600_000, again);
  };
  again();
  await expect(clock.finish(new Promise(() => undefined))).rejects.toThrow('a day has passed');
  const loop = async () => {
    for (;;) await clock.sleep(0);
  };
  await expect(clock.finish(loop())).rejects.toThrow('waits for no time, for ever');
});

test('sleeps end with the signals of their clock', async () => {
  const clock = new VirtualClock();
  const over = new AbortController();
  const ending = clock.endingWith(over.signal).endingWith(new AbortController().signal);
  clock.after(50, () => over.abort(new Error('called off')));
  await expect(clock.finish(ending.sleep(100))).rejects.toThrow('called off');
  await expect(ending.sleep(1)).rejects.toThrow('called off');
});

test('whoever is gone is never woken again', async () => {
  const clock = new VirtualClock();
  const owner = { isGone: false };
  let isWoken = false;
  void clock
    .of(owner)
    .sleep(100)
    .then(() => {
      isWoken = true;
    });
  owner.isGone = true;
  await clock.pass(1_000);
  expect(isWoken).toBe(false);
});

test('an alarm that was cancelled does not ring', async () => {
  const clock = new VirtualClock();
  const told: string[] = [];
  clock.after(10, () => told.push('first'));
  clock.after(20, () => told.push('second')).cancel();
  await clock.pass(30);
  expect(told).toEqual(['first']);
});

test("the product's own ways to wait work with it", async () => {
  const clock = new VirtualClock();
  const begun = clock.now();
  let looks = 0;
  const found = poll(clock, { everyMs: 100, timeoutMs: 1_000 }, async () =>
    ++looks === 4 ? looks : undefined,
  );
  expect(await clock.finish(found)).toBe(4);
  expect(clock.now() - begun).toBe(300);
  expect(await clock.finish(inTime(clock, new Promise(() => undefined), 50, 'late'))).toBe('late');
});
