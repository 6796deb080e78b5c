import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type RunOptions, World } from '../world/world.ts';
import { service, shop } from './specs.ts';
import { complaintOf } from './story.ts';

let world: World;
beforeEach(() => {
  world = new World({ images: 'digests' });
});
afterEach(() => expect(complaintOf(world)).toBeUndefined());

const api = (version: number) =>
  shop([service('api', { image: `api:${version}`, environment: { V: `${version}` }, secrets: ['TOKEN'] })]);
const withToken = (TOKEN: string) => ({ secrets: { api: { TOKEN } } });
const file = api(2);
const back = { services: ['api'], rollback: 'previous' as const };

/** Two versions have lived, each with a value and a variable of its own. */
async function live(): Promise<void> {
  for (const version of [1, 2]) await world.deploy(api(version), withToken(`value-${version}`));
}

describe('a rollback', () => {
  beforeEach(live);

  test('is a release of its own, with everything the old one had', async () => {
    const { plan } = await world.deploy(file, back);
    expect(plan.changes).toMatchObject([
      {
        from: 2,
        to: 3,
        effect: 'toggle',
        reasons: ['release 1 is restored', 'image', 'environment.V', 'secrets'],
      },
    ]);
    expect(world.servingContainer('api')).toMatchObject({
      environment: { V: '1', TOKEN: 'value-1' },
      image: world.registry.find('api:1'),
    });
    expect(world.release('api', 3)).toMatchObject({ restores: 1, secrets_version: 1 });
    expect(world.state.services.api?.history?.[0]).toMatchObject({ release: 3, restores: 1 });
  });

  test('brings the options of the container back, too', async () => {
    const small = shop([service('api', { options: { shm_size: 1e6 } })]);
    const large = shop([service('api', { options: { shm_size: 1e9 } })]);
    for (const wanted of [small, large]) await world.deploy(wanted);
    expect((await world.deploy(large, back)).plan.changes).toMatchObject([
      { reasons: expect.arrayContaining(['release 3 is restored', 'shm_size']) },
    ]);
    expect(world.servingContainer('api').request.HostConfig).toMatchObject({ ShmSize: 1e6 });
  });

  test('twice goes no further back than there is', async () => {
    await world.deploy(file, back);
    await expect(world.plan(file, back)).rejects.toThrow('api has no earlier release that was deployed');
    expect(await world.describe(file, { ...back, rollback: 1 })).toEqual([
      'shop production: nothing to do: what was asked for runs already (api 3)',
    ]);
  });

  test.each<[string, RunOptions]>([
    ['a deploy', withToken('value-3')],
    ['a rollback', { services: ['api'], rollback: 1 }],
  ])('after %s that failed leaves what serves, and says so', async (_what, options) => {
    world.registry.define('api:3', { status: 503 });
    world.registry.find('api:1').behaviour = { runs: 'app', app: { status: 503 } };
    const ended = await world.tryDeploy(api(3), options);
    expect(ended).toMatchObject({ how: 'done', value: { standing: ['Release 2 of api (api:2) serves.'] } });
    const report = await world.deploy(api(3), back);
    expect(report).toMatchObject({ changed: false, failure: undefined });
    expect(report.notes).toEqual([
      expect.stringMatching(
        /^api: release 2 serves \(api:2\)\. Release 3, which was tried last, failed .*nothing needs to be brought back/,
      ),
      'api: the file has another image (api:3) than release 2 (api:2); a deploy brings it',
    ]);
    expect(world.servingContainer('api').environment.V).toBe('2');
    expect(world.state.services.api).toMatchObject({ release: 2 });
  });

  test('after a deploy that failed still goes to the release that is named', async () => {
    world.registry.define('api:3', { status: 503 });
    await world.tryDeploy(api(3), withToken('value-3'));
    await world.deploy(api(3), { ...back, rollback: 1 });
    expect(world.servingContainer('api').environment.V).toBe('1');
  });

  test('of a first deploy that failed is refused, since nothing serves', async () => {
    world = new World({ images: 'digests' });
    world.registry.define('api:1', { status: 503 });
    const ended = await world.tryDeploy(api(1), withToken('value-1'));
    expect(ended).toMatchObject({ value: { standing: ['Nothing of api serves yet.'] } });
    await expect(world.deploy(api(1), back)).rejects.toThrow('api is not deployed');
  });

  test('brings the image that the release had, though its name means another one by now', async () => {
    const before = world.registry.find('api:1');
    world.moveImage('api:1');
    await world.deploy(file, back);
    expect(world.servingContainer('api').image).toBe(before);
  });

  test('and then the file as it was: forward again, with a number of secrets that nobody had', async () => {
    await world.deploy(file, back);
    const { plan } = await world.deploy(file, withToken('value-3'));
    expect(plan.changes).toMatchObject([{ from: 3, to: 4 }]);
    expect(world.release('api', 4)?.secrets_version).toBe(3);
    await world.deploy(file, { ...back, rollback: 2 });
    expect(world.servingContainer('api').environment.TOKEN).toBe('value-2');
  });

  test.each([
    /^ends: record intent/,
    /^moment: start: created/,
    /^moment: switch: flags are set/,
    /^begins: drain/,
  ])('that was killed at "%s" is finished when it is asked for again', async (moment) => {
    await world.deployUntil(moment, file, back);
    await world.deploy(file, back);
    expect(world.state.services.api).toMatchObject({ release: 3 });
    expect(world.servingContainer('api').environment.TOKEN).toBe('value-1');
    expect(world.running('a')).toHaveLength(1);
  });

  test('that was killed, and the file is deployed instead: forward it goes', async () => {
    await world.deployUntil(/^moment: start: created/, file, back);
    await world.deploy(file, withToken('value-2'));
    expect(world.servingContainer('api').environment).toEqual({ V: '2', TOKEN: 'value-2' });
    expect(world.running('a')).toHaveLength(1);
  });

  test('to a version that does not get healthy any more leaves what serves', async () => {
    world.registry.find('api:1').behaviour = { runs: 'app', app: { status: 503 } };
    await expect(world.deploy(file, back)).rejects.toThrow('was not healthy');
    expect(world.servingContainer('api').environment).toEqual({ V: '2', TOKEN: 'value-2' });
    expect(world.state.services.api).toMatchObject({ release: 2 });
    await expect(world.plan(file, { ...back, rollback: 3 })).rejects.toThrow(
      'release 3 of api never had the traffic',
    );
  });
});

describe('a rollback is refused', () => {
  test('to an image that was loaded by hand, unless its name still means the same', async () => {
    world = new World({ images: 'by hand' });
    await live();
    const image = world.registry.find('api:1');
    expect(world.release('api', 1)).toMatchObject({ image_id: image.id });
    expect((await world.plan(file, back)).changed).toBe(true);
    world.moveImage('api:1');
    await expect(world.deploy(file, back)).rejects.toThrow(
      expect.objectContaining({
        message: 'a: api:1, which release 1 of api ran, may be another image by now',
        hint: expect.stringContaining('load that image on the server'),
      }),
    );
    expect(world.state.services.api).toMatchObject({ release: 2 });
  });

  test('to a domain that another service has by now', async () => {
    const both = (ofApi: string, ofWeb: string) =>
      shop([service('api', { domains: [ofApi] }), service('web', { domains: [ofWeb] })]);
    await world.deploy(both('one.example.com', 'two.example.com'));
    await world.deploy(both('three.example.com', 'one.example.com'));
    await expect(world.plan(both('three.example.com', 'one.example.com'), back)).rejects.toThrow(
      'api shall serve one.example.com, which web serves now',
    );
  });

  test('of what is not deployed', async () => {
    await expect(world.deploy(file, back)).rejects.toThrow(
      'api is not deployed, so there is nothing to go back from',
    );
  });

  test('to one number of several services', async () => {
    const both = shop([service('api'), service('web')]);
    await world.deploy(both);
    await expect(world.plan(both, { services: ['api', 'web'], rollback: 1 })).rejects.toThrow(
      'release 1 is another one for each of api, web',
    );
  });

  test('to values that no server keeps any more', async () => {
    await live();
    world.loseSecrets('a');
    await expect(world.deploy(file, back)).rejects.toThrow(
      expect.objectContaining({
        message: 'the secrets of api as release 1 had them (set 1) are on no server',
        hint: expect.stringContaining('Nothing was changed.'),
      }),
    );
    expect(world.servingContainer('api').environment.TOKEN).toBe('value-2');
  });
});

describe('what is kept', () => {
  /** Seven releases: the third brings back no value, and the sixth never gets healthy. */
  async function liveLong(retainReleases: number): Promise<void> {
    const wanted = (version: number) =>
      shop([service('api', { image: `api:${version}`, secrets: ['TOKEN'] })]);
    const values = ['one', 'one', 'two', 'three', 'four'];
    for (const [index, token] of values.entries()) await world.deploy(wanted(index + 1), withToken(token));
    world.registry.define('api:6', { status: 503 });
    await expect(world.deploy(wanted(6), withToken('five'))).rejects.toThrow('not healthy');
    await world.deploy({ ...wanted(7), retainReleases }, withToken('four'));
  }

  const releases = () => [1, 2, 3, 4, 5, 6, 7].filter((number) => world.release('api', number) !== undefined);

  test('two releases, and the one that `previous` leads to; with them the secrets that they need', async () => {
    await liveLong(2);
    // 7 runs, 6 failed, and 5 is what `previous` stands for.
    expect(releases()).toEqual([5, 6, 7]);
    expect(world.release('api', 7)).toMatchObject({ secrets_version: 4 });
    expect(world.keptSecrets('a')).toEqual({ 'api/4': { TOKEN: 'four' }, 'api/5': { TOKEN: 'five' } });
    await world.deploy(shop([service('api', { image: 'api:7', secrets: ['TOKEN'] })]), back);
    expect(world.servingContainer('api').image).toBe(world.registry.find('api:5'));
  });

  test('secrets of a release that is given up, where another one needs them too', async () => {
    await liveLong(6);
    expect(releases()).toEqual([2, 3, 4, 5, 6, 7]);
    expect(Object.keys(world.keptSecrets('a'))).toEqual(['api/1', 'api/2', 'api/3', 'api/4', 'api/5']);
  });
});
