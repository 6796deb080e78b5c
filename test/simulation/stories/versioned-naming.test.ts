import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Slot } from '../../../src/model/copy.ts';
import { LABEL } from '../../../src/model/labels.ts';
import { hostPort } from '../../../src/model/ports.ts';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import { World } from '../world/world.ts';
import { database, type ServiceChanges, servers, service, shop } from './specs.ts';
import { complaintOf } from './story.ts';

const BASE = 'shop_production_api';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => expect(complaintOf(world)).toBeUndefined());

/** Two copies on three servers: the third reaches both by their host ports. */
const api = (changes: ServiceChanges = {}) =>
  shop([service('api', { servers: 2, naming: 'version', ...changes })], servers(3));

/** One of the copies, as it is recorded, and its container. */
function oneCopy() {
  const { server, container: name, port, slot } = world.state.services.api!.copies[0]!;
  return { server, name, port, slot, container: world.machine(server).need(name) };
}

/** answering returns who answers for a service on every server of a file, at its internal port and at its domain. */
function answering({ servers: all }: EnvironmentSpec): string[][] {
  return all.map(({ name: server }) =>
    world.users.answering(
      ({ machine, upstream, domain }) =>
        machine.name === server && (upstream === BASE || domain === 'api.example.com'),
    ),
  );
}

/** isSettled tells whether nothing is left to do. */
async function isSettled(wanted: EnvironmentSpec): Promise<boolean> {
  return !(await world.plan(wanted)).changed;
}

describe('naming by version', () => {
  test('each version has a name and a port of its own, and the internal port never changes', async () => {
    const seen = [];
    for (const image of ['api:v1.0', 'api:v1.1', 'api:v2']) {
      const wanted = api({ image });
      await world.deploy(wanted);
      const copy = oneCopy();
      expect(answering(wanted)).toEqual([[copy.name], [copy.name], [copy.name]]);
      expect(await isSettled(wanted)).toBe(true);
      seen.push({ ...copy, internal: world.state.services.api!.internal_port });
    }
    expect(seen.map(({ name }) => name)).toEqual([`${BASE}_v1_0`, `${BASE}_v1_1`, `${BASE}_v2`]);
    expect(new Set(seen.map(({ port }) => port)).size).toBe(3);
    expect(new Set(seen.map(({ internal }) => internal)).size).toBe(1);
    for (const { container, port } of seen) {
      const { [LABEL.versionPort]: versionPort, [LABEL.slot]: slot } = container.labels;
      expect(hostPort(Number(versionPort), slot as Slot)).toBe(port);
      expect(container.bindings.map((binding) => binding.port)).toContain(port);
    }
  });

  test('a second container of one version has the time in its name, and the third one needs it no more', async () => {
    const names = [];
    for (const round of ['one', 'two', 'three']) {
      await world.deploy(api({ environment: { ROUND: round } }));
      names.push(oneCopy().name);
    }
    expect(names).toEqual([`${BASE}_v1`, `${BASE}_v1_20261101t1200`, `${BASE}_v1`]);
  });

  test.each([/^moment: start: created/, /^ends: start/, /^moment: switch: told to read/, /^begins: drain/])(
    'a run that was cut off at "%s" is finished with the container that it began',
    async (moment) => {
      const next = api({ image: 'api:2' });
      await world.deploy(api());
      await world.deployUntil(moment, next);
      await world.deploy(next);
      expect(oneCopy().name).toBe(`${BASE}_v2`);
      expect(answering(next)).toEqual([[`${BASE}_v2`], [`${BASE}_v2`], [`${BASE}_v2`]]);
      expect(await isSettled(next)).toBe(true);
    },
  );

  test('a version that never gets healthy leaves nothing, and the old one its name and port', async () => {
    await world.deploy(api());
    const before = oneCopy();
    world.registry.define('api:2', { status: 503 });
    await expect(world.deploy(api({ image: 'api:2' }))).rejects.toThrow(
      `the new container ${BASE}_v2 was not healthy`,
    );
    expect(oneCopy()).toEqual(before);
    expect(world.containersOf(before.server, 'service')).toEqual([before.container]);
  });

  test('from sides to versions and back is a change of the container like any other', async () => {
    const names = [];
    for (const naming of [undefined, 'version', undefined] as const) {
      const wanted = api({ naming });
      const { plan } = await world.deploy(wanted);
      const { name } = oneCopy();
      expect(answering(wanted)).toEqual([[name], [name], [name]]);
      expect(await isSettled(wanted)).toBe(true);
      names.push([name, plan.changes[0]!.reasons]);
    }
    expect(names).toEqual([
      [BASE, ['not deployed yet']],
      [`${BASE}_v1`, ['naming']],
      [BASE, ['naming']],
    ]);
  });

  test('a service that writes to a volume is stopped before its next version starts', async () => {
    const db = (version: number) => shop([database('db', { image: `db:${version}`, naming: 'version' })]);
    await world.deploy(db(1));
    await world.deploy(db(2));
    expect(world.running('a')).toEqual(['shop_production_db_v2']);
  });

  test('two services that hash to one port get two; a new service keeps off the ports of versions', async () => {
    const crowd = (count: number) =>
      shop(
        Array.from({ length: count }, (_, index) => service(`s${index}`, { naming: 'version', servers: 2 })),
        servers(2),
      );
    await world.deploy(crowd(40));
    await world.deploy(crowd(60));
    const ports = world
      .containersOf('a', 'service')
      .flatMap(({ labels }) => [labels[LABEL.hostPort], labels[LABEL.versionPort]]);
    expect(new Set(ports).size).toBe(120);
  });

  test('what a narrowed run does not look at keeps its port', async () => {
    const spread = (image: string) =>
      shop([service('api', { image, naming: 'version', servers: 3 })], servers(3, ['lon1', 'lon1', 'nyc1']));
    await world.deploy(spread('api:1'));
    await world.deploy(spread('api:2'), { zones: ['nyc1'] });
    expect(world.state.services.api!.copies.map(({ server, container }) => [server, container])).toEqual([
      ['a', `${BASE}_v1`],
      ['b', `${BASE}_v1`],
      ['c', `${BASE}_v2`],
    ]);
    expect(answering(spread('api:2'))).toEqual([[`${BASE}_v1`], [`${BASE}_v1`], [`${BASE}_v2`]]);
    await world.deploy(spread('api:2'));
    expect(answering(spread('api:2'))).toEqual([[`${BASE}_v2`], [`${BASE}_v2`], [`${BASE}_v2`]]);
  });

  test('the record can be lost', async () => {
    await world.deploy(api());
    const { port } = oneCopy();
    world.loseRecord();
    await world.deploy(api());
    expect(oneCopy()).toMatchObject({ name: `${BASE}_v1`, port });
    const next = api({ image: 'api:2' });
    await world.deploy(next);
    expect(answering(next)).toEqual([[`${BASE}_v2`], [`${BASE}_v2`], [`${BASE}_v2`]]);
    expect(await isSettled(next)).toBe(true);
  });
});
