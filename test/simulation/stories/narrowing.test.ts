import { describe, expect, test } from '@jest/globals';
import { CONFIG_FOLDER } from '../../../src/nginx/tree.ts';
import type { World } from '../world/world.ts';
import { deployed, kindsOf, newWorld, planFor } from './deployed.ts';
import { database, servers, service, shop } from './specs.ts';
import { rest } from './story.ts';

const two = (version = 1) =>
  shop([service('api', { image: `api:${version}` }), service('web', { image: `web:${version}` })]);
const API = 'shop_production_api';
const WEB = 'shop_production_web';

describe('a run that is narrowed to some services', () => {
  test('changes only those, and removes nothing', async () => {
    const world = await deployed(two());
    const wanted = shop([service('api', { image: 'api:2' })]);
    const plan = await planFor(world, wanted, { services: ['api'] });
    expect(plan.changes.map(({ service: name }) => name)).toEqual(['api']);
    await world.deploy(wanted, { services: ['api'] });
    expect(world.serving('web')).toBe(WEB);
    expect(world.serving('api')).toBe(`${API}_secondary`);
    expect(world.state.services.web).toMatchObject({ release: 1 });
  });

  test('keeps the recorded routes of the others, whatever the file says now', async () => {
    const world = await deployed(two());
    const wanted = shop([
      service('api', { image: 'api:2' }),
      service('web', { domains: ['new.example.com'] }),
    ]);
    await world.deploy(wanted, { services: ['api'] });
    expect(world.answering('web.example.com')).toEqual([WEB]);
    expect(world.answering('new.example.com')).toEqual([]);
  });

  test('is refused for one that is not in the file, with what there is', async () => {
    const world = await deployed(two());
    await expect(world.plan(two(), { services: ['apu'] })).rejects.toMatchObject({
      message: 'there is no service "apu" in the file',
      hint: 'The input "service" takes one of api, web a line.',
    });
  });

  test('is refused where a dependency is neither deployed nor asked for', async () => {
    const wanted = shop([service('api', { dependsOn: ['db'] }), database('db')]);
    const world = newWorld();
    await expect(world.plan(wanted, { services: ['api'] })).rejects.toThrow(
      'api depends on db, which is not deployed yet',
    );
    const plan = await planFor(world, wanted, { services: ['api', 'db'] });
    expect(plan.rollouts.map(({ services }) => services)).toEqual([['db'], ['api']]);
  });
});

describe('a run that is narrowed to some zones', () => {
  test('touches their servers only', async () => {
    const on = servers(2, ['lon1', 'nyc1']);
    const wanted = (version: number) => shop([service('api', { image: `api:${version}`, servers: 2 })], on);
    const world = await deployed(wanted(1));
    await world.deploy(wanted(2), { zones: ['nyc1'] });
    expect(world.runs.at(-1)!.calls.filter((call) => call.startsWith('a '))).toEqual([]);
    expect([world.serving('api', 'a'), world.serving('api', 'b')]).toEqual([API, `${API}_secondary`]);
    await rest(world);
    await world.deploy(wanted(2));
    expect([world.serving('api', 'a'), world.serving('api', 'b')]).toEqual([
      `${API}_secondary`,
      `${API}_secondary`,
    ]);
  });

  test('is refused for one that has no servers, with what there is', async () => {
    const world = await deployed(two());
    await expect(world.plan(two(), { zones: ['mars'] })).rejects.toMatchObject({
      message: 'no server of production is in zone "mars"',
      hint: 'The zones are lon1.',
    });
  });
});

describe('a run that is narrowed to routes', () => {
  /** Somebody edits what the edge serves of api. */
  function editEdge(world: World): void {
    const edge = world.containersOf('a', 'edge')[0]!;
    const files = [...edge.list(CONFIG_FOLDER)!.keys()].filter((path) => path.endsWith('/api.conf'));
    const folder = CONFIG_FOLDER.split('/').slice(0, -1).join('/');
    for (const path of files) edge.writeFile(`${folder}/${path}`, 'server { }');
  }

  test('gives those again that were changed by hand, and starts no container', async () => {
    const world = await deployed(two());
    editEdge(world);
    const routes = { routesOnly: true };
    expect(kindsOf(await planFor(world, two(2), routes))).toEqual(['stage', 'switch', 'prove']);
    expect(await world.describe(two(2), routes)).toContain('  · give a its routes');
    await world.deploy(two(2), routes);
    expect((await world.plan(two(2), routes)).changed).toBe(false);
    expect(world.running()).toEqual([API, WEB]);
    expect(world.answering('api.example.com')).toEqual([API]);
  });
});
