import { describe, expect, test } from '@jest/globals';
import { stepsOf } from '../../../src/deploy/planning/plan.ts';
import { waitingFlag } from '../../../src/nginx/standing-flags.ts';
import { World } from '../world/world.ts';
import { deployed, kindsOf, NOTHING, planFor } from './deployed.ts';
import { type ServiceChanges, service, shop } from './specs.ts';
import { complaintOf, failureOf, rest } from './story.ts';

/** A web app that is the only one to write its volume. */
const wiki = (changes: ServiceChanges = {}, queueRequestsMs: number | undefined = 30_000) => {
  const spec = service('wiki', { volumes: ['pages'], ...changes, policy: { strategy: 'recreate' } });
  const queue = queueRequestsMs !== undefined && { queueRequestsMs };
  return shop([{ ...spec, route: { ...spec.route, ...queue } }]);
};
const v1 = wiki();
const v2 = wiki({ image: 'wiki:2' });
const WIKI = 'shop_production_wiki';
const FLAG = waitingFlag({ project: 'shop', environment: 'production' }, 'wiki');

/** Whether requests wait at the door now. */
const areWaiting = (world: World) => world.ask('a', { host: 'wiki.example.com' }).status === 0;

describe('requests that wait', () => {
  test('while a single writer is replaced its users lose nothing', async () => {
    const world = await deployed(v1);
    const report = await world.deploy(v2);
    expect([report.failure, complaintOf(world)]).toEqual([undefined, undefined]);
    expect([world.running(), areWaiting(world)]).toEqual([[`${WIKI}_secondary`], false]);
    await rest(world);
    expect(await world.describe(v2)).toEqual(NOTHING);
  });

  test('they wait before the old copy is told to end, what it has is waited for, and they go on when the new one is proven', async () => {
    const world = await deployed(v1);
    const plan = await planFor(world, v2);
    expect(kindsOf(plan)).toEqual([
      'pull',
      'record intent',
      'hold',
      'drain',
      'stop',
      'start',
      'answer',
      'healthy',
      'stage',
      'switch',
      'prove',
      'release',
      'remove',
    ]);
    expect(stepsOf(plan, 'drain')).toMatchObject([{ isHeld: true, timeoutMs: 10_000 }]);
  });

  test('a new version that is not healthy goes, the old one starts again, and those who wait get it', async () => {
    const world = await deployed(v1);
    world.registry.define('wiki:2', { port: 1 });
    await expect(world.deploy(v2)).rejects.toThrow('not healthy');
    expect([world.serving('wiki'), areWaiting(world)]).toEqual([WIKI, false]);
    expect(complaintOf(world)).toBeUndefined();
  });

  test.each(['ends: hold', 'ends: stop', 'ends: prove'])(
    'a run that is killed when it %s leaves them waiting, and the next one lets them go on',
    async (moment) => {
      const world = await deployed(v1);
      await world.deployUntil(new RegExp(moment), v2);
      expect(areWaiting(world)).toBe(true);
      const next = await world.tryDeploy(v2);
      expect([failureOf(next), areWaiting(world)]).toEqual([undefined, false]);
      expect(world.running()).toEqual([`${WIKI}_secondary`]);
    },
  );

  test('where nothing else is left to do, letting them go on is the whole plan', async () => {
    const world = await deployed(v1);
    await world.deployUntil(/ends: hold/, v2);
    await rest(world);
    expect(kindsOf(await planFor(world, v1))).toContain('release');
    await world.tryDeploy(v1);
    expect([areWaiting(world), world.serving('wiki')]).toEqual([false, WIKI]);
  });

  test('a service that leaves the file takes its flag along', async () => {
    const world = await deployed(v1);
    await world.deployUntil(/ends: hold/, v2);
    await rest(world);
    await world.tryDeploy(shop([service('web')]));
    const { edge } = (await world.survey(shop([service('web')]))).observed[0]!;
    expect(edge?.tree.flags.has(FLAG)).toBe(false);
  });
});

test.each(['hold', 'drain'] as const)('without its %s somebody loses something', async (kind) => {
  const world = new World();
  await world.deploy(v1);
  await rest(world);
  await world.tryDeploy(v2, {
    meddle({ steps }) {
      const gone = steps.filter(({ step }) => step.kind === kind);
      for (const one of gone) steps.splice(steps.indexOf(one), 1);
      for (const one of steps)
        for (const { id, needs } of gone)
          if (one.needs.includes(id)) one.needs = [...one.needs.filter((need) => need !== id), ...needs];
    },
  });
  expect(complaintOf(world)).toBeDefined();
});
