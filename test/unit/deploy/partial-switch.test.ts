import { describe, expect, test } from '@jest/globals';
import { isEmpty } from '../../../src/deploy/planning/plan.ts';
import { leftOutFailure, soleHome } from '../../../src/deploy/running/partial-switch.ts';
import { servers, service, shop } from './specs.ts';
import { StepFailed, World } from './world.ts';

const BASE = 'shop_production_api';
const SECONDARY = 'shop_production_api_secondary';

/** A shop on three servers in which other services stand on fewer. */
function shopOf(image: string, onPartialFailure: 'keep' | 'revert', others = [service('db')]) {
  const api = service('api', { image, servers: 3 });
  return { ...shop([api, ...others], servers(3)), onPartialFailure };
}

/** switched returns a world after a deploy in which an nginx took nothing. */
function switched(stubborn: string, onPartialFailure: 'keep' | 'revert'): World {
  const world = new World();
  world.deploy(shopOf('api:1', onPartialFailure, []));
  world.stubborn.add(stubborn);
  expect(() => world.deploy(shopOf('api:2', onPartialFailure, []))).toThrow(StepFailed);
  world.stubborn.clear();
  return world;
}

describe('a switch that fails on one of three servers', () => {
  test('brings all back, unless told otherwise', () => {
    const world = switched('c', 'revert');
    for (const host of ['a', 'b', 'c']) expect(world.running(host)).toEqual([BASE]);
    expect(world.state.services.api).toMatchObject({ release: 1 });
    expect(world.state).not.toHaveProperty('stale_servers');
  });

  test('is kept by the others: that one gets no traffic, is named with the reason, and keeps what it served', () => {
    const world = switched('c', 'keep');
    for (const host of ['a', 'b']) {
      // The nginx that was left out may go on asking the old side.
      expect(world.running(host)).toEqual([BASE, SECONDARY]);
      const [route] = world.routes(host, 'sidecar');
      expect(route!.placements.map((placement) => placement.host)).toEqual(['a', 'b']);
    }
    expect(world.serving('api', 'c')).toBe(BASE);
    expect(world.running('c')).toContain(BASE);
    expect(world.state.services.api).toMatchObject({ release: 2, previous: 1 });
    expect(world.state.services.api!.servers.map(({ host }) => host)).toEqual(['a', 'b']);
    expect(world.state.stale_servers).toEqual({
      c: expect.objectContaining({ reason: 'it did not switch' }),
    });
  });

  test('is made up for by the next run', () => {
    const world = switched('c', 'keep');
    const wanted = shopOf('api:2', 'keep', []);
    world.deploy(wanted);
    for (const host of ['a', 'b', 'c']) expect(world.running(host)).toEqual([SECONDARY]);
    expect(world.state).not.toHaveProperty('stale_servers');
    expect(isEmpty(world.plan(wanted))).toBe(true);
  });

  test('goes on with the services of the levels after it, on the other servers', () => {
    const wanted = (version: number) => ({
      ...shop(
        [
          service('web', { image: `web:${version}`, servers: 3, dependsOn: ['api'] }),
          service('api', { image: `api:${version}`, servers: 3 }),
        ],
        servers(3),
      ),
      onPartialFailure: 'keep' as const,
    });
    const world = new World();
    world.deploy(wanted(1));
    world.stubborn.add('b');
    expect(() => world.deploy(wanted(2))).toThrow('b was left out');
    expect(world.state.services.web).toMatchObject({ release: 2 });
    expect(world.serving('web', 'a')).toBe('shop_production_web_secondary');
    expect(world.running('b')).toContain('shop_production_web');
    expect(world.running('b')).not.toContain('shop_production_web_secondary');
  });

  test('moves nothing that stands there to a server that has room', () => {
    const queue = (image: string) => shopOf('api:1', 'keep', [service('queue', { image, servers: 2 })]);
    const world = new World();
    world.deploy(queue('queue:1'));
    const [first, second] = world.state.services.queue!.servers.map(({ host }) => host);
    world.stubborn.add(first!);
    expect(() => world.deploy(queue('queue:2'))).toThrow(`${first} was left out`);
    expect(world.state.services.queue!.servers.map(({ host }) => host)).toEqual([second]);
  });

  test('brings all back where a service stands there alone that the others use', () => {
    const world = new World();
    world.deploy(shopOf('api:1', 'keep'));
    const [home] = world.state.services.db!.servers;
    world.stubborn.add(home!.host);
    expect(() => world.deploy(shopOf('api:2', 'keep'))).toThrow(StepFailed);
    for (const host of ['a', 'b', 'c']) expect(world.serving('api', host)).toBe(BASE);
    expect(world.state.services.api).toMatchObject({ release: 1 });
  });
});

test('a service is lost to others where all its copies of a zone are left out, and the zone is not', () => {
  const on = servers(4, ['lon1', 'lon1', 'nyc1', 'nyc1']);
  const routes = [
    { service: 'api', placements: ['a', 'b', 'c'].map((host) => ({ host, side: 'base' as const })) },
  ];
  const lost = (...hosts: string[]) => soleHome(new Set(hosts), routes, on);
  expect([lost('a'), lost('a', 'b'), lost('d')]).toEqual([undefined, undefined, undefined]);
  expect([lost('c'), lost('c', 'd'), lost('a', 'c')]).toEqual(['api', undefined, 'api']);
});

test('a run that left servers out fails, and says which and why', () => {
  expect(leftOutFailure(new Map())).toBeUndefined();
  expect(leftOutFailure(new Map([['c', new Error('no reload')]]))?.message).toBe(
    'c did not switch and was left out, the others have the new version: no reload',
  );
});
