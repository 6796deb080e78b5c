import { describe, expect, test } from '@jest/globals';
import type { World } from '../world/world.ts';
import { deployed, kindsOf, NOTHING, newWorld, planFor } from './deployed.ts';
import { database, type ServiceChanges, scheduler, servers, service, shop, worker } from './specs.ts';
import { convergence, rest } from './story.ts';

const API = 'shop_production_api';
const SECONDARY = `${API}_secondary`;
const DOMAIN = 'api.example.com';
const web = (changes: ServiceChanges = {}) => shop([service('api', changes)]);
const clock = (changes: ServiceChanges = {}) => shop([scheduler('api', { image: 'clock:1', ...changes })]);

/** A world in which api serves users with streams of ten seconds. */
async function serving(wanted = web()): Promise<World> {
  const world = newWorld();
  world.users.streamMs = 10_000;
  await world.deploy(wanted);
  await rest(world);
  return world;
}

/** In every story here nobody loses what was in flight, and no two run at once of the worker that must be alone. */
describe('a service that becomes a worker of which two must not run at once', () => {
  test('is out of the routes and drained before it stops, and then the worker starts', async () => {
    const world = await serving();
    const plan = await planFor(world, clock());
    expect(kindsOf(plan)).toEqual([
      'pull',
      'record intent',
      'stage',
      'switch',
      'prove',
      'drain',
      'stop',
      'start',
      'answer',
      'healthy',
      'remove',
    ]);
    await world.deploy(clock());
    expect(world.running()).toEqual([SECONDARY]);
    expect([world.working('api'), world.answering(DOMAIN)]).toEqual([SECONDARY, []]);
    await rest(world);
    expect(await world.describe(clock())).toEqual(NOTHING);
  });

  test('drains for as long as it was promised while it had a port', async () => {
    const world = await serving(web({ policy: { drainTimeoutMs: 0 } }));
    world.users.streamMs = 200_000;
    await world.deploy(clock());
    expect(world.users.cut).toEqual([]);
    expect(world.running()).toEqual([SECONDARY]);
    // As what becomes any other worker does.
    const other = await serving(web({ policy: { drainTimeoutMs: 0 } }));
    other.users.streamMs = 200_000;
    await other.deploy(shop([worker('api')]));
    expect(other.users.cut).toEqual([]);
  });

  test('on all servers that send to it', async () => {
    const on = servers(2);
    const world = await serving(shop([service('api', { servers: 2 })], on));
    const alone = shop([scheduler('api', { image: 'clock:1' })], on);
    await world.deploy(alone);
    expect([...world.running('a'), ...world.running('b')]).toHaveLength(1);
    await rest(world);
    expect(await world.describe(alone)).toEqual(NOTHING);
  });

  test('and moves to another server', async () => {
    const on = servers(2, ['lon1', 'nyc1']);
    const world = await serving(shop([service('api', { zones: ['lon1'] })], on));
    await world.deploy(shop([scheduler('api', { image: 'clock:1', zones: ['nyc1'] })], on));
    expect([world.running('a'), world.running('b')]).toEqual([[], [API]]);
  });

  test('serves again where the worker does not get healthy', async () => {
    const world = await serving();
    world.registry.define('clock:1', { crashesAfterMs: 300 });
    await expect(world.deploy(clock())).rejects.toThrow('crashed');
    expect([world.running(), world.answering(DOMAIN), world.serving('api')]).toEqual([[API], [API], API]);
    await rest(world);
    expect(await world.describe(web())).toEqual(NOTHING);
  });

  test('where the record is lost', async () => {
    const world = await serving();
    world.loseRecord();
    await world.deploy(clock());
    expect(world.running()).toEqual([SECONDARY]);
    const other = await serving();
    other.loseRecord();
    await other.deploy(shop([worker('api', { image: 'clock:1' })]));
    expect(other.running()).toEqual([SECONDARY]);
  });

  test.each(['switch', 'drain', 'stop', 'start', 'healthy', 'remove'])(
    'in a run that is killed when it begins to %s: the next one finishes it, or goes back',
    async (kind) => {
      const begins = new RegExp(`^begins: ${kind}:`);
      for (const next of [clock(), web()]) {
        const world = await serving();
        await world.deployUntil(begins, clock());
        await world.clock.pass(200_000);
        expect(await convergence(world, next)).toBeUndefined();
      }
    },
  );
});

test('one that becomes a service again is reached at its domain', async () => {
  const world = await deployed(clock(), web());
  expect(world.answering(DOMAIN)).toEqual([SECONDARY]);
  expect(await world.describe(web())).toEqual(NOTHING);
});

test('a database that gives up its port is drained too: nobody waits for its successor', async () => {
  const world = await deployed(shop([database('api')]));
  world.users.streamMs = 5_000;
  const alone = shop([scheduler('api', { volumes: ['api-data'] })]);
  expect(kindsOf(await planFor(world, alone))).toContain('drain');
  await world.deploy(alone);
  expect(world.running()).toEqual([SECONDARY]);
});
