import { expect, test } from '@jest/globals';
import { deployed } from './deployed.ts';
import { type ServiceChanges, service, shop } from './specs.ts';
import { failureOf } from './story.ts';

/** An app that listens elsewhere than the file says. */

const LONG = {
  kind: 'default',
  intervalMs: 1_000,
  timeoutMs: 5_000,
  retries: 3,
  startPeriodMs: 10_000,
} as const;
const api = (image: string, changes: ServiceChanges = {}) =>
  shop([service('api', { image, policy: { healthcheck: LONG }, ...changes })]);

test('is told what it listens on as soon as that is certain, and what serves goes on', async () => {
  const world = await deployed(api('api:1'));
  world.registry.define('api:2', { port: 8080 });
  const begun = world.elapsedMs;
  const failure = failureOf(await world.tryDeploy(api('api:2')));
  expect(failure).toMatchObject({
    message: expect.stringMatching(
      /was not healthy: nothing listens on port 3000 of the container, which listens on 8080\. /,
    ),
    hint: expect.stringContaining('Set "port" of the service'),
  });
  expect(world.elapsedMs - begun).toBeLessThan(20_000);
  expect(world.serving('api')).toBe('shop_production_api');
  expect(world.containersOf('a', 'helper')).toEqual([]);
});

test('is not told so while it starts: another port may be there first', async () => {
  const world = await deployed(api('api:1'));
  world.registry.define('api:2', { bootMs: 9_000 });
  await world.deploy(api('api:2'));
});

test('that listens on nothing has its whole time, and is told so then', async () => {
  const world = await deployed(api('api:1'));
  world.registry.define('api:2', { bootMs: 60_000 });
  const begun = world.elapsedMs;
  expect(failureOf(await world.tryDeploy(api('api:2')))).toMatchObject({
    message: expect.stringMatching(
      /was not healthy within .* s: nothing listens on port 3000 .* no port at all/,
    ),
  });
  expect(world.elapsedMs - begun).toBeGreaterThan(28_000);
});
