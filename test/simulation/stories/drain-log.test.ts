import { expect, test } from '@jest/globals';
import { deployed } from './deployed.ts';
import { service, shop } from './specs.ts';

const api = (image: string, drainTimeoutMs: number) =>
  shop([service('api', { image, policy: { drainTimeoutMs } })]);

/** told returns the lines of a deploy's log that speak of the drain, while streams of users stay open for some time. */
async function told(streamMs: number, drainTimeoutMs: number): Promise<string[]> {
  const world = await deployed(api('api:1', drainTimeoutMs));
  world.users.streamMs = streamMs;
  const { run, ended } = world.start(api('api:2', drainTimeoutMs));
  await world.clock.finish(ended);
  return run.lines.filter((line) => /gets nothing new|waits for|the drain timeout/.test(line));
}

test('a drain says what it waits for, how long it has, and how long it may', async () => {
  expect(await told(20_000, 120_000)).toEqual([
    ...[5, 10, 15].map((seconds) =>
      expect.stringMatching(
        new RegExp(
          `^shop_production_api on a waits for \\d+ connections? to its port 3000 to end: ${seconds} s of 120 s$`,
        ),
      ),
    ),
  ]);
});

test.each<[string, number, number, string]>([
  ['no limit', 10_000, 0, 'to end: 5 s of unlimited time'],
  ['too little time', 20_000, 8_000, 'cut, the drain timeout of 8 s is over'],
])('a drain with %s says so', async (_what, streamMs, drainTimeoutMs, line) => {
  expect((await told(streamMs, drainTimeoutMs)).join('\n')).toContain(line);
});

test('a drain with nobody there does not say that it waits', async () => {
  expect((await told(0, 120_000)).filter((line) => line.includes('waits for'))).toEqual([]);
});
