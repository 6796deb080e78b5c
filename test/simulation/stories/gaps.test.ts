import { describe, expect, test } from '@jest/globals';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import type { World } from '../world/world.ts';
import { deployed, NOTHING, newWorld } from './deployed.ts';
import { database, type ServiceChanges, scheduler, service, shop } from './specs.ts';
import { rest } from './story.ts';

const DB = 'shop_production_db';
/** It has a minute to get healthy. */
const SLOW: ServiceChanges = {
  policy: { healthcheck: { ...service('any').policy.healthcheck, startPeriodMs: 60_000 } },
};
const ASKED = { ...service('any').policy.healthcheck, kind: 'http' as const, path: '/health' };
const both = (version: number) =>
  shop([database('db', { image: `db:${version}` }), service('web', { image: `web:${version}`, ...SLOW })]);

/** awayMs deploys, and returns for how long nobody was served meanwhile, as users saw it. */
async function awayMs(world: World, wanted: EnvironmentSpec, isServed: () => boolean): Promise<number> {
  const everyMs = 50;
  const begun = world.start(wanted);
  let isOver = false;
  void begun.ended.finally(() => {
    isOver = true;
  });
  let away = 0;
  while (!isOver) {
    if (!isServed()) away += everyMs;
    await world.clock.pass(everyMs);
  }
  return away;
}

const served = (world: World, name: string) => () => world.serving(name) !== undefined;

/** A service that is replaced in place, beside others that change in the same rollout. */
describe('a service of which two must not run at once', () => {
  test('is away for its own stop and start, however long those beside it take', async () => {
    const at = (version: number) =>
      shop([
        // The new version listens elsewhere: nobody reaches it before the switch.
        database('db', { image: `db:${version}`, port: 5431 + version }),
        service('web', { image: `web:${version}`, ...SLOW }),
        database('queue', { image: `queue:${version}` }),
      ]);
    const world = await deployed(at(1));
    world.registry.define('web:2', { bootMs: 30_000 });
    world.container('shop_production_queue').image.behaviour = {
      runs: 'app',
      app: { stopMs: 9_000 },
    };
    expect(await awayMs(world, at(2), served(world, 'db'))).toBeLessThan(1_500);
    expect(world.running()).toEqual([
      `${DB}_secondary`,
      'shop_production_queue_secondary',
      'shop_production_web_secondary',
    ]);
  });

  test('does not even stop where one beside it does not get healthy', async () => {
    const at = (version: number) =>
      shop([
        database('db', { image: `db:${version}` }),
        scheduler('clock', { image: `clock:${version}` }),
        service('web', { image: `web:${version}` }),
      ]);
    const world = await deployed(at(1));
    world.registry.define('web:2', { status: 503 });
    const ended: string[] = [];
    world.onEnd((_machine, { name }) => ended.push(name));
    await expect(world.deploy(at(2))).rejects.toThrow('not healthy');
    expect(ended.filter((name) => /db|clock/.test(name))).toEqual([]);
  });

  test('is there while those beside it get healthy, who may need it without saying so', async () => {
    const at = (version: number) =>
      shop([
        database('db', { image: `db:${version}`, policy: { strategy: 'recreate', ...SLOW.policy } }),
        service('web', { image: `web:${version}`, policy: { healthcheck: ASKED } }),
      ]);
    const world = newWorld();
    world.registry.define('web:2', {
      answers: ({ path }) =>
        path === ASKED.path && world.serving('db') === undefined
          ? { status: 503, headers: {}, body: 'no database' }
          : undefined,
    });
    world.registry.define('db:2', { bootMs: 20_000 });
    await world.deploy(at(1));
    await rest(world);
    await world.deploy(at(2));
    expect(world.running()).toEqual([`${DB}_secondary`, 'shop_production_web_secondary']);
  });

  test('begins at once where it is away already, whatever those beside it do', async () => {
    const world = await deployed(both(1));
    world.registry.define('web:2', { bootMs: 30_000 });
    world.machine('a').signal(world.container(DB), 'KILL');
    expect(await awayMs(world, both(2), served(world, 'db'))).toBeLessThan(2_500);
  });

  test('changes before what depends on it, and is back when that starts', async () => {
    const at = (version: number) =>
      shop([
        database('db', { image: `db:${version}` }),
        service('api', { image: `api:${version}`, dependsOn: ['db'] }),
        service('web', { image: `web:${version}` }),
      ]);
    const world = await deployed(at(1));
    const begun: string[] = [];
    world.onStart((_machine, { name, labels }) => {
      if (labels['switchyard.role'] === 'service') begun.push(`${name} with ${world.serving('db')}`);
    });
    await world.deploy(at(2));
    expect(begun).toEqual([
      `shop_production_web_secondary with ${DB}`,
      `${DB}_secondary with undefined`,
      `shop_production_api_secondary with ${DB}_secondary`,
    ]);
  });

  test('gets a domain of one beside it in its switch: until then the other one serves it', async () => {
    const at = (version: number, ofFiles: string[], ofWeb: string[]) =>
      shop([
        service('files', {
          image: `files:${version}`,
          domains: ofFiles,
          policy: { strategy: 'recreate' },
        }),
        service('web', { image: `web:${version}`, domains: ofWeb }),
      ]);
    const world = await deployed(at(1, [], ['one.example.com', 'two.example.com']));
    const moved = at(2, ['two.example.com'], ['one.example.com']);
    const isServed = () => world.answering('two.example.com').length > 0;
    expect(await awayMs(world, moved, isServed)).toBe(0);
    expect(world.answering('two.example.com')).toEqual(['shop_production_files_secondary']);
    await rest(world);
    expect(await world.describe(moved)).toEqual(NOTHING);
  });
});
