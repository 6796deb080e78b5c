import { describe, expect, test } from '@jest/globals';
import type { World } from '../world/world.ts';
import { deployed, NOTHING, newWorld } from './deployed.ts';
import { database, type ServiceChanges, servers, service, shop } from './specs.ts';
import { rest } from './story.ts';

const api = (changes: ServiceChanges = {}) => shop([service('api', changes)]);
const BASE = 'shop_production_api';
const SECONDARY = 'shop_production_api_secondary';

// Each of these was found by a random story first.
describe('a switch is not taken back', () => {
  test('by a run that gave its lease back for a drain, and leaves it to the next one to sweep', async () => {
    const world = await deployed(api());
    world.litter('a');
    world.users.streamMs = 60_000;
    await world.deploy(api({ image: 'api:2' }));
    expect(world.answering('api.example.com')).toEqual([SECONDARY]);
    expect(world.litterOn('a').filter(({ isOurs }) => isOurs)).not.toEqual([]);
    await world.deploy(api({ image: 'api:2' }));
    expect(world.litterOn('a').filter(({ isOurs }) => isOurs)).toEqual([]);
    expect(world.answering('api.example.com')).toEqual([SECONDARY]);
    expect(await world.describe(api({ image: 'api:2' }))).toEqual(NOTHING);
  });
});

test('what was alone in its zone when a run was cut off leaves the traffic to what the servers that join reach', async () => {
  const both = servers(2);
  const web = (version: number, on = both) =>
    shop([service('web', { image: `web:${version}`, domains: [] })], on);
  const world = await deployed(web(1));
  const itsOwn = both.filter(({ name }) => world.state.services.web!.copies[0]!.server === name);
  world.users.streamMs = 30_000;
  await world.deployUntil(/^ends: prove/, web(2, itsOwn));
  await world.deploy(web(3));
  expect(world.users.cut).toEqual([]);
  expect(await world.describe(web(3))).toEqual(NOTHING);
});

test('a server that comes back again and again agrees with what changed meanwhile on one that it does not reach', async () => {
  const both = servers(2);
  const file = (image: string, on = both) => shop([service('api', { image, servers: 2 })], on);
  const world = await deployed(file('api:1'), file('api:2', both.slice(0, 1)));
  world.registry.define('api:broken', { port: 9 });
  await expect(world.deploy(file('api:broken'))).rejects.toThrow('not healthy');
  await rest(world);
  await world.deploy(file('api:3', both.slice(0, 1)));
  await rest(world);
  await world.deploy(file('api:3'));
  expect(await world.describe(file('api:3'))).toEqual(NOTHING);
});

test('what was to move within a zone stays where it stands when the server that it moved to is left out', async () => {
  const all = servers(3, ['lon1', 'lon1', 'nyc1']);
  const file = (version: number, count: number, on = all) => {
    const db = service('db', { image: `db:${version}` });
    const api = service('api', { image: `api:${version}`, servers: count, dependsOn: ['db'] });
    return { ...shop([db, api], on), onPartialFailure: 'keep' as const };
  };
  const world = await deployed(file(1, 1, all.slice(0, 1)), file(1, 3));
  world.machine('b').isStubborn = true;
  await expect(world.deploy(file(2, 2))).rejects.toThrow('b did not switch and was left out');
  expect(world.answering('api.example.com', 'a')).toHaveLength(1);
  world.machine('b').isStubborn = false;
  await rest(world);
  await world.deploy(file(2, 2));
  await rest(world);
  expect(await world.describe(file(2, 2))).toEqual(NOTHING);
});

describe('a service whose only servers leave the file is served by them', () => {
  const on = servers(2);
  const file = (web: string, left = on) =>
    shop([service('web', { image: web }), service('api', { dependsOn: ['web'] })], left);

  async function whereApiLeaves() {
    const world = await deployed(file('web:1'));
    const { server } = world.state.services.api!.copies[0]!;
    return { world, left: on.filter(({ name }) => name !== server) };
  }

  test('until its new copy has the traffic', async () => {
    const { world, left } = await whereApiLeaves();
    await world.deploy(file('web:2', left));
    expect(await world.describe(file('web:2', left))).toEqual(NOTHING);
  });

  test('also where the run fails and goes back', async () => {
    const { world, left } = await whereApiLeaves();
    world.registry.define('web:2', { port: 9 });
    await expect(world.deploy(file('web:2', left))).rejects.toThrow('not healthy');
  });

  test('also where the record is lost', async () => {
    const { world, left } = await whereApiLeaves();
    world.loseRecord();
    await world.deploy(file('web:2', left));
    expect(await world.describe(file('web:2', left))).toEqual(NOTHING);
  });
});

describe('a drain sees the connections of a copy', () => {
  test('also where the next version listens on another port', async () => {
    const world = await deployed(api());
    world.users.streamMs = 30_000;
    await world.deploy(api({ port: 4000 }));
    expect(world.running()).toEqual([SECONDARY]);
    expect(world.users.cut).toEqual([]);
  });

  test('also of a service that has left the file, of which nothing is recorded any more', async () => {
    const both = shop([service('api'), service('web')]);
    const world = await deployed(both);
    world.loseRecord();
    world.users.streamMs = 30_000;
    await world.deploy(shop([service('web')]));
    expect(world.users.cut).toEqual([]);
    expect(world.running()).not.toContain(BASE);
  });
});

test('a copy that crashes again and again can be drained: where nothing runs, nobody is connected', async () => {
  const file = (names: string[]) =>
    shop(
      names.map((name) => service(name, { servers: 2 })),
      servers(2),
    );
  const world = await deployed(file(['api', 'web']));
  await crashAgainAndAgain(world, 'shop_production_web');
  await world.deploy(file(['api']));
  expect(world.running()).not.toContain('shop_production_web');
});

test('a database that has just crashed is stopped before its successor starts: its engine starts it again', async () => {
  const db = (version: number) => shop([database('db', { image: `db:${version}` })]);
  const world = await deployed(db(1));
  world.machine('a').crash(world.container('shop_production_db'), 1);
  await world.deploy(db(2));
  expect(world.running()).toEqual(['shop_production_db_secondary']);
});

test('a database that has just crashed runs again when its successor fails', async () => {
  const db = (version: number) => shop([database('db', { image: `db:${version}` })]);
  const world = await deployed(db(1));
  world.registry.define('db:2', { port: 9 });
  world.machine('a').crash(world.container('shop_production_db'), 1);
  await expect(world.deploy(db(2))).rejects.toThrow('not healthy');
  expect(world.running()).toEqual(['shop_production_db']);
});

test('kept secrets are read also where the image of nginx was pruned', async () => {
  const wanted = (version: number) => api({ image: `api:${version}`, secrets: ['TOKEN'] });
  const secrets = { secrets: { api: { TOKEN: 'one' } } };
  const world = newWorld();
  await world.deploy(wanted(1), secrets);
  await rest(world);
  world.machine('a').images.untag('nginx:1.30');
  expect((await world.plan(wanted(1), secrets)).changed).toBe(false);
  await world.deploy(wanted(2), secrets);
  expect(world.release('api', 2)).toMatchObject({ secrets_version: 1 });
});

test('an environment leaves a server where the edge stands beside a front that stays', async () => {
  const world = newWorld();
  const on = servers(1);
  world.addServers(on);
  world.makeByHand('a', { name: 'old' });
  world.makeByHand('a', { name: 'front', published: { 80: 80 }, passes: { 'old.example.com': 'old:3000' } });
  const file = (wanted: ReturnType<typeof shop>) => ({
    ...wanted,
    nginx: { ...wanted.nginx, adopt: { container: 'front', drop: [] } },
  });
  await world.deploy(file(shop([database('db')], on)));
  await world.deploy(file(shop([], on)));
  expect(world.machine('a').networks.has('shop_production_network')).toBe(false);
  expect(world.answering('old.example.com')).toEqual(['old']);
});

/** The engine waits longer each time before it starts a container again: a run that begins now finds it down. */
async function crashAgainAndAgain(world: World, name: string): Promise<void> {
  for (let pauseMs = 100; pauseMs < 2_000; pauseMs *= 2) {
    world.machine('a').crash(world.container(name), 1);
    await world.clock.pass(pauseMs + 50);
  }
  world.machine('a').crash(world.container(name), 1);
}
