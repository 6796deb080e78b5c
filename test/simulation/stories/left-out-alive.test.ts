import { describe, expect, test } from '@jest/globals';
import { stepsOf } from '../../../src/deploy/planning/plan.ts';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import { renderStatus } from '../../../src/report/status.ts';
import { World } from '../world/world.ts';
import { deployed, NOTHING, planFor } from './deployed.ts';
import { database, type ServiceChanges, scheduler, servers, service, shop, worker } from './specs.ts';
import { convergence, rest } from './story.ts';

const on = (version: number, changes: ServiceChanges = {}, count = 2) =>
  shop([service('api', { image: `api:${version}`, servers: count, ...changes })], servers(count));
const without = { excludedServers: ['b'] };
const DOMAIN = 'api.example.com';
const BASE = 'shop_production_api';
const SECONDARY = `${BASE}_secondary`;
const THIRD = `${BASE}_3`;

/** A world in which versions were deployed without `b`, one after the other, after the first one was everywhere. */
async function leftOut(...versions: readonly EnvironmentSpec[]): Promise<World> {
  const world = await deployed(on(1));
  for (const wanted of versions) {
    await world.deploy(wanted, without);
    await rest(world);
  }
  return world;
}

/** In every story here users ask `b` as well, whose nginx serves while runs are told to leave it out. */
describe('a server that is left out and lives', () => {
  test('goes on sending requests to the old copies of the others, which stand by for it', async () => {
    const world = await deployed(on(1));
    expect(await world.describe(on(2), without)).toContain(
      `  ${BASE} on a stands by for b: requests may still come to it from there`,
    );
    await world.deploy(on(2), without);
    expect(world.running('a')).toEqual([BASE, SECONDARY]);
    expect(world.answering(DOMAIN, 'a')).toEqual([SECONDARY]);
    expect(world.answering(DOMAIN, 'b')).toEqual([BASE]);
    expect(world.state.services.api?.copies).toMatchObject([
      { container: SECONDARY, state: 'serving', release: 2 },
      { container: BASE, state: 'standby', release: 1 },
    ]);
    await rest(world);
    expect(await world.describe(on(2), without)).toEqual([
      'shop production: nothing to do, everything on a is as the file says',
    ]);
  });

  test('is told of by status, and so is what stands by for it: no drift but itself', async () => {
    const world = await leftOut(on(2));
    const report = await world.status(on(2), without);
    expect(report.drift).toEqual([
      expect.stringMatching(
        /^b was left out at .* until it has left the file, shop_production_api on a stands by/,
      ),
    ]);
    expect(renderStatus(report).lines.join('\n')).toContain('base (standby)');
  });

  test('has the probe see the others switch, as ever', async () => {
    const world = await deployed(on(1));
    const plan = await planFor(world, on(2), without);
    expect([stepsOf(plan, 'probe'), stepsOf(plan, 'end probe'), stepsOf(plan, 'drain')]).toMatchObject([
      [{ service: 'api' }],
      [{ service: 'api' }],
      [],
    ]);
  });

  test('keeps one old copy, however many versions are deployed meanwhile', async () => {
    const world = await leftOut(on(2), on(3), on(4), on(5), on(6));
    expect(world.running('a')).toEqual([BASE, SECONDARY]);
    expect(world.container(SECONDARY).labels['switchyard.release']).toBe('6');
    await world.deploy(on(7), without);
    expect(world.running('a')).toEqual([BASE, THIRD]);
  });

  test('has what stood by for it drained when it is back', async () => {
    for (const versions of [[2], [2, 3], [2, 3, 4]]) {
      const world = await leftOut(...versions.map((version) => on(version)));
      const last = on(versions.at(-1)!);
      expect(await convergence(world, last)).toBeUndefined();
      expect([world.running('a'), world.running('b')]).toEqual([[expect.any(String)], [expect.any(String)]]);
      expect(world.state).not.toHaveProperty('stale_servers');
    }
  });

  test('and has left the file is waited for no more', async () => {
    const world = await leftOut(on(2));
    const alone = shop([service('api', { image: 'api:2' })]);
    await world.deploy(alone);
    expect(world.running('a')).toHaveLength(1);
    await rest(world);
    expect(await world.describe(alone)).toEqual(NOTHING);
  });

  test('in another zone keeps nothing', async () => {
    const zoned = (version: number) =>
      shop([service('api', { image: `api:${version}`, servers: 2 })], servers(2, ['lon1', 'nyc1']));
    const world = await deployed(zoned(1));
    await world.deploy(zoned(2), without);
    expect(world.running('a')).toEqual([SECONDARY]);
  });

  test('never has a new copy in a place to which it sends requests, though that is empty', async () => {
    const world = await leftOut(on(2));
    world.users.forsake(world.machine('b'));
    world.machine('a').remove(world.container(BASE));
    world.registry.define('api:3', { bootMs: 1_000 });
    await world.deploy(on(3), without);
    expect(world.running('a')).toEqual([THIRD]);
  });

  test('one after the other: each goes on with what it knew', async () => {
    const at = (version: number) => on(version, {}, 4);
    const world = await deployed(at(1));
    const left = ['b', 'c', 'd'];
    for (const [index] of left.entries()) {
      await world.deploy(at(2 + index), { excludedServers: left.slice(0, index + 1) });
      await rest(world);
    }
    const standing = [BASE, SECONDARY, THIRD, `${BASE}_4`].sort();
    expect(world.running('a')).toEqual(standing);
    for (const version of [5, 6, 7]) await world.deploy(at(version), { excludedServers: left });
    await rest(world);
    expect(world.running('a')).toHaveLength(standing.length);
    expect(await convergence(world, at(7))).toBeUndefined();
    for (const name of ['a', ...left]) expect(world.running(name)).toHaveLength(1);
  });

  test('so many that no room is left for a new copy: what stands by is drained then, and no deploy is blocked', async () => {
    const at = (version: number) => on(version, {}, 7);
    const world = new World();
    await world.deploy(at(1));
    await rest(world);
    const left = ['b', 'c', 'd', 'e', 'f', 'g'];
    for (const [index] of left.entries()) {
      await world.deploy(at(2 + index), { excludedServers: left.slice(0, index + 1) });
      await rest(world);
    }
    await world.deploy(at(8), { excludedServers: left });
    // Their users may lose something then, and nobody else.
    expect(world.lost.map(({ place }) => place.split(' ')[0])).not.toContain('a');
    expect(world.answering(DOMAIN, 'a')).toHaveLength(1);
    expect(world.servingContainer('api').labels['switchyard.release']).toBe('8');
    await rest(world);
    for (let round = 0; round < 2; round += 1) await world.deploy(at(8));
    expect(await world.describe(at(8))).toEqual(NOTHING);
    for (const name of ['a', ...left]) expect(world.running(name)).toHaveLength(1);
  });

  test.each<[string, (world: World) => Promise<unknown>]>([
    ['for one service', (world) => world.deploy(on(2), { services: ['api'] })],
    [
      'in a run that is killed when it has told it to agree',
      (world) => world.deployUntil(/b .*edge\/kill HUP/, on(2)),
    ],
    ['in a run that is killed when it has all', (world) => world.deployUntil(/begins: drain/, on(2))],
  ])('was back %s, and is left out again: it goes on with what it has learned', async (_how, comesBack) => {
    const world = await leftOut(on(2));
    await comesBack(world);
    await world.clock.pass(200_000);
    for (const version of [3, 4, 5]) {
      await world.deploy(on(version), without);
      await rest(world);
    }
    expect(await convergence(world, on(5))).toBeUndefined();
    expect([world.running('a'), world.running('b')].map((names) => names.length)).toEqual([1, 1]);
  });

  test('keeps a service that has left the file, until it is back', async () => {
    const both = (version: number) =>
      shop(
        [service('api', { image: `api:${version}`, servers: 2 }), service('web', { servers: 2 })],
        servers(2),
      );
    const world = await deployed(both(1));
    await world.deploy(on(1), without);
    expect(world.running('a')).toEqual([BASE, 'shop_production_web']);
    expect(world.answering('web.example.com', 'b')).toEqual(['shop_production_web']);
    await rest(world);
    expect(await world.describe(on(1), without)).toEqual([
      'shop production: nothing to do, everything on a is as the file says',
    ]);
    expect((await world.status(on(1), without)).drift).toHaveLength(1);
    expect(await convergence(world, on(1))).toBeUndefined();
    expect([world.running('a'), world.running('b')]).toEqual([[BASE], [BASE]]);
  });

  test('keeps nothing of an environment that is given up, of a database, and of a worker', async () => {
    const db = (version: number) =>
      shop([database('api', { image: `api:${version}`, servers: 2 })], servers(2));
    const world = await deployed(db(1));
    await world.deploy(db(2), without);
    expect(world.running('a')).toEqual([SECONDARY]);
    const jobs = (version: number) =>
      shop([worker('api', { image: `api:${version}`, servers: 2 })], servers(2));
    const other = await deployed(jobs(1));
    await other.deploy(jobs(2), without);
    expect(other.running('a')).toEqual([SECONDARY]);
    await other.deploy(shop([], servers(2)), without);
    expect(other.machine('a').containers.size).toBe(0);
  });

  test('and a service becomes a worker meanwhile: its users on that server are served until it is back', async () => {
    const world = await deployed(on(1));
    const jobs = shop([worker('api', { image: 'jobs:1', servers: 2 })], servers(2));
    await world.deploy(jobs, without);
    expect(world.running('a')).toEqual([BASE, SECONDARY]);
    await rest(world);
    expect(await convergence(world, jobs)).toBeUndefined();
    expect(world.running('a')).toEqual([SECONDARY]);
  });

  test('and a service becomes a worker of which two must not run at once: no drain waits for ever', async () => {
    const endless = { policy: { drainTimeoutMs: 0 } };
    const world = new World();
    await world.deploy(on(1, endless));
    await rest(world);
    const alone = shop([scheduler('api', { image: 'jobs:1' })], servers(2));
    await world.deploy(alone, without);
    // Who comes by the server that is left out is cut at last, since two of it must not run.
    expect(world.lost.map(({ place }) => place.split(' ')[0])).not.toContain('a');
    expect([...world.running('a'), ...world.running('b')]).toHaveLength(2);
    const copies = world.state.services.api!.copies.map(({ server, release }) => `${server} ${release}`);
    expect(copies).toEqual(['a 2']);
  });

  test('in runs that are killed, too', async () => {
    for (const kind of ['start', 'switch', 'prove', 'end probe']) {
      const world = await deployed(on(1));
      await world.deployUntil(new RegExp(`^begins: ${kind}:`), on(2), without);
      await world.clock.pass(200_000);
      await world.deploy(on(3), without);
      await rest(world);
      expect([kind, await convergence(world, on(3))]).toEqual([kind, undefined]);
    }
  });

  test('since a run lost it and went back: the next runs without it keep whatever it may use', async () => {
    for (const at of [/b POST containers.create shop_production_api_secondary/, /b .*nginx\/kill HUP/]) {
      for (const when of ['before', 'after'] as const) {
        const world = await deployed(on(1));
        await world.tryDeploy(on(2), { strikes: [{ at, when, how: 'cut off' }] });
        await rest(world);
        for (const version of [3, 4]) {
          await world.deploy(on(version), without);
          await rest(world);
        }
        expect([when, await convergence(world, on(4))]).toEqual([when, undefined]);
        expect([world.running('a'), world.running('b')].map((names) => names.length)).toEqual([1, 1]);
      }
    }
  });

  test('since its switch failed and the others kept theirs: the next runs without it keep what it may use', async () => {
    const kept = (version: number) => ({ ...on(version, {}, 3), onPartialFailure: 'keep' as const });
    const world = await deployed(kept(1));
    world.machine('b').isStubborn = true;
    await expect(world.deploy(kept(2))).rejects.toThrow('b did not switch and was left out');
    await rest(world);
    for (const version of [3, 4]) {
      await world.deploy(kept(version), without);
      await rest(world);
    }
    expect(world.running('a')).toContain(BASE);
    world.machine('b').isStubborn = false;
    expect(await convergence(world, kept(4))).toBeUndefined();
    for (const name of ['a', 'b', 'c']) expect(world.running(name)).toHaveLength(1);
  });
});
