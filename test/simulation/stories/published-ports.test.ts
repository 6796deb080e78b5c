import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import { type RunOptions, World } from '../world/world.ts';
import { NOTHING } from './deployed.ts';
import { broker, publishing as file, other } from './published.ts';
import { service, shop } from './specs.ts';
import { complaintOf, failureOf, rest } from './story.ts';

let world: World;
beforeEach(() => {
  world = new World({ images: 'digests' });
  world.users.streamMs = 3_000;
});
afterEach(() => expect(complaintOf(world)).toBeUndefined());

const BASE = 'shop_production_mqtt';
const SECONDARY = 'shop_production_mqtt_secondary';

describe('a service with ports of the servers', () => {
  test('is reached on them, by tcp and by udp, and not on others', async () => {
    await world.deploy(file([broker(1)]));
    expect(world.answeringOn('1883/tcp')).toEqual([BASE]);
    expect(world.answeringOn('53/udp')).toEqual([BASE]);
    expect(world.answeringOn('53/tcp')).toEqual([]);
    expect(await world.describe(file([broker(1)]))).toEqual(NOTHING);
  });

  test('toggles without a loss, and the edge reads nothing new for it', async () => {
    await world.deploy(file([broker(1)]));
    const begun = world.start(file([broker(2)]));
    const [outcome] = await world.finish(begun);
    expect(failureOf(outcome!)).toBeUndefined();
    expect(world.answeringOn('1883/tcp')).toEqual([SECONDARY]);
    expect(world.answeringOn('53/udp')).toEqual([SECONDARY]);
    expect(begun.run.calls.filter((call) => /kill HUP/.test(call))).toEqual([
      'a POST containers/shop_production_nginx/kill HUP',
    ]);
    expect(await world.describe(file([broker(2)]))).toEqual(NOTHING);
  });

  test('is drained by its own connections alone, however long idle clients of nginx are kept', async () => {
    world.users.streamMs = 0;
    const patient = (wanted: EnvironmentSpec) => ({
      ...wanted,
      nginx: { ...wanted.nginx, keepaliveMinTimeoutMs: 60_000 },
    });
    await world.deploy(patient(file([broker(1)])));
    const begun = world.elapsedMs;
    await world.deploy(patient(file([broker(2)])));
    expect(world.elapsedMs - begun).toBeLessThan(5_000);
  });

  test('is served from every server of its zone, wherever its copies stand', async () => {
    await world.deploy(file([broker(1, { servers: 1 })], 2));
    expect(world.answeringOn('1883/tcp', 'b')).toEqual(world.answeringOn('1883/tcp', 'a'));
    expect(world.answeringOn('53/udp', 'b')).toEqual(world.answeringOn('53/udp', 'a'));
    await world.deploy(file([broker(2, { servers: 2 })], 2));
    expect(world.answeringOn('1883/tcp', 'b')).toHaveLength(2);
    expect(await world.describe(file([broker(2, { servers: 2 })], 2))).toEqual(NOTHING);
  });

  test('goes back with a rollback, with the ports that it had', async () => {
    await world.deploy(file([broker(1)]));
    await world.deploy(file([broker(2, { numbers: [7000] })]));
    expect(world.answeringOn('1883/tcp')).toEqual([]);
    const back: RunOptions = { services: ['mqtt'], rollback: 'previous' };
    await world.deploy(file([broker(2, { numbers: [7000] })]), back);
    expect(world.answeringOn('1883/tcp')).toHaveLength(1);
    expect(world.answeringOn('7000/tcp')).toEqual([]);
  });

  test('gives a port to another one, which has it when it has its traffic', async () => {
    await world.deploy(file([broker(1)]));
    await world.deploy(file([broker(1, { numbers: [] }), other(1883)]));
    expect(world.answeringOn('1883/tcp')).toEqual(['shop_production_other']);
    expect(world.answeringOn('53/udp')).toEqual([BASE]);
    await world.deploy(file([broker(1), other(7000)]));
    expect(world.answeringOn('1883/tcp')).toEqual([BASE]);
    expect(world.answeringOn('7000/tcp')).toEqual(['shop_production_other']);
    expect(await world.describe(file([broker(1), other(7000)]))).toEqual(NOTHING);
  });

  test('gives them up with what it was, and nothing answers there any more', async () => {
    await world.deploy(file([broker(1), other(7000)]));
    await world.deploy(file([other(7000)]));
    await rest(world);
    expect(world.answeringOn('1883/tcp')).toEqual([]);
    expect(world.answeringOn('7000/tcp')).toEqual(['shop_production_other']);
  });

  test('whose port the edge that runs was made without gets it by an upgrade', async () => {
    await world.deploy(shop([service('api')]));
    const wanted = file([service('api'), broker(1)]);
    expect(await world.describe(wanted)).toContainEqual(
      expect.stringMatching(/upgrade the edge on a: publish .*1883/),
    );
    await world.deploy(wanted);
    await rest(world);
    expect(world.answeringOn('1883/tcp')).toEqual([BASE]);
    expect(await world.describe(wanted)).toEqual(NOTHING);
  });

  test('takes none that another environment has on the same server', async () => {
    await world.deploy(file([broker(1)]));
    const staging = { ...file([broker(1)]), environment: 'staging' };
    const ended = await world.tryDeploy(staging);
    expect(failureOf(ended)).toMatchObject({
      message: expect.stringContaining(
        'port 1883/tcp is already published on this server for shop production',
      ),
    });
  });

  test.each([/begins: switch/, /nginx\/kill HUP/, /begins: prove/, /mqtt_drain/, /mqtt\/stop/])(
    'whose run is killed at %s loses nothing, and the next run finishes it',
    async (moment) => {
      await world.deploy(file([broker(1)]));
      await world.deployUntil(moment, file([broker(2)]));
      await world.deploy(file([broker(2)]));
      expect(world.answeringOn('1883/tcp')).toHaveLength(1);
      expect(await world.describe(file([broker(2)]))).toEqual(NOTHING);
    },
  );
});
