import { expect, test } from '@jest/globals';
import { EDGE_NAME } from '../../../src/model/names.ts';
import { CONFIG_FOLDER } from '../../../src/nginx/tree.ts';
import { World } from '../world/world.ts';
import { deployed, NOTHING } from './deployed.ts';
import { type ServiceChanges, servers, service, shop, worker } from './specs.ts';
import { complaintOf, failureOf, rest } from './story.ts';

/** A service of which `replicas` copies stand on each of two servers. */
const api = (version: number, replicas: number, changes: ServiceChanges = {}) =>
  shop([service('api', { image: `api:${version}`, servers: 2, replicas, ...changes })], servers(2));

const named = (...slots: string[]) =>
  slots.map((slot) => `shop_production_api${slot === 'base' ? '' : `_${slot}`}`).sort();

/** Ids of the containers of a server, by their names. */
const idsOf = (world: World, server = 'a') =>
  new Map(world.containersOf(server, 'service').map(({ name, id }) => [name, id]));

test('two copies on each server are balanced, and replaced together', async () => {
  const world = await deployed(api(1, 2));
  expect([world.running('a'), world.running('b')]).toEqual([named('base', '3'), named('base', '3')]);
  expect(world.serving('api')?.split(', ').sort()).toEqual(named('base', '3'));
  await world.deploy(api(2, 2));
  expect([world.running('a'), world.running('b')]).toEqual([
    named('secondary', '4'),
    named('secondary', '4'),
  ]);
  expect(world.serving('api')?.split(', ').sort()).toEqual(named('secondary', '4'));
  expect(world.state.services.api!.copies.map(({ server, slot }) => `${server} ${slot}`)).toEqual([
    'a secondary',
    'a 4',
    'b secondary',
    'b 4',
  ]);
  expect(await world.describe(api(2, 2))).toEqual(NOTHING);
  expect(complaintOf(world)).toBeUndefined();
});

test('where only the number changes, only the difference starts or goes', async () => {
  const world = await deployed(api(1, 1));
  const first = idsOf(world);
  await world.deploy(api(1, 3));
  const three = idsOf(world);
  expect([...three.keys()].sort()).toEqual(named('base', '3', '5'));
  expect(three.get('shop_production_api')).toBe(first.get('shop_production_api'));
  expect(world.state.services.api).toMatchObject({ release: 1 });
  await rest(world);
  await world.deploy(api(1, 2));
  expect([...idsOf(world)]).toEqual([...three].filter(([name]) => !name.endsWith('_5')));
  expect(await world.describe(api(1, 2))).toEqual(NOTHING);
  expect(complaintOf(world)).toBeUndefined();
});

test('one that does not get healthy takes all new ones with it, and the old ones never notice', async () => {
  const world = await deployed(api(1, 2));
  const before = idsOf(world);
  world.registry.define('api:2', { crashesAfterMs: 100 });
  expect(String(failureOf(await world.tryDeploy(api(2, 2))))).toContain('api');
  expect(idsOf(world)).toEqual(before);
  expect(world.serving('api')?.split(', ').sort()).toEqual(named('base', '3'));
  expect(complaintOf(world)).toBeUndefined();
});

test('the traffic moves by a flag: no nginx reads a new configuration', async () => {
  const world = await deployed(api(1, 2));
  const pointers = () =>
    [EDGE_NAME, 'shop_production_nginx'].map((name) => {
      const files = [...(world.container(name).list(CONFIG_FOLDER) ?? [])];
      return files.filter(([path]) => path.endsWith('/nginx.conf'));
    });
  const before = pointers();
  expect(before.flat()).toHaveLength(2);
  await world.deploy(api(2, 2));
  expect(pointers()).toEqual(before);
});

test('one that dies is passed over, and the next deploy starts it again in its place', async () => {
  const world = new World();
  await world.deploy(api(1, 2));
  const before = idsOf(world);
  world.machine('a').crash(world.container('shop_production_api_3'), 1);
  await rest(world);
  await world.deploy(api(1, 2));
  expect(idsOf(world)).toEqual(before);
  expect(world.running('a')).toEqual(named('base', '3'));
});

test.each([2, 3, 6])(
  'a server that dies with its %d copies is passed over by the other one',
  async (replicas) => {
    const world = await deployed(api(1, replicas));
    world.machine('b').powerOff();
    const answers = Array.from({ length: 12 }, () => world.ask('a', { host: 'api.example.com' }).status);
    expect(new Set(answers)).toEqual(new Set([200]));
  },
);

test('one whose container is gone is replaced, and the others stay', async () => {
  const world = new World();
  await world.deploy(api(1, 2));
  const first = idsOf(world).get('shop_production_api');
  world.machine('a').remove(world.container('shop_production_api_3'));
  await rest(world);
  await world.deploy(api(1, 2));
  expect(world.running('a')).toHaveLength(2);
  expect(idsOf(world).get('shop_production_api')).toBe(first);
  expect(await world.describe(api(1, 2))).toEqual(NOTHING);
});

test('workers have several copies, too', async () => {
  const mailer = (version: number, replicas: number) =>
    shop([worker('mailer', { image: `mailer:${version}`, replicas })]);
  const world = await deployed(mailer(1, 3));
  expect(world.working('mailer')?.split(', ')).toHaveLength(3);
  await world.deploy(mailer(2, 2));
  expect(world.running()).toEqual(['shop_production_mailer_4', 'shop_production_mailer_secondary']);
  await world.deploy(mailer(2, 1));
  expect(world.running()).toEqual(['shop_production_mailer_secondary']);
});

test('a plan says how many there are, and that none is replaced where only that changes', async () => {
  const world = await deployed(api(1, 2));
  expect(await world.describe(api(1, 3))).toContain(
    '  api 1: the number of its containers on a, b, 3 on each (3 copies on a instead of 2, 3 copies on b instead of 2)',
  );
  expect(await world.describe(api(2, 2))).toContain(
    '  api 1 → 2: new containers beside the old ones on a, b, 2 on each (image); api:2 at api.example.com',
  );
});

test('a release that was made before comes back with as many copies as the file says now', async () => {
  const world = new World({ images: 'digests' });
  await world.deploy(api(1, 1));
  await rest(world);
  await world.deploy(api(2, 3));
  await world.deploy(api(2, 3), { services: ['api'], rollback: 1 });
  expect(world.running('a')).toHaveLength(3);
  expect(world.serving('api')?.split(', ')).toHaveLength(3);
  expect(complaintOf(world)).toBeUndefined();
});

test('growing from one server to two with two copies loses nothing', async () => {
  const on = (count: number) => shop([service('api', { servers: count, replicas: 2 })], servers(count));
  const world = await deployed(on(1));
  await world.deploy(on(2));
  expect([world.running('a').length, world.running('b').length]).toEqual([2, 2]);
  expect(complaintOf(world)).toBeUndefined();
});
