import { describe, expect, test } from '@jest/globals';
import { upTo } from '../../../src/deploy/planning/graph.ts';
import { type Plan, stepsOf } from '../../../src/deploy/planning/plan.ts';
import type { World } from '../world/world.ts';
import { deployed, kindsOf, NOTHING, planFor } from './deployed.ts';
import { type ServiceChanges, servers, service, shop } from './specs.ts';
import { rest } from './story.ts';

const api = (changes: ServiceChanges = {}) => shop([service('api', changes)]);
const v2 = api({ image: 'api:2' });
const v3 = api({ image: 'api:3' });
/** One that has to be read by nginx. */
const v2AtTwoDomains = api({ image: 'api:2', domains: ['api.example.com', 'www.example.com'] });
const BASE = 'shop_production_api';
const SECONDARY = 'shop_production_api_secondary';

const STARTED = /ends: start/;
const BETWEEN_POINTER_AND_RELOAD = /switchyard_edge\/kill HUP/;
/** What comes first, sidecar or edge, is chance; so the other one's flag is not set when the first one's is. */
const BETWEEN_SIDECAR_AND_EDGE = /a PUT http:\/\/10\.200\.2\.2:8099\/flags\/[^ ]+\.[0-9a-f]{16}$/;
const SWITCHED = /begins: drain/;
const REMOVED = /ends: remove/;

/** A world in which api runs on one server, and a run that was to change it was killed. */
async function cutOff(moment: RegExp, wanted = v2): Promise<World> {
  const world = await deployed(api());
  await world.deployUntil(moment, wanted);
  await rest(world);
  return world;
}

/** gateOf returns what a run does first of all, before it looks again. */
function gateOf({ steps, gate }: Plan): Pick<Plan, 'steps'> {
  return { steps: upTo(steps, gate) };
}

describe('where a run was killed', () => {
  test('after the start, the new container is not started a second time', async () => {
    const world = await cutOff(STARTED);
    const plan = await planFor(world, v2);
    expect(kindsOf(plan)).toEqual([
      'answer',
      'healthy',
      'stage',
      'probe',
      'switch',
      'prove',
      'drain',
      'stop',
      'remove',
      'end probe',
    ]);
    expect(plan.changes).toMatchObject([
      { from: 1, to: 2, reasons: ['image', 'an interrupted run is finished'] },
    ]);
    await world.deploy(v2);
    expect(world.running()).toEqual([SECONDARY]);
    expect(world.state.services.api).toMatchObject({ release: 2, previous: 1 });
  });

  test('between pointer and reload, the routes are given and proven again', async () => {
    const world = await cutOff(BETWEEN_POINTER_AND_RELOAD, v2AtTwoDomains);
    expect(world.answering('api.example.com')).toEqual([BASE]);
    expect(kindsOf(await planFor(world, v2AtTwoDomains))).toEqual(
      expect.arrayContaining(['switch', 'prove']),
    );
    await world.deploy(v2AtTwoDomains);
    expect(world.serving('api')).toBe(SECONDARY);
    expect(world.running()).toEqual([SECONDARY]);
    expect(await world.describe(v2AtTwoDomains)).toEqual(NOTHING);
  });

  test('between the reload and the flag, traffic is where it was, and moves by the next run', async () => {
    const world = await cutOff(BETWEEN_SIDECAR_AND_EDGE, v2AtTwoDomains);
    await world.deploy(v2AtTwoDomains);
    expect(world.answering('www.example.com')).toEqual([SECONDARY]);
    expect(world.running()).toEqual([SECONDARY]);
    expect(await world.describe(v2AtTwoDomains)).toEqual(NOTHING);
  });

  test('between the flags of sidecar and edge, the edge follows', async () => {
    const world = await cutOff(BETWEEN_SIDECAR_AND_EDGE);
    expect([world.serving('api'), world.answering('api.example.com')]).toEqual([SECONDARY, [BASE]]);
    await world.deploy(v2);
    expect([world.serving('api'), world.answering('api.example.com')]).toEqual([SECONDARY, [SECONDARY]]);
    expect(await world.describe(v2)).toEqual(NOTHING);
  });

  test('between the flags of two servers, all are brought to the new side before an old one is touched', async () => {
    const two = (version: number) =>
      shop([service('api', { image: `api:${version}`, servers: 2 })], servers(2));
    const world = await deployed(two(1));
    await world.deployUntil(/b PUT http:\/\/10\.200\.1\.2:8099\/flags\/[^ ]+\.[0-9a-f]{16}$/, two(2));
    await rest(world);
    expect([world.serving('api', 'a'), world.serving('api', 'b')]).not.toEqual([BASE, BASE]);
    const first = gateOf(await planFor(world, two(3)));
    expect(kindsOf(first)).toEqual(['stage', 'switch', 'prove']);
    expect(stepsOf(first, 'stage')[0]?.routes).toMatchObject([
      {
        copies: [
          { server: 'a', slot: 'secondary' },
          { server: 'b', slot: 'secondary' },
        ],
      },
    ]);
    await world.deploy(two(3));
    expect(world.state.services.api).toMatchObject({ release: 3 });
    expect([...world.running('a'), ...world.running('b')]).toEqual([BASE, BASE]);
  });

  test('after the switch, the old container is drained, nothing starts', async () => {
    const world = await cutOff(SWITCHED);
    const plan = await planFor(world, v2);
    expect(kindsOf(plan)).toEqual(['drain', 'stop', 'remove']);
    expect(stepsOf(plan, 'drain')).toMatchObject([{ name: BASE, timeoutMs: 120_000 }]);
    expect(plan.changes).toMatchObject([{ from: 1, to: 2, effect: 'record' }]);
  });

  test('before the record, only the record is missing', async () => {
    const world = await cutOff(REMOVED);
    expect(kindsOf(await planFor(world, v2))).toEqual([]);
    await world.deploy(v2);
    expect(world.state.services.api).toMatchObject({ release: 2 });
    expect(await world.describe(v2)).toEqual(NOTHING);
  });
});

describe('what a killed run has left running', () => {
  test('may be in use: it is drained before it goes', async () => {
    const world = await cutOff(STARTED);
    const plan = await planFor(world, api());
    expect(kindsOf(plan)).toEqual(['drain', 'stop', 'remove']);
    expect(stepsOf(plan, 'drain')).toMatchObject([{ name: SECONDARY, timeoutMs: 120_000 }]);
    expect(plan.changes).toMatchObject([{ to: 1, effect: 'record' }]);
  });

  test('and was started only, leaves its place to a third version when it has drained', async () => {
    const world = await cutOff(STARTED);
    expect(stepsOf(gateOf(await planFor(world, v3)), 'drain')).toMatchObject([
      { name: SECONDARY, timeoutMs: 120_000 },
    ]);
    await world.deploy(v3);
    expect(world.state.services.api).toMatchObject({ release: 3 });
    expect(world.running()).toEqual([SECONDARY]);
  });

  test('and still drains where the next version has to stand, is waited for', async () => {
    const world = await cutOff(SWITCHED);
    const plan = await planFor(world, v3);
    expect(stepsOf(gateOf(plan), 'drain')).toMatchObject([{ name: BASE, timeoutMs: 120_000 }]);
    expect(stepsOf(plan, 'start')).toMatchObject([{ slot: 'base', release: 3 }]);
    await world.deploy(v3);
    expect(world.running()).toEqual([BASE]);
  });

  test('comes back as a new release where its successor had traffic', async () => {
    const world = await cutOff(SWITCHED);
    expect((await planFor(world, api())).changes).toMatchObject([{ from: 1, to: 3 }]);
    await world.deployUntil(/begins: drain: drain shop_production_api_secondary/, api());
    const plan = await planFor(world, api());
    expect(stepsOf(plan, 'drain')).toMatchObject([{ name: SECONDARY, timeoutMs: 120_000 }]);
  });
});

describe('a run by itself', () => {
  test('lets go without a drain what it has started, and what never had traffic', async () => {
    const world = await deployed(api());
    world.registry.define('api:2', { status: 503 });
    await expect(world.deploy(v2)).rejects.toThrow('not healthy');
    const { lines } = world.runs.at(-1)!;
    expect(lines).toContain(`begins: remove: remove ${SECONDARY} on a`);
    expect(lines.filter((line) => line.includes('begins: drain'))).toEqual([]);
  });

  test('that still drains keeps its old copy, unless the place of that is needed', async () => {
    const world = await deployed(api());
    world.users.streamMs = 60_000;
    const first = world.start(v2);
    await world.clock.pass(45_000);
    expect(first.run.lines.filter((line) => line.includes('the lease is given back'))).toHaveLength(1);
    expect(world.running()).toEqual([BASE, SECONDARY]);

    expect((await planFor(world, v2)).steps).toEqual([]);
    expect(stepsOf(gateOf(await planFor(world, v3)), 'drain')).toMatchObject([{ name: BASE }]);
    await world.finish(first, world.start(v3));
    expect(world.running()).toEqual([BASE]);
    expect(world.state.services.api).toMatchObject({ release: 3, previous: 2 });
  });
});

describe('where the copy that has the traffic is gone', () => {
  test('the side that serves in its stead gets the traffic first of all', async () => {
    const world = await cutOff(SWITCHED);
    world.machine('a').remove(world.container(SECONDARY));
    const plan = await planFor(world, v3);
    const first = gateOf(plan);
    expect(kindsOf(first)).toEqual(['stage', 'switch', 'prove']);
    expect(stepsOf(first, 'stage')[0]?.routes).toMatchObject([{ copies: [{ server: 'a', slot: 'base' }] }]);
    expect(stepsOf(plan, 'drain')).toMatchObject([{ name: BASE }]);
    await world.deploy(v3);
    expect(world.running()).toEqual([SECONDARY]);
  });

  test('and its successor fails, it stays gone; the other copies serve', async () => {
    const two = (version: number) =>
      shop([service('api', { image: `api:${version}`, servers: 2 })], servers(2));
    const world = await deployed(two(1));
    world.machine('a').remove(world.container(BASE));
    world.registry.define('api:2', { status: 503 });
    await expect(world.deploy(two(2))).rejects.toThrow('not healthy');
    expect([world.running('a'), world.running('b')]).toEqual([[], [BASE]]);
    await rest(world);
    await world.deploy(two(3));
    expect(await world.describe(two(3))).toEqual(NOTHING);
  });

  test('and its place is given to a copy that never gets healthy, that has no traffic from old workers either', async () => {
    const world = await cutOff(SWITCHED);
    world.machine('a').remove(world.container(SECONDARY));
    world.registry.define('api:3', { status: 503 });
    await expect(world.deploy(v3)).rejects.toThrow('not healthy');
    expect(world.answering('api.example.com')).toEqual([BASE]);
    expect(world.running()).toEqual([BASE]);
  });

  test.each([
    ['takes over', 'api:3', 'shop_production_api_3'],
    ['never gets healthy', 'bad:3', BASE],
  ])(
    'since it was stopped, a third slot is taken: there nobody is sent to a copy that %s before its time',
    async (_what, image, served) => {
      const world = await cutOff(SWITCHED);
      world.registry.define('bad:3', { status: 503 });
      world.machine('a').signal(world.container(SECONDARY), 'KILL');
      await rest(world);
      const plan = await planFor(world, api({ image }));
      expect(stepsOf(plan, 'remove').map(({ name }) => name)).toEqual([SECONDARY, BASE]);
      expect(stepsOf(plan, 'start')).toMatchObject([{ slot: '3' }]);
      expect(stepsOf(plan, 'drain')).toMatchObject([{ name: BASE }]);
      await world.tryDeploy(api({ image }));
      expect(world.answering('api.example.com')).toEqual([served]);
      expect(world.running()).toEqual([served]);
      await rest(world);
      await world.deploy(api({ image: 'api:4' }));
      expect(world.running()).toEqual(world.answering('api.example.com'));
    },
  );
});
