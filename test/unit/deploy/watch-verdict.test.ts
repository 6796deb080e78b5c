import { expect, test } from '@jest/globals';
import { WatchVerdict } from '../../../src/deploy/steps/watch-verdict.ts';
import type { Answers } from '../../../src/nginx/traffic.ts';

const MONITOR = {
  periodMs: 120_000,
  maxFailureRatio: 0.05,
  latencyMs: 500,
  maxSlowRatio: 0.5,
  maxMemoryRatio: 0.95,
  minRequests: 20,
  breaches: 3,
};
const COPY = { name: 'shop_production_api', server: 'a' };

/** lookedAt has a verdict look as often as there are answers, which come on top of each other, and returns what it says each time. */
function lookedAt(each: Partial<Answers>[], before?: Answers, monitor = MONITOR): (string | undefined)[] {
  const verdict = new WatchVerdict(monitor, before);
  const all = { tries: 0, failures: 0, slow: 0 };
  return each.map((more) => {
    for (const key of ['tries', 'failures', 'slow'] as const) all[key] += more[key] ?? 0;
    return verdict.look([COPY], { ...all })?.why;
  });
}

const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one);

test('a version that answers well is well', () => {
  expect(lookedAt(times(10, { tries: 100, failures: 5, slow: 50 }))).toEqual(times(10, undefined));
});

test('too many failures in three looks in a row are too many', () => {
  expect(lookedAt(times(3, { tries: 100, failures: 6 }))).toEqual([
    undefined,
    undefined,
    'fails 6 % of its requests (at most 5 %)',
  ]);
});

test('a bad look between good ones is an accident', () => {
  const [good, bad] = [{ tries: 100 }, { tries: 100, failures: 50 }];
  expect(lookedAt([bad, bad, good, bad, bad, good])).toEqual(times(6, undefined));
});

test('few requests are put together until they say something', () => {
  const failing = { tries: 5, failures: 5 };
  const said = lookedAt(times(12, failing));
  expect(said.slice(0, 11)).toEqual(times(11, undefined));
  expect(said[11]).toBe('fails 100 % of its requests (at most 5 %)');
});

test('what the version before had comes on top: one that is no worse is never taken back', () => {
  const before = { tries: 1_000, failures: 100, slow: 600 };
  expect(lookedAt(times(5, { tries: 100, failures: 14, slow: 100 }), before)).toEqual(times(5, undefined));
  expect(lookedAt(times(3, { tries: 100, failures: 16 }), before).at(-1)).toBe(
    'fails 16 % of its requests (at most 15 %)',
  );
});

test('answers that are slow are told by how slow they may be', () => {
  expect(lookedAt(times(3, { tries: 100, slow: 80 })).at(-1)).toBe(
    'takes more than 500 ms for 80 % of its answers (at most 50 %)',
  );
});

test('an edge that was started again counts from nothing', () => {
  const verdict = new WatchVerdict({ ...MONITOR, breaches: 1 });
  expect(verdict.look([COPY], { tries: 1_000, failures: 10, slow: 0 })).toBeUndefined();
  expect(verdict.look([COPY], { tries: 30, failures: 0, slow: 0 })).toBeUndefined();
  expect(verdict.look([COPY], { tries: 60, failures: 30, slow: 0 })?.why).toMatch('fails 100 %');
});

test('a container that has ended needs no second look, and is the one that is told of', () => {
  const ended = { name: 'shop_production_api_secondary', server: 'b', complaint: 'has crashed' };
  expect(new WatchVerdict(MONITOR).look([COPY, ended], undefined)).toEqual({
    why: 'has crashed',
    copy: ended,
  });
});

test('memory is looked at for each copy by itself', () => {
  const verdict = new WatchVerdict(MONITOR);
  const full = (server: string) => ({ name: 'api', server, memoryRatio: 0.99 });
  const looks = [[full('a')], [full('b')], [full('a')], [full('a')]].map((copies) =>
    verdict.look(copies, undefined),
  );
  expect(looks.slice(0, 3)).toEqual(times(3, undefined));
  expect(looks[3]).toEqual({ why: 'uses 99 % of its memory (at most 95 %)', copy: full('a') });
});
