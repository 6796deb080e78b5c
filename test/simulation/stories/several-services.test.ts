import { describe, expect, test } from '@jest/globals';
import { stepsOf } from '../../../src/deploy/planning/plan.ts';
import { deployed, kindsOf, NOTHING, newWorld, planFor } from './deployed.ts';
import { database, type ServiceChanges, servers, service, shop } from './specs.ts';
import { rest } from './story.ts';

const web = (changes: ServiceChanges = {}) => service('web', { dependsOn: ['api'], ...changes });
const api = (changes: ServiceChanges = {}) => service('api', { dependsOn: ['db'], ...changes });
const all = (image = 'api:1') => shop([web(), api({ image }), database('db')]);
const WEB = 'shop_production_web';

describe('services that depend on each other', () => {
  test('change one after the other, those first that others depend on', async () => {
    const plan = await planFor(newWorld(), all());
    expect(plan.rollouts.map(({ services }) => services)).toEqual([['db'], ['api'], ['web']]);
    const [first, second] = stepsOf(plan, 'start').map(({ blueprint }) => blueprint);
    expect(second?.dependencies).toEqual({ db: first?.ports?.internal });
  });

  test('change only where something differs', async () => {
    const world = await deployed(all());
    const plan = await planFor(world, all('api:2'));
    expect(plan.rollouts.map(({ services }) => services)).toEqual([['api']]);
    expect(plan.changes.map(({ effect }) => effect)).toEqual(['none', 'toggle', 'none']);
  });

  test('keep their new routes while later ones move', async () => {
    const world = await deployed(all());
    const next = shop([web({ image: 'web:2' }), api({ image: 'api:2', port: 4000 }), database('db')]);
    const ports = stepsOf(await planFor(world, next), 'stage').map(
      ({ routes }) => routes.find((route) => route.service === 'api')?.ports[0]?.containerPort,
    );
    expect(ports).toEqual([4000, 4000]);
    await world.deploy(next);
    expect(world.serving('api')).toBe('shop_production_api_secondary');
    expect(world.answering('web.example.com')).toEqual([`${WEB}_secondary`]);
  });

  test('keep their new version and their new routes where one after them fails, which goes back', async () => {
    const world = await deployed(all());
    world.registry.define('web:2', { status: 503 });
    const next = shop([
      web({ image: 'web:2' }),
      api({ image: 'api:2', port: 4000, domains: ['new.example.com'] }),
      database('db'),
    ]);
    await expect(world.deploy(next)).rejects.toThrow('not healthy');
    expect(world.answering('new.example.com')).toEqual(['shop_production_api_secondary']);
    expect(world.state.services).toMatchObject({ api: { release: 2 }, web: { release: 1 } });
    expect(world.running()).toEqual(['shop_production_api_secondary', 'shop_production_db', WEB]);
    expect(world.answering('web.example.com')).toEqual([WEB]);
  });

  test('have no changed domain on record whose reload was not reached', async () => {
    const world = await deployed(all());
    world.registry.define('api:2', { status: 503 });
    const next = shop([web({ domains: ['other.example.com'] }), api({ image: 'api:2' }), database('db')]);
    await expect(world.deploy(next)).rejects.toThrow('not healthy');
    expect(world.state.services.web).toMatchObject({ release: 1 });
    expect(world.answering('web.example.com')).toEqual([WEB]);
    const { changes } = await planFor(world, next);
    expect(changes.find(({ service: name }) => name === 'web')).toMatchObject({ effect: 'reload' });
  });
});

test.each([
  ['to one that changes after it', ['one.example.com', 'two.example.com']],
  ['to one that has changed before it', ['two.example.com', 'one.example.com']],
])('a domain that goes from one service %s is always served', async (_way, domains) => {
  const at = (version: number, ...[first, second]: (string | undefined)[]) =>
    shop([
      service('web', { image: `web:${version}`, domains: first ? [first] : [] }),
      service('api', {
        image: `api:${version}`,
        domains: second ? [second] : [],
        dependsOn: ['web'],
      }),
    ]);
  const [kept] = domains;
  const world =
    kept === 'one.example.com' ? await deployed(at(1, kept)) : await deployed(at(1, undefined, kept));
  await world.deploy(kept === 'one.example.com' ? at(2, undefined, kept) : at(2, kept));
  expect(world.answering(kept!)).toHaveLength(1);
});

describe('what left the file', () => {
  const withoutWeb = shop([api(), database('db')]);

  test('leaves last: route first, then container; volumes are no step', async () => {
    const world = await deployed(all());
    const plan = await planFor(world, withoutWeb);
    expect(plan.changes.at(-1)).toMatchObject({
      service: 'web',
      effect: 'remove',
      from: 1,
      to: 0,
      reasons: ['no longer in the file; its volumes stay'],
    });
    expect(kindsOf(plan)).toEqual(['stage', 'switch', 'prove', 'drain', 'stop', 'remove']);
    await world.deploy(withoutWeb);
    expect(world.answering('web.example.com')).toEqual([]);
    expect(world.running()).toEqual(['shop_production_api', 'shop_production_db']);
    expect(world.state.services.web).toBeUndefined();
    expect(await world.describe(withoutWeb)).toEqual(NOTHING);
  });

  test('leaves with all services: then the environment is left', async () => {
    const world = await deployed(all());
    const nothing = shop([]);
    const plan = await planFor(world, nothing);
    expect(stepsOf(plan, 'teardown')).toEqual([{ kind: 'teardown', server: 'a' }]);
    expect(stepsOf(plan, 'prepare')).toEqual([]);
    await world.deploy(nothing);
    expect([...world.containersOf('a', 'service'), ...world.containersOf('a', 'sidecar')]).toEqual([]);
    expect(world.machine('a').networks.has('shop_production_network')).toBe(false);
    expect([...world.machine('a').volumes.keys()]).toContain('shop_production_db-data');
    expect(world.state.services).toEqual({});
    expect(await world.describe(nothing)).toEqual(NOTHING);
  });

  test('leaves also where the sidecar has stopped, which is started first', async () => {
    const world = await deployed(all());
    const machine = world.machine('a');
    machine.signal(world.containersOf('a', 'sidecar')[0]!, 'KILL');
    await rest(world);
    expect(stepsOf(await planFor(world, shop([])), 'prepare')).toMatchObject([{ sidecar: 'start' }]);
    await world.deploy(shop([]));
    expect([...world.containersOf('a', 'service'), ...world.containersOf('a', 'sidecar')]).toEqual([]);
  });

  test('leaves nothing to do on a server that came into the file just before', async () => {
    const world = await deployed(all());
    await world.deploy(shop([], servers(2)));
    expect(world.machine('b').containers.size).toBe(0);
    expect(await world.describe(shop([], servers(2)))).toEqual(NOTHING);
  });
});
