import { describe, expect, test } from '@jest/globals';
import type { MaintenanceSpec } from '../../../src/model/spec.ts';
import { maintenanceFlag } from '../../../src/nginx/standing-flags.ts';
import type { World } from '../world/world.ts';
import { deployed, NOTHING, newWorld } from './deployed.ts';
import { servers, service, shop } from './specs.ts';
import { rest } from './story.ts';

const SCOPE = { project: 'shop', environment: 'production' };
const v1 = shop([service('web'), service('api')], servers(2));
const v2 = shop([service('web', { image: 'web:2' }), service('api')], servers(2));
const HOSTS = ['a', 'b'];

/** What users of a domain get at the door of a server: nobody watches, since who is kept out on purpose has lost nothing. */
const answerOf = (world: World, server: string, name: string) =>
  world.ask(server, { host: `${name}.example.com` }).status;
const inMaintenance = (world: World, name: string) =>
  HOSTS.map((server) => answerOf(world, server, name)).every((status) => status === 503);
const isServed = (world: World, name: string) =>
  HOSTS.map((server) => answerOf(world, server, name)).every((status) => status === 200);

describe('maintenance by the action', () => {
  test('is switched on and off on all servers, without a deploy and without the lease', async () => {
    const world = await deployed(v1);
    const { changed, now } = await world.maintenance('on', v1, {
      services: ['web'],
      reason: 'a new database',
    });
    expect([changed, now]).toMatchObject([true, [{ service: 'web', servers: HOSTS, missing: [] }]]);
    expect([inMaintenance(world, 'web'), isServed(world, 'api')]).toEqual([true, true]);
    expect((await world.maintenance('off', v1)).changed).toBe(true);
    expect([isServed(world, 'web'), isServed(world, 'api')]).toEqual([true, true]);
  });

  test('stays through a deploy, which is proven all the same, and a no-op', async () => {
    const world = await deployed(v1);
    await world.maintenance('on', v1, { services: ['web'] });
    const report = await world.deploy(v2);
    expect([report.failure, inMaintenance(world, 'web')]).toEqual([undefined, true]);
    expect(report.probes.get('web')).toMatchObject({ lost: 0 });
    await rest(world);
    expect(await world.describe(v2)).toEqual(NOTHING);
    await world.maintenance('off', v2);
    expect([isServed(world, 'web'), world.serving('web')]).toEqual([true, 'shop_production_web_secondary']);
  });

  test('status and plan tell of it, with the hour, the one who did it, and the reason', async () => {
    const world = await deployed(v1);
    await world.maintenance('on', v1, { services: ['web'], reason: 'a new database' });
    const told = /^web is in maintenance \(since \S+Z by octocat, run 7: a new database\)$/;
    expect((await world.status(v1)).maintenance).toEqual([expect.stringMatching(told)]);
    expect((await world.plan(v1)).notes).toEqual([expect.stringMatching(told)]);
  });

  test('switched on twice it keeps its hour', async () => {
    const world = await deployed(v1);
    const { now } = await world.maintenance('on', v1);
    await rest(world);
    const again = await world.maintenance('on', v1);
    expect([again.changed, again.now]).toEqual([false, now]);
  });

  test('one that is on some servers only is told of', async () => {
    const world = await deployed(v1);
    await world.maintenance('on', v1, { services: ['web'], excludedServers: ['b'] });
    expect((await world.status(v1)).maintenance).toEqual([expect.stringContaining('only on a, not on b')]);
  });

  test('a service that has left takes its flag along', async () => {
    const world = await deployed(v1);
    await world.maintenance('on', v1, { services: ['api'] });
    const without = shop([service('web')], servers(2));
    await world.deploy(without);
    expect((await world.status(without)).maintenance).toEqual([]);
  });

  test.each<[string[] | undefined, string]>([
    [['wbe'], 'no service "wbe" of shop production is served to users'],
    [undefined, 'nothing of shop production is served to users'],
  ])('of %j there is nothing to switch', async (services, message) => {
    const world = services === undefined ? newWorld() : await deployed(v1);
    world.addServers(v1.servers);
    await expect(world.maintenance('on', v1, { services })).rejects.toThrow(message);
  });
});

describe('maintenance by the file', () => {
  const closed: MaintenanceSpec = { isOn: true, allow: [], retryAfterMs: 600_000, status: 503, page: '<p>' };
  const inFile = (maintenance?: MaintenanceSpec) => {
    const web = service('web');
    return shop([{ ...web, route: { ...web.route, ...(maintenance && { maintenance }) } }], servers(2));
  };

  test('comes and goes with a deploy, and a rollback leaves it as the file says', async () => {
    const world = newWorld();
    await world.deploy(inFile(closed));
    expect(inMaintenance(world, 'web')).toBe(true);
    await rest(world);
    await world.deploy(inFile());
    expect(isServed(world, 'web')).toBe(true);
    await rest(world);
    await world.deploy(inFile(), { services: ['web'], rollback: 1 });
    expect(isServed(world, 'web')).toBe(true);
  });

  test('is not taken back by the action, which says so', async () => {
    const world = newWorld();
    await world.deploy(inFile(closed));
    await world.maintenance('on', inFile(closed));
    const { now } = await world.maintenance('off', inFile(closed));
    expect(now).toMatchObject([{ service: 'web', from: 'file' }]);
    expect(inMaintenance(world, 'web')).toBe(true);
  });
});

test('the flag has a name that no side has', () => {
  expect(maintenanceFlag(SCOPE, 'web')).toBe('shop_production.web.maintenance');
});
