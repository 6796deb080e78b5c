import { describe, expect, test } from '@jest/globals';
import { isEmpty } from '../../../src/deploy/planning/plan.ts';
import { hostPort } from '../../../src/model/ports.ts';
import { database, type ServiceChanges, servers, service, shop } from './specs.ts';
import { World } from './world.ts';

const BASE = 'shop_production_api';
/** What the world's clock says. */
const TIME = '20261101t1200';

/** Two copies on three servers: the third reaches both by their host ports. */
const api = (changes: ServiceChanges = {}) =>
  shop([service('api', { servers: 2, naming: 'version', ...changes })], servers(3));

/** The copy on a server where the service stands. */
function copyIn(world: World) {
  const { host, container, port } = world.state.services.api!.servers[0]!;
  return { name: container, port, container: world.container(container, host) };
}

/** Everybody who shall reach the service does. */
function expectServed(world: World): void {
  for (const { host, route, placement } of world.primaries())
    expect([host, placement, world.answers(host, route, placement)]).toEqual([host, placement, true]);
}

describe('naming by version', () => {
  test('each version has a name and a port of its own, and the internal port never changes', () => {
    const world = new World();
    const seen = [];
    for (const image of ['api:v1.0', 'api:v1.1', 'api:v2']) {
      world.deploy(api({ image }));
      expectServed(world);
      expect(isEmpty(world.plan(api({ image })))).toBe(true);
      seen.push({ ...copyIn(world), internal: world.state.services.api!.internal_port });
    }
    expect(seen.map(({ name }) => name)).toEqual([`${BASE}_v1_0`, `${BASE}_v1_1`, `${BASE}_v2`]);
    expect(new Set(seen.map(({ port }) => port)).size).toBe(3);
    expect(new Set(seen.map(({ internal }) => internal)).size).toBe(1);
    for (const { container, port } of seen)
      expect(hostPort(container.versionPort!, container.side)).toBe(port);
  });

  test('a second container of one version has the time in its name, and the third one needs it no more', () => {
    const world = new World();
    const names = ['one', 'two', 'three'].map((round) => {
      world.deploy(api({ environment: { ROUND: round } }));
      return copyIn(world).name;
    });
    expect(names).toEqual([`${BASE}_v1`, `${BASE}_v1_${TIME}`, `${BASE}_v1`]);
  });

  test('a run that was cut off is finished with the container that it began', () => {
    const world = new World();
    world.deploy(api());
    world.deployUntil(/^started/, api({ image: 'api:2' }));
    world.deploy(api({ image: 'api:2' }));
    expect(copyIn(world).name).toBe(`${BASE}_v2`);
    expectServed(world);
  });

  test('a version that never gets healthy leaves nothing, and the old one its name and port', () => {
    const world = new World();
    world.deploy(api());
    const before = copyIn(world);
    world.broken.add('api:2');
    expect(() => world.deploy(api({ image: 'api:2' }))).toThrow('api_v2 on b is not healthy');
    expect(copyIn(world)).toEqual(before);
    expect(world.running('b')).toEqual([`${BASE}_v1`]);
  });

  test('from sides to versions and back is a change of the container like any other', () => {
    const world = new World();
    const names = ([undefined, 'version', undefined] as const).map((naming) => {
      const wanted = api({ naming });
      const { changes } = world.plan(wanted);
      world.deploy(wanted);
      expectServed(world);
      expect(isEmpty(world.plan(wanted))).toBe(true);
      return [copyIn(world).name, changes[0]!.reasons];
    });
    expect(names).toEqual([
      [BASE, ['not deployed yet']],
      [`${BASE}_v1`, ['naming']],
      [BASE, ['naming']],
    ]);
  });

  test('a service that writes to a volume is stopped before its next version starts', () => {
    const world = new World();
    const db = (version: number) => shop([database('db', { image: `db:${version}`, naming: 'version' })]);
    world.deploy(db(1));
    world.deploy(db(2));
    expect(world.running()).toEqual(['shop_production_db_v2']);
  });

  test('two services that hash to one port get two; a new service keeps off the ports of versions', () => {
    const world = new World();
    const crowd = (count: number) =>
      shop(
        Array.from({ length: count }, (_, index) => service(`s${index}`, { naming: 'version', servers: 2 })),
        servers(2),
      );
    world.deploy(crowd(40));
    world.deploy(crowd(60));
    const ports = world.machines.get('a')!.containers.flatMap((one) => [one.hostPort, one.versionPort]);
    expect(new Set(ports).size).toBe(120);
  });

  test('what a narrowed run does not look at keeps its port', () => {
    const world = new World();
    const spread = (image: string) =>
      shop([service('api', { image, naming: 'version', servers: 3 })], servers(3, ['lon1', 'lon1', 'nyc1']));
    world.deploy(spread('api:1'));
    world.deploy(spread('api:2'), { zones: ['nyc1'] });
    const recorded = world.state.services.api!.servers;
    expect(recorded.map(({ host, container }) => [host, container])).toEqual([
      ['a', `${BASE}_v1`],
      ['b', `${BASE}_v1`],
      ['c', `${BASE}_v2`],
    ]);
    expectServed(world);
    world.deploy(spread('api:2'));
    expectServed(world);
  });

  test('the record can be lost', () => {
    const world = new World();
    world.deploy(api());
    const { port } = copyIn(world);
    world.loseRecord();
    world.deploy(api());
    expect(copyIn(world)).toMatchObject({ name: `${BASE}_v1`, port });
    world.deploy(api({ image: 'api:2' }));
    expectServed(world);
    expect(isEmpty(world.plan(api({ image: 'api:2' })))).toBe(true);
  });
});
