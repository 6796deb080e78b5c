import { describe, expect, test } from '@jest/globals';
import { World } from '../world/world.ts';
import { deployed, NOTHING } from './deployed.ts';
import { database, type ServiceChanges, servers, service, shop, worker } from './specs.ts';
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
  expect([world.running('a'), world.running('b')]).toEqual([named('secondary', '4'), named('secondary', '4')]);
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
