import { describe, expect, test } from '@jest/globals';
import { stepsOf } from '../../../src/deploy/planning/plan.ts';
import { deployed, NOTHING, newWorld, planFor } from './deployed.ts';
import { type ServiceChanges, servers, service, shop } from './specs.ts';
import { failureOf, rest } from './story.ts';

const api = (changes: ServiceChanges = {}) => shop([service('api', changes)]);
const BASE = 'shop_production_api';
const SECONDARY = 'shop_production_api_secondary';

describe('toggle', () => {
  test('where nothing runs, the first deploy starts the base side', async () => {
    const world = newWorld();
    expect(await world.describe(api())).toEqual([
      'shop production: plan',
      '  api none → 1: new on a (not deployed yet); api:1 at api.example.com',
      '  waits at most 6 s for health',
      '  · pull nginx:1.30 on a',
      '  · pull api:1 on a',
      '  · record the intent: api release 1',
      '  · create the sidecar and create the edge on a',
      '  · start api release 1 as base on a',
      '  · wait until api (base) on a answers',
      '  · wait until api (base) on a is healthy',
      '  · make the new routes ready on a',
      '  · switch api on a',
      '  · prove that the new copies of api answer on a',
    ]);
    await world.deploy(api());
    expect(world.running()).toEqual([BASE]);
    expect(world.serving('api')).toBe(BASE);
    expect(world.answering('api.example.com')).toEqual([BASE]);
  });

  test('a second run of the same file has nothing to do, and says so', async () => {
    const world = await deployed(api());
    expect((await world.plan(api())).changed).toBe(false);
    expect(await world.describe(api())).toEqual(NOTHING);
    expect((await world.deploy(api())).changed).toBe(false);
  });

  test('a new image goes to the other side; the old one is drained after the switch', async () => {
    const world = await deployed(api());
    expect(await world.describe(api({ image: 'api:2' }))).toEqual([
      'shop production: plan',
      '  api 1 → 2: new containers beside the old ones on a (image); api:2 at api.example.com',
      '  waits at most 6 s for health',
      '  · pull api:2 on a',
      '  · record the intent: api release 2',
      '  · start api release 2 as secondary on a',
      '  · wait until api (secondary) on a answers',
      '  · wait until api (secondary) on a is healthy',
      '  · make the new routes ready on a',
      '  · begin to probe api',
      '  · switch api on a',
      '  · prove that the new copies of api answer on a',
      '  · drain shop_production_api on a (at most 120 s)',
      '  · stop shop_production_api on a',
      '  · remove shop_production_api on a',
      '  · end the probe of api',
    ]);
    await world.deploy(api({ image: 'api:2' }));
    expect(world.running()).toEqual([SECONDARY]);
    expect(world.answering('api.example.com')).toEqual([SECONDARY]);
  });

  test('where the image of nginx is gone, it is pulled before anything is made of it', async () => {
    const world = await deployed(api());
    world.machine('a').images.remove('nginx:1.30', () => false);
    expect((await world.plan(api())).changed).toBe(false);
    const plan = await planFor(world, api({ image: 'api:2' }));
    expect(stepsOf(plan, 'pull').map(({ image }) => image)).toEqual(['nginx:1.30', 'api:2']);
    await world.deploy(api({ image: 'api:2' }));
    expect(world.serving('api')).toBe(SECONDARY);
  });

  test('a new copy that somebody has renamed meanwhile is not proven, and goes all the same', async () => {
    const world = await deployed(api());
    world.registry.define('api:2', { bootMs: 4500 });
    const begun = world.start(api({ image: 'api:2' }));
    await world.clock.pass(4000);
    const machine = world.machine('a');
    machine.rename(machine.find(SECONDARY)!, 'nobody-knows-me');
    const [ended] = await world.finish(begun);
    expect(String(failureOf(ended!))).toContain('the switch of api is not proven');
    expect(world.running()).toEqual([BASE]);
    expect(world.answering('api.example.com')).toEqual([BASE]);
  });

  test('the sides take turns, and one container is left each time', async () => {
    const world = await deployed(api());
    const served: (string | undefined)[] = [];
    for (const version of [2, 3, 4]) {
      await world.deploy(api({ image: `api:${version}` }));
      expect(world.running()).toEqual([world.serving('api')]);
      served.push(world.serving('api'));
      await rest(world);
    }
    expect(served).toEqual([SECONDARY, BASE, SECONDARY]);
    expect(world.state.services.api).toMatchObject({
      release: 4,
      previous: 3,
      copies: [{ server: 'a', slot: 'secondary', container: SECONDARY, release: 4, state: 'serving' }],
    });
  });

  test('on two servers both move, and the next deploy finds nothing to do', async () => {
    const two = (image: string) => shop([service('api', { image, servers: 2 })], servers(2));
    const world = await deployed(two('api:1'), two('api:2'));
    expect([world.running('a'), world.running('b')]).toEqual([[SECONDARY], [SECONDARY]]);
    expect([world.serving('api', 'a'), world.serving('api', 'b')]).toEqual([SECONDARY, SECONDARY]);
    expect(await world.describe(two('api:2'))).toEqual(NOTHING);
  });

  test('servers that stand on different sides each go to their own other side', async () => {
    const on = servers(2, ['lon1', 'nyc1']);
    const two = (image: string) => shop([service('api', { image, servers: 2 })], on);
    const world = await deployed(two('api:1'));
    await world.deploy(two('api:2'), { zones: ['nyc1'] });
    expect([world.serving('api', 'a'), world.serving('api', 'b')]).toEqual([BASE, SECONDARY]);
    await rest(world);
    await world.deploy(two('api:3'));
    expect([world.serving('api', 'a'), world.serving('api', 'b')]).toEqual([SECONDARY, BASE]);
  });

  test('an image name that means another image now gets a new container of the same release', async () => {
    const world = await deployed(api());
    world.moveImage('api:1');
    const plan = await planFor(world, api());
    expect(plan.changes).toMatchObject([
      { effect: 'toggle', from: 1, to: 1, reasons: ['the image behind api:1 is another one now'] },
    ]);
    await world.deploy(api());
    expect(world.serving('api')).toBe(SECONDARY);
    expect(await world.describe(api())).toEqual(NOTHING);
  });

  test('a container that was removed by hand is replaced where no route points to: not before it is healthy', async () => {
    const world = await deployed(api());
    world.machine('a').remove(world.container(BASE));
    const plan = await planFor(world, api());
    expect(plan.changes).toMatchObject([{ effect: 'create', reasons: ['not on a yet'] }]);
    await world.deploy(api());
    expect(world.running()).toEqual([SECONDARY]);
    expect(world.serving('api')).toBe(SECONDARY);
  });

  test('a container that was stopped by hand is started again, not replaced', async () => {
    const world = await deployed(api());
    const { id } = world.container(BASE);
    world.machine('a').signal(world.container(BASE), 'KILL');
    const plan = await planFor(world, api());
    expect(stepsOf(plan, 'start')).toMatchObject([{ existing: id, slot: 'base' }]);
    await world.deploy(api());
    expect(world.container(BASE)).toMatchObject({ id, isRunning: true });
  });
});
