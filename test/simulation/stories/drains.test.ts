import { expect, test } from '@jest/globals';
import type { Connection } from '../world/namespace.ts';
import type { World } from '../world/world.ts';
import { deployed } from './deployed.ts';
import { service, shop } from './specs.ts';

/** What a drain without limit waits for, and what it does not. */

const api = (image: string, drainTimeoutMs = 0) =>
  shop([service('api', { image, policy: { drainTimeoutMs } })]);

/** Connections to the old copy, beside those of its users. */
function connect(world: World, count: number, how: Partial<Connection> = {}): Connection[] {
  const { connections } = world.machine('a').need('shop_production_api').namespace;
  return Array.from({ length: count }, () => {
    const connection = { port: 3000, from: '10.200.0.3', ...how };
    connections.add(connection);
    return connection;
  });
}

/** Deploys another version, and returns how long that took and what the run said. */
async function replace(world: World) {
  const begun = world.elapsedMs;
  await world.deploy(api('api:2'));
  const { lines } = world.runs.at(-1)!;
  return { tookMs: world.elapsedMs - begun, lines };
}

test('connections that the app does not close are not waited for, and named', async () => {
  const world = await deployed(api('api:1'));
  connect(world, 25, { isHalfClosed: true });
  const { tookMs, lines } = await replace(world);
  expect(lines).toContain(
    'warning: shop_production_api on a: the drain did not wait for 25 connections that api left half-open (CLOSE_WAIT): everybody has gone, and the app does not close its end',
  );
  expect(tookMs).toBeLessThan(40_000);
});

test('those that it closes within their time are nobody to speak of', async () => {
  const world = await deployed(api('api:1'));
  const [late] = connect(world, 1, { isHalfClosed: true });
  world.clock.after(9_000, () =>
    world.machine('a').need('shop_production_api').namespace.connections.delete(late!),
  );
  const { lines } = await replace(world);
  expect(lines.filter((line) => line.includes('half-open'))).toEqual([]);
});

test('those that somebody uses are waited for, however many are left half-open beside them', async () => {
  const world = await deployed(api('api:1'));
  connect(world, 25, { isHalfClosed: true });
  const [used] = connect(world, 1);
  world.clock.after(90_000, () =>
    world.machine('a').need('shop_production_api').namespace.connections.delete(used!),
  );
  const { tookMs, lines } = await replace(world);
  expect(tookMs).toBeGreaterThan(90_000);
  expect(lines.join('\n')).toMatch(/waits for 1 connection to its port 3000 to end/);
});

test('the old copy has stopped within 5 s of its last connection', async () => {
  const world = await deployed(api('api:1'));
  const [last] = connect(world, 1);
  const old = world.machine('a').need('shop_production_api');
  const endsAt = world.clock.now() + 90_000;
  world.clock.after(90_000, () => old.namespace.connections.delete(last!));
  await replace(world);
  expect(old.finishedAt).toBeGreaterThan(endsAt);
  expect(old.finishedAt! - endsAt).toBeLessThan(5_000);
});

test('nobody is cut where a time is over before theirs is', async () => {
  const world = await deployed(api('api:1', 5_000));
  connect(world, 25, { isHalfClosed: true });
  await world.deploy(api('api:2', 5_000));
  const { lines } = world.runs.at(-1)!;
  expect(lines.filter((line) => /are cut|is cut/.test(line))).toEqual([]);
});
