import { describe, expect, test } from '@jest/globals';
import { stepsOf } from '../../../src/deploy/planning/plan.ts';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import { renderStatus } from '../../../src/report/status.ts';
import type { World } from '../world/world.ts';
import { deployed, NOTHING, newWorld, planFor } from './deployed.ts';
import { type ServiceChanges, scheduler, servers, service, shop, worker } from './specs.ts';
import { failureOf, rest } from './story.ts';

const mailer = (changes: ServiceChanges = {}) => shop([worker('mailer', changes)]);
const v2 = mailer({ image: 'mailer:2' });
const BASE = 'shop_production_mailer';
const SECONDARY = 'shop_production_mailer_secondary';

/** linesOf returns what a run has said. */
async function linesOf(world: World, wanted: EnvironmentSpec): Promise<string[]> {
  const begun = world.start(wanted);
  await world.finish(begun);
  return begun.run.lines;
}

describe('a worker', () => {
  test('has no port and no route, and is healthy when it has run for its start period', async () => {
    const world = newWorld();
    expect(await world.describe(mailer())).toEqual([
      'shop production: plan',
      '  mailer none → 1: new on a (not deployed yet); mailer:1, a worker without a port',
      '  waits at most 8 s for health',
      '  · pull nginx:1.30 on a',
      '  · pull mailer:1 on a',
      '  · record the intent: mailer release 1',
      '  · create the sidecar on a',
      '  · start mailer release 1 as base on a',
      '  · wait until mailer (base) on a works',
      '  · wait until mailer (base) on a is healthy',
      '  · make the new routes ready on a',
      '  · switch mailer on a',
      '  · see that a has its routes',
    ]);
    const before = world.clock.now();
    await world.deploy(mailer());
    expect(world.clock.now() - before).toBeGreaterThan(2_000);
    expect(world.running()).toEqual([BASE]);
    expect(world.working('mailer')).toBe(BASE);
    expect(world.container(BASE).exposedPorts).toEqual([]);
    expect(await world.describe(mailer())).toEqual(NOTHING);
  });

  test('toggles: the old one gets SIGTERM when the new one is healthy, and nothing is drained', async () => {
    const world = await deployed(mailer());
    expect(await world.describe(v2)).toEqual([
      'shop production: plan',
      '  mailer 1 → 2: new containers beside the old ones on a (image); mailer:2, a worker without a port',
      '  waits at most 8 s for health',
      '  · pull mailer:2 on a',
      '  · record the intent: mailer release 2',
      '  · start mailer release 2 as secondary on a',
      '  · wait until mailer (secondary) on a works',
      '  · wait until mailer (secondary) on a is healthy',
      '  · make the new routes ready on a',
      '  · switch mailer on a',
      '  · see that a has its routes',
      '  · stop shop_production_mailer on a',
      '  · remove shop_production_mailer on a',
    ]);
    await world.deploy(v2);
    expect(world.running()).toEqual([SECONDARY]);
    expect(world.working('mailer')).toBe(SECONDARY);
  });

  test('has the time of stop_grace_period to finish its work', async () => {
    const world = newWorld();
    world.registry.define('mailer:1', { stopMs: 25_000 });
    await world.deploy(mailer({ policy: { stopGracePeriodMs: 30_000 } }));
    await rest(world);
    const old = world.container(BASE);
    await world.deploy(mailer({ image: 'mailer:2', policy: { stopGracePeriodMs: 30_000 } }));
    expect(old).toMatchObject({ isRunning: false, exitCode: 0 });
  });

  test('stands in record and status without a port', async () => {
    const world = await deployed(mailer());
    const { mailer: recorded } = world.state.services;
    expect(recorded).toMatchObject({
      release: 1,
      copies: [{ server: 'a', slot: 'base', container: BASE, state: 'serving', release: 1 }],
    });
    expect(JSON.stringify(recorded)).not.toMatch(/port/);
    const { lines } = renderStatus(await world.status(mailer()));
    expect(lines.join('\n')).toContain('base (active)');
  });

  test('one that crashes at once is removed, with its words, and the old one works on', async () => {
    const world = await deployed(mailer());
    world.registry.define('mailer:2', { crashesAfterMs: 10, says: ['no queue'] });
    await expect(world.deploy(v2)).rejects.toThrow(/crashed once, with exit code 1\. .*no queue/s);
    expect(world.running()).toEqual([BASE]);
    expect(world.working('mailer')).toBe(BASE);
    await rest(world);
    expect(await world.describe(mailer())).toEqual(NOTHING);
  });

  test('one that restarts during its start period is not healthy, though it runs', async () => {
    const world = await deployed(mailer());
    world.registry.define('mailer:2', { crashesAfterMs: 1_500 });
    await expect(world.deploy(v2)).rejects.toThrow('crashed once');
    expect(world.running()).toEqual([BASE]);
  });

  test('one that does its work and ends is told apart: it is a hook', async () => {
    const world = newWorld();
    world.registry.define('mailer:1', { crashesAfterMs: 500, exitCode: 0 });
    const ended = await world.tryDeploy(mailer());
    expect(failureOf(ended)).toMatchObject({ hint: expect.stringContaining('pre_deploy') });
    expect(world.running()).toEqual([]);
  });

  test.each([
    ['the image’s HEALTHCHECK', {}, { healthcheck: ['CMD', 'is-working'] }],
    ['test of the file', { kind: 'command' as const, test: ['CMD', 'is-working'] }, {}],
  ])('is healthy by %s where there is one', async (_what, check, app) => {
    const world = newWorld();
    const healthcheck = { ...worker('x').policy.healthcheck, kind: 'default' as const, ...check };
    const checked = mailer({ policy: { healthcheck } });
    world.registry.define('mailer:1', { ...app, commands: { 'is-working': { exitCode: 1 } } });
    await expect(world.deploy(checked)).rejects.toThrow('is-working ended with 1');
    world.registry.define('mailer:2', { ...app, commands: { 'is-working': {} } });
    await world.deploy(mailer({ image: 'mailer:2', policy: { healthcheck } }));
    expect(world.running()).toEqual([BASE]);
  });

  test('of more words for a shell the first is its line, and it gets the others, as by the engine', async () => {
    const world = newWorld();
    const test = ['CMD-SHELL', 'is-working', '--now'];
    const healthcheck = { ...worker('x').policy.healthcheck, kind: 'command' as const, test };
    world.registry.define('mailer:1', { commands: { '/bin/sh -c is-working --now': {} } });
    await world.deploy(mailer({ policy: { healthcheck } }));
    expect(world.running()).toEqual([BASE]);
  });

  test('what depends on it waits for its health, and gets no address', async () => {
    const both = (number: number) =>
      shop([
        service('api', { image: `api:${number}`, dependsOn: ['mailer'] }),
        worker('mailer', { image: `mailer:${number}` }),
      ]);
    const world = await deployed(both(1));
    expect(world.container('shop_production_api').environment).toEqual({});
    world.registry.define('mailer:2', { crashesAfterMs: 10 });
    await expect(world.deploy(both(2))).rejects.toThrow('shop_production_mailer_secondary crashed');
    expect(world.running()).toEqual(['shop_production_api', BASE]);
  });

  test('goes back to the release before', async () => {
    const world = newWorld({ images: 'digests' });
    for (const wanted of [mailer(), v2]) {
      await world.deploy(wanted);
      await rest(world);
    }
    await world.deploy(v2, { services: ['mailer'], rollback: 'previous' });
    expect(world.running()).toEqual([BASE]);
    expect(world.container(BASE).image.id).toBe(world.registry.find('mailer:1')!.id);
    expect(world.state.services.mailer).toMatchObject({ release: 3 });
  });

  test('a service that loses its port is drained by its users, and one that gets one is reached', async () => {
    const web = shop([service('mailer', { domains: [] })]);
    const world = await deployed(web);
    const plan = await planFor(world, mailer());
    expect(stepsOf(plan, 'drain')).toMatchObject([{ name: BASE }]);
    await world.deploy(mailer());
    await rest(world);
    expect(world.working('mailer')).toBe(SECONDARY);
    await world.deploy(web);
    expect(world.serving('mailer')).toBe(BASE);
    await rest(world);
    expect(await world.describe(web)).toEqual(NOTHING);
  });

  test('where the record is lost, the sidecar still knows which one is active', async () => {
    const world = await deployed(mailer(), v2);
    world.loseRecord();
    await world.deploy(v2);
    await rest(world);
    expect(world.running()).toEqual([SECONDARY]);
    expect(await world.describe(v2)).toEqual(NOTHING);
  });

  test('may be named by its version', async () => {
    const named = (number: number) => mailer({ image: `mailer:${number}`, naming: 'version' });
    const world = await deployed(named(1), named(2));
    expect(world.running()).toEqual(['shop_production_mailer_v2']);
    expect(world.working('mailer')).toBe('shop_production_mailer_v2');
    expect(await world.describe(named(2))).toEqual(NOTHING);
  });

  test('on two servers toggles on both', async () => {
    const two = (number: number) =>
      shop([worker('mailer', { image: `mailer:${number}`, servers: 2 })], servers(2));
    const world = await deployed(two(1), two(2));
    expect([world.running('a'), world.running('b')]).toEqual([[SECONDARY], [SECONDARY]]);
    expect([world.working('mailer', 'a'), world.working('mailer', 'b')]).toEqual([SECONDARY, SECONDARY]);
    expect(world.container(SECONDARY).bindings).toEqual([]);
  });

  test('leaves with its environment', async () => {
    const world = await deployed(mailer());
    await world.deploy(shop([]));
    expect([...world.machine('a').containers.values()]).toEqual([]);
  });

  test('says which port its image exposes: many a one was forgotten', async () => {
    const world = newWorld();
    world.registry.define('mailer:1', { exposes: [3000] });
    expect(await linesOf(world, mailer())).toContainEqual(expect.stringContaining('write "port: 3000"'));
  });
});

const clock = (changes: ServiceChanges = {}, on = servers(1)) => shop([scheduler('clock', changes)], on);
const CLOCK = 'shop_production_clock';

/** In every story here: a rule of the world is that no two of it ever work at once, on whatever servers. */
describe('a worker of which two must not work at once', () => {
  test('stops before the new one starts', async () => {
    const world = await deployed(clock());
    expect(await world.describe(clock({ image: 'clock:2' }))).toEqual([
      'shop production: plan',
      '  clock 1 → 2: RESTART: the old container stops before the new one starts on a (image); clock:2, a worker without a port',
      '  waits at most 8 s for health',
      '  · pull clock:2 on a',
      '  · record the intent: clock release 2',
      '  · stop shop_production_clock on a',
      '  · start clock release 2 as secondary on a',
      '  · wait until clock (secondary) on a works',
      '  · wait until clock (secondary) on a is healthy',
      '  · make the new routes ready on a',
      '  · switch clock on a',
      '  · see that a has its routes',
      '  · remove shop_production_clock on a',
    ]);
    await world.deploy(clock({ image: 'clock:2' }));
    expect(world.running()).toEqual([`${CLOCK}_secondary`]);
  });

  test('is started again where the new one is not healthy, and the record says so', async () => {
    const world = await deployed(clock());
    const { id } = world.container(CLOCK);
    world.registry.define('clock:2', { crashesAfterMs: 300 });
    await expect(world.deploy(clock({ image: 'clock:2' }))).rejects.toThrow('crashed once');
    expect(world.containersOf('a', 'service')).toMatchObject([{ id, isRunning: true }]);
    expect(world.working('clock')).toBe(CLOCK);
    expect(world.state.services.clock).toMatchObject({ release: 1, copies: [{ container: CLOCK }] });
    await rest(world);
    expect(await world.describe(clock())).toEqual(NOTHING);
  });

  test('moves to another server by stopping on the first one', async () => {
    const on = servers(2, ['lon1', 'nyc1']);
    const world = await deployed(clock({ zones: ['lon1'] }, on));
    await world.deploy(clock({ zones: ['nyc1'] }, on));
    expect([world.running('a'), world.running('b')]).toEqual([[], [CLOCK]]);
    await rest(world);
    expect(await world.describe(clock({ zones: ['nyc1'] }, on))).toEqual(NOTHING);
  });

  test('stays where it was when it does not become healthy elsewhere', async () => {
    const on = servers(2, ['lon1', 'nyc1']);
    const world = await deployed(clock({ zones: ['lon1'] }, on));
    world.registry.define('clock:2', { crashesAfterMs: 300 });
    await expect(world.deploy(clock({ image: 'clock:2', zones: ['nyc1'] }, on))).rejects.toThrow('crashed');
    expect([world.running('a'), world.running('b')]).toEqual([[CLOCK], []]);
  });

  test('is not started again while the server of the new one cannot be asked: it may work there', async () => {
    const on = servers(2, ['lon1', 'nyc1']);
    const moved = clock({ image: 'clock:2', zones: ['nyc1'] }, on);
    const world = await deployed(clock({ zones: ['lon1'] }, on));
    const begun = world.start(moved);
    await world.clock.pass(3_000);
    expect(world.running('b')).toEqual([CLOCK]);
    world.switchOff('b');
    await world.finish(begun);
    expect(world.running('a')).toEqual([]);
    world.switchOn('b');
    await rest(world);
    await world.deploy(moved);
    expect([world.running('a'), world.running('b')]).toEqual([[], [CLOCK]]);
  });
});
