import { describe, expect, test } from '@jest/globals';
import { upTo } from '../../../src/deploy/planning/graph.ts';
import { stepsOf } from '../../../src/deploy/planning/plan.ts';
import type { World } from '../world/world.ts';
import { deployed, NOTHING, planFor } from './deployed.ts';
import { servers, service, shop } from './specs.ts';
import { rest } from './story.ts';

const on = (version: number) => shop([service('api', { image: `api:${version}`, servers: 3 })], servers(3));
const without = { excludedServers: ['c'] };
const BASE = 'shop_production_api';
const SECONDARY = 'shop_production_api_secondary';

/** A world in which api stands on three servers, of which one is off. */
async function withoutC(): Promise<World> {
  const world = await deployed(on(1));
  world.switchOff('c');
  return world;
}

describe('a server that cannot be reached', () => {
  test('and is not left out keeps a run from everything', async () => {
    const world = await withoutC();
    await expect(world.deploy(on(2))).rejects.toThrow('c: cannot connect');
    expect([world.running('a'), world.running('b')]).toEqual([[BASE], [BASE]]);
  });

  test('and is left out gets no traffic any more, before anything else happens', async () => {
    const world = await withoutC();
    const plan = await planFor(world, on(2), without);
    const first = { steps: upTo(plan.steps, plan.gate) };
    expect(stepsOf(first, 'switch').map(({ server }) => server)).toEqual(['a', 'b']);
    const [stage] = stepsOf(first, 'stage');
    expect(stage?.routes[0]?.copies.map(({ server }) => server)).toEqual(['a', 'b']);
    expect(plan.stale).toEqual({ left: ['c'], returned: [] });
    await world.deploy(on(2), without);
    expect(world.state.stale_servers).toEqual({
      c: {
        since: expect.any(String),
        run: world.runs.at(-1)!.name,
        sends_to: ['a', 'b'].map((server) => ({ service: 'api', server, slot: 'base' })),
      },
    });
    expect(world.state.services.api?.copies.map(({ server, state }) => `${server} ${state}`)).toEqual([
      'a serving',
      'b serving',
      'a standby',
      'b standby',
    ]);
    expect(await world.describe(on(2), without)).toEqual([
      'shop production: nothing to do, everything on a, b is as the file says',
    ]);
  });

  test('and comes back is brought up to date by the next run', async () => {
    const world = await withoutC();
    await world.deploy(on(2), without);
    world.switchOn('c');
    await rest(world);
    expect(await world.describe(on(2))).toContain('  c is no longer left out');
    await world.deploy(on(2));
    expect(world.state).not.toHaveProperty('stale_servers');
    expect(world.running('c')).toEqual([SECONDARY]);
    expect(world.state.services.api?.copies.map(({ release }) => release)).toEqual([2, 2, 2]);
    expect(await world.describe(on(2))).toEqual(NOTHING);
  });

  test('and has left the file meanwhile is forgotten', async () => {
    const world = await withoutC();
    await world.deploy(on(2), without);
    await world.deploy(shop([service('api', { image: 'api:2', servers: 3 })], servers(2)));
    expect(world.state).not.toHaveProperty('stale_servers');
  });

  test('has a copy that finds no room on the servers that are left, and waits for its return', async () => {
    const world = await withoutC();
    const { copies } = await planFor(world, on(2), without);
    expect(copies.api?.map(({ server }) => server)).toEqual(['a', 'b']);
  });

  test.each([
    ['a name that is none of the servers', { excludedServers: ['d'] }, 'no server of production is "d"'],
    ['all servers', { excludedServers: ['a', 'b', 'c'] }, 'no server of production is left'],
  ])('leaving out %s is refused', async (_what, options, message) => {
    const world = await deployed(on(1));
    await expect(world.plan(on(1), options)).rejects.toThrow(message);
  });
});

describe('a server that dies while a run needs it', () => {
  test('does not keep the others from going back; the next run brings it up to date', async () => {
    const world = await deployed(on(1));
    const strikes = [{ at: /c POST containers\/create/, how: 'switched off' as const }];
    await expect(world.deploy(on(2), { strikes })).rejects.toThrow();
    expect([world.running('a'), world.running('b')]).toEqual([[BASE], [BASE]]);
    expect(world.state.services.api).toMatchObject({ release: 1 });
    expect(world.state.services.api?.copies.map(({ server }) => server)).toEqual(['a', 'b', 'c']);
    expect(Object.keys(world.state.stale_servers ?? {})).toEqual(['c']);

    world.switchOn('c');
    await rest(world);
    await world.deploy(on(2));
    expect(world.state.services.api?.copies.map(({ release }) => release)).toEqual([2, 2, 2]);
    expect(world.state).not.toHaveProperty('stale_servers');
    expect(await world.describe(on(2))).toEqual(NOTHING);
  });
});

describe('a server whose nginx does not take the routes, where the others keep what is proven', () => {
  test('is left out, and the record says so and that the others have the new version', async () => {
    const world = await deployed(on(1));
    world.machine('c').isStubborn = true;
    const kept = { ...on(2), onPartialFailure: 'keep' as const };
    await expect(world.deploy(kept)).rejects.toThrow('c did not switch and was left out');
    expect(world.state.services.api).toMatchObject({ release: 2 });
    expect(world.state.services.api).not.toHaveProperty('rollout');
    expect(world.state.services.api?.copies).toMatchObject([
      { server: 'a', release: 2, container: SECONDARY },
      { server: 'b', release: 2, container: SECONDARY },
      { server: 'a', release: 1, container: BASE, state: 'standby' },
      { server: 'b', release: 1, container: BASE, state: 'standby' },
    ]);
    expect(Object.keys(world.state.stale_servers ?? {})).toEqual(['c']);

    world.machine('c').isStubborn = false;
    await world.deploy(kept);
    expect(world.state.services.api?.copies.map(({ release }) => release)).toEqual([2, 2, 2]);
    expect(await world.describe(kept)).toEqual(NOTHING);
  });
});
