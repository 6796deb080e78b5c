import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ServerSpec } from '../../../src/model/spec.ts';
import { World } from '../world/world.ts';
import { servers, service, shop } from './specs.ts';
import { complaintOf } from './story.ts';

let world: World;
beforeEach(() => {
  world = new World({ images: 'digests' });
});
afterEach(() => expect(complaintOf(world)).toBeUndefined());

const withToken = (TOKEN: string) => ({ secrets: { api: { TOKEN } } });
const back = { services: ['api'], rollback: 'previous' as const };

describe('a record that has a secret in the clear', () => {
  const made = (URL: string) => shop([service('api', { environment: { URL, LEVEL: 'info' } })]);

  test('is told by status, by name, place and releases, to whoever passes the secret', async () => {
    for (const version of [1, 2]) await world.deploy(made(`//app:hunter2-${version}@db`));
    const passed = { DB_PASSWORD: 'hunter2-', WORD: 'info', SHORT: 'app', OTHER: 'not there' };
    const { exposed } = await world.status(made(''), { passed });
    expect(exposed).toEqual([
      expect.stringMatching(/secret WORD is.*: environment\.LEVEL of api, release 1, 2\./),
      expect.stringMatching(
        /secret DB_PASSWORD is on the state branch.*: environment\.URL of api, release 1, 2\./,
      ),
    ]);
    expect(exposed.join()).not.toContain('hunter2');
    expect((await world.status(made(''))).exposed).toEqual([]);
  });
});

describe('a set of secrets', () => {
  /** One copy on every server. */
  const onAll = (all: ServerSpec[], secrets = ['TOKEN']) =>
    shop([service('api', { servers: all.length, secrets })], all);
  const two = onAll(servers(2));

  test('is kept by every server, and in no label, no record and no other container', async () => {
    await world.deploy(two, withToken('open-sesame'));
    for (const server of ['a', 'b']) {
      expect(world.keptSecrets(server)).toEqual({ 'api/1': { TOKEN: 'open-sesame' } });
      const { containers } = world.machine(server);
      const whoKnows = [...containers.values()].filter(({ request }) =>
        JSON.stringify(request).includes('open-sesame'),
      );
      expect(whoKnows.map(({ name }) => name)).toEqual(['shop_production_api']);
      expect(JSON.stringify(whoKnows[0]!.labels)).not.toContain('open-sesame');
      const mounters = [...containers.values()].filter(({ mounts }) =>
        mounts.some(({ volume }) => volume?.name === 'shop_production_secrets'),
      );
      expect(mounters).toEqual([]);
    }
    expect(JSON.stringify([world.state, world.release('api', 1)])).not.toContain('open-sesame');
    expect(world.runs.flatMap(({ lines }) => lines).join('\n')).not.toContain('open-sesame');
  });

  test('of the same values is the same set, and brings no new copies', async () => {
    await world.deploy(two, withToken('same'));
    expect((await world.deploy(two, withToken('same'))).changed).toBe(false);
    expect(world.release('api', 1)).toMatchObject({ secrets_version: 1 });
  });

  test('of another value is another set, and brings new copies', async () => {
    await world.deploy(two, withToken('one'));
    const { plan } = await world.deploy(two, withToken('two'));
    expect(plan.changes).toMatchObject([{ to: 2, effect: 'toggle', reasons: ['secrets'] }]);
    expect(world.release('api', 2)).toMatchObject({ secrets_version: 2 });
    expect(world.servingContainer('api', 'b').environment).toEqual({ TOKEN: 'two' });
    expect(world.keptSecrets('b')).toEqual({ 'api/1': { TOKEN: 'one' }, 'api/2': { TOKEN: 'two' } });
  });

  test('of the same value under another name is another set', async () => {
    await world.deploy(two, withToken('same'));
    const { plan } = await world.deploy(onAll(servers(2), ['KEY']), { secrets: { api: { KEY: 'same' } } });
    expect(plan.changes).toMatchObject([{ to: 2, effect: 'toggle', reasons: ['secrets'] }]);
    expect(world.release('api', 2)).toMatchObject({ secrets_version: 2 });
    expect(world.servingContainer('api').environment).toEqual({ KEY: 'same' });
  });

  test('with fewer secrets is another one, though all its values are known', async () => {
    const wanted = (...secrets: string[]) => onAll(servers(1), secrets);
    await world.deploy(wanted('A', 'B'), { secrets: { api: { A: 'a', B: 'b' } } });
    await world.deploy(wanted('A'), { secrets: { api: { A: 'a' } } });
    expect(world.release('api', 2)).toMatchObject({ secrets_version: 2 });
    await world.deploy(wanted('A'), back);
    expect(world.servingContainer('api').environment).toEqual({ A: 'a', B: 'b' });
  });

  test('that one server has lost is known by the other one', async () => {
    await world.deploy(two, withToken('same'));
    world.loseSecrets('a');
    expect((await world.deploy(two, withToken('same'))).changed).toBe(false);
    await world.deploy(two, withToken('two'));
    await world.deploy(two, { ...back });
    expect(world.servingContainer('api', 'a').environment).toEqual({ TOKEN: 'same' });
    expect(world.keptSecrets('a')).toMatchObject({ 'api/1': { TOKEN: 'same' } });
  });

  test('that every server has lost is kept as a new set, and deployed: nothing is left to compare the values with', async () => {
    await world.deploy(two, withToken('same'));
    world.loseSecrets('a');
    world.loseSecrets('b');
    const { plan } = await world.deploy(two, withToken('same'));
    expect(plan.changes).toMatchObject([{ to: 2, effect: 'toggle', reasons: ['secrets'] }]);
    expect(world.keptSecrets('a')).toEqual({ 'api/2': { TOKEN: 'same' } });
    expect((await world.deploy(two, withToken('same'))).changed).toBe(false);
  });

  test('is known by the labels of the copies when the record is lost', async () => {
    await world.deploy(two, withToken('one'));
    await world.deploy(two, withToken('two'));
    world.loseRecord();
    const { plan } = await world.deploy(two, withToken('two'));
    expect(plan.steps.map(({ step }) => step.kind)).not.toContain('start');
    expect(world.running('a')).toEqual(['shop_production_api_secondary']);
    expect((await world.deploy(two, withToken('three'))).plan.changes).toMatchObject([
      { effect: 'toggle', reasons: ['secrets'] },
    ]);
    expect(world.keptSecrets('a')).toMatchObject({ 'api/3': { TOKEN: 'three' } });
  });

  test('of a run that was cut off is the same when the next one brings the same values', async () => {
    await world.deploy(two, withToken('one'));
    await world.deployUntil(/^moment: start: created/, two, withToken('two'));
    await world.deploy(two, withToken('two'));
    expect(world.release('api', 2)).toMatchObject({ secrets_version: 2 });
    expect(world.servingContainer('api', 'b').environment).toEqual({ TOKEN: 'two' });
  });

  test('of a run that was cut off is another one when the next one brings other values', async () => {
    await world.deploy(two, withToken('one'));
    await world.deployUntil(/^moment: start: created/, two, withToken('two'));
    await world.deploy(two, withToken('three'));
    for (const server of ['a', 'b'])
      expect(world.servingContainer('api', server).environment).toEqual({ TOKEN: 'three' });
    const { secrets_version: version } = world.release('api', world.state.services.api!.release)!;
    expect(world.keptSecrets('b')).toMatchObject({ [`api/${version}`]: { TOKEN: 'three' } });
  });

  test('comes to a server that joins', async () => {
    await world.deploy(two, withToken('same'));
    await world.deploy(onAll(servers(3)), withToken('same'));
    expect(world.servingContainer('api', 'c').environment).toEqual({ TOKEN: 'same' });
    expect(world.keptSecrets('c')).toEqual({ 'api/1': { TOKEN: 'same' } });
  });

  test('is another one for a zone that is deployed alone, and never had it; one run over all zones ends that', async () => {
    const zones = onAll(servers(3, ['lon1', 'lon1', 'nyc1']));
    await world.deploy(zones, { ...withToken('same'), zones: ['lon1'] });
    await world.deploy(zones, { ...withToken('same'), zones: ['nyc1'] });
    expect(world.release('api', 2)).toMatchObject({ secrets_version: 2 });
    const { plan } = await world.deploy(zones, withToken('same'));
    expect(plan.changes).toMatchObject([
      { to: 2, reasons: ['release 2 is not on a yet', 'release 2 is not on b yet'] },
    ]);
    for (const server of ['a', 'b', 'c'])
      expect(world.keptSecrets(server)).toHaveProperty('api/2', { TOKEN: 'same' });
    expect((await world.deploy(zones, { ...withToken('same'), zones: ['lon1'] })).changed).toBe(false);
  });

  test('leaves with its service, and the volume with the environment', async () => {
    const both = shop([service('api', { secrets: ['TOKEN'] }), service('web')]);
    await world.deploy(both, withToken('one'));
    await world.deploy(shop([service('web')]));
    expect(world.keptSecrets('a')).toEqual({});
    await world.deploy(shop([]));
    expect(world.machine('a').volumes.has('shop_production_secrets')).toBe(false);
  });
});
