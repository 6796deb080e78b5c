import { describe, expect, test } from '@jest/globals';
import { stepsOf } from '../../../src/deploy/planning/plan.ts';
import { deployed, kindsOf, NOTHING, newWorld, planFor } from './deployed.ts';
import { database, servers, service, shop } from './specs.ts';

/** A file with so many servers, and api on some of them. */
const on = (count: number, copies = count) => shop([service('api', { servers: copies })], servers(count));

describe('growing from one server to two', () => {
  test('opens host ports, and names the new container that this causes', async () => {
    const world = await deployed(on(1));
    const plan = await planFor(world, on(2));
    expect(plan.changes).toMatchObject([
      {
        effect: 'toggle',
        servers: ['a', 'b'],
        reasons: ['its host port has to be open to the other servers on a', 'not on b yet'],
      },
    ]);
    expect(stepsOf(plan, 'start').map(({ blueprint }) => blueprint.publishOn)).toEqual([
      '10.0.0.1',
      '10.0.0.2',
    ]);
    await world.deploy(on(2));
    expect(world.state.services.api?.copies).toMatchObject([
      { server: 'a', port: expect.any(Number) },
      { server: 'b' },
    ]);
    for (const server of ['a', 'b'])
      expect(world.answering('api.example.com', server)).toEqual([
        'shop_production_api',
        'shop_production_api_secondary',
      ]);
    expect(await world.describe(on(2))).toEqual(NOTHING);
  });

  test('names the restart of a service that is recreated', async () => {
    const world = await deployed(shop([database('db')]));
    const [, change] = await world.describe(shop([database('db')], servers(2)));
    expect(change).toMatch(/^ {2}db 1: RESTART/);
  });
});

describe('a server that left the file and comes back', () => {
  const api = (version: number, count: number, copies = count) =>
    shop([service('api', { servers: copies, image: `api:${version}` })], servers(count));

  // The others were alone meanwhile: their host ports are closed, and nothing on the server reaches them.
  test.each([1, 2])('serves with its own copy until it reaches %i newer ones', async (copies) => {
    const world = await deployed(api(1, 2));
    await world.deploy(api(2, 1));
    world.loseRecord();
    await world.deploy(api(3, 2, copies));
    expect(world.users.lost).toEqual([]);
    expect(await world.describe(api(3, 2, copies))).toEqual(NOTHING);
  });

  test('still serves with it when the newer one fails', async () => {
    const world = await deployed(api(1, 2));
    await world.deploy(api(2, 1));
    world.loseRecord();
    world.registry.define('api:3', { port: 9 });
    await expect(world.deploy(api(3, 2))).rejects.toThrow('not healthy');
    expect(world.users.lost).toEqual([]);
  });
});

describe('shrinking', () => {
  test('to fewer copies gives the routes first, then drains the copies that go', async () => {
    const world = await deployed(on(2));
    const plan = await planFor(world, on(2, 1));
    expect(kindsOf(plan)).toEqual([
      'stage',
      'probe',
      'switch',
      'prove',
      'drain',
      'stop',
      'remove',
      'end probe',
    ]);
    expect(stepsOf(plan, 'drain')).toMatchObject([{ timeoutMs: 120_000 }]);
    await world.deploy(on(2, 1));
    expect(world.state.services.api?.copies).toHaveLength(1);
    expect([...world.running('a'), ...world.running('b')]).toHaveLength(1);
    expect(await world.describe(on(2, 1))).toEqual(NOTHING);
  });

  test('to one server, when the other is off, closes the host port of the one that stays', async () => {
    const world = await deployed(on(2));
    world.switchOff('b');
    await world.deploy(on(1));
    expect(world.running('a')).toEqual(['shop_production_api_secondary']);
    expect(world.container('shop_production_api_secondary').bindings).toEqual([]);
  });
});

test('copies stay where they are when a server joins', async () => {
  const world = await deployed(on(2));
  await world.deploy(on(4, 2));
  expect(world.state.services.api?.copies.map(({ server }) => server)).toEqual(['a', 'b']);
});

test('servers of other zones have no host port open to them', async () => {
  const wanted = shop([service('api', { servers: 2 })], servers(2, ['lon1', 'nyc1']));
  const plan = await planFor(newWorld(), wanted);
  expect(stepsOf(plan, 'start').map(({ blueprint }) => blueprint.publishOn)).toEqual([undefined, undefined]);
});

describe('a server from which somebody has removed the sidecar and all that it served', () => {
  test('gets them back in one run, while the others serve', async () => {
    const world = await deployed(on(2));
    const machine = world.machine('b');
    for (const name of ['shop_production_nginx', 'shop_production_api']) machine.remove(machine.find(name)!);
    await world.deploy(on(2));
    expect(world.machine('b').find('shop_production_api')?.isRunning).toBe(true);
    expect(await world.describe(on(2))).toEqual(NOTHING);
  });
});
