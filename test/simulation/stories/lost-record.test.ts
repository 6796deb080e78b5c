import { describe, expect, test } from '@jest/globals';
import { stepsOf } from '../../../src/deploy/planning/plan.ts';
import type { World } from '../world/world.ts';
import { deployed, NOTHING, planFor } from './deployed.ts';
import { type ServiceChanges, service, shop } from './specs.ts';

const shopOf = (web: ServiceChanges, api: ServiceChanges) =>
  shop([service('web', { dependsOn: ['api'], ...web }), service('api', api)]);
const all = shopOf({}, {});
const API = 'shop_production_api';
const WEB = 'shop_production_web';

/** A world in which both services run, and nobody remembers anything of them. */
async function forgotten(): Promise<World> {
  const world = await deployed(all);
  world.loseRecord();
  return world;
}

describe('a lost record', () => {
  test('of what is right restarts nothing: ports and slots come from the servers', async () => {
    const world = await deployed(all);
    const { host_port, internal_port } = world.state.services.api!;
    world.loseRecord();
    const plan = await planFor(world, all);
    expect(plan.steps).toEqual([]);
    expect(plan.changes.map(({ effect }) => effect)).toEqual(['record', 'record']);
    await world.deploy(all);
    expect(world.state.services.api).toMatchObject({ host_port, internal_port, copies: [{ slot: 'base' }] });
    expect(await world.describe(all)).toEqual(NOTHING);
  });

  test('does not keep new versions from coming, and every route stays while those before it move', async () => {
    const world = await forgotten();
    const next = shopOf({ image: 'web:2' }, { image: 'api:2' });
    const [first] = stepsOf(await planFor(world, next), 'stage');
    expect(first?.routes.map((route) => route.service).sort()).toEqual(['api', 'web']);
    await world.deploy(next);
    expect(world.running()).toEqual([`${API}_secondary`, `${WEB}_secondary`]);
  });

  test('takes no route from services that a narrowed run cannot know', async () => {
    const world = await forgotten();
    await world.deploy(shop([service('api', { image: 'api:2' })]), { services: ['api'] });
    expect(world.serving('web')).toBe(WEB);
    expect(world.answering('web.example.com')).toEqual([WEB]);
    expect(world.answering('api.example.com')).toEqual([`${API}_secondary`]);
  });

  test('lets a version that fails leave what served', async () => {
    const world = await forgotten();
    world.registry.define('api:2', { status: 503 });
    await expect(world.deploy(shopOf({}, { image: 'api:2', port: 4000 }))).rejects.toThrow('not healthy');
    expect(world.running()).toEqual([API, WEB]);
    expect(world.answering('api.example.com')).toEqual([API]);
    expect(world.serving('api')).toBe(API);
  });

  test('does not keep what left the file as well', async () => {
    const world = await forgotten();
    await world.deploy(shop([service('api')]));
    expect(world.running()).toEqual([API]);
  });
});
