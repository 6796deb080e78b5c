import { describe, expect, test } from '@jest/globals';
import { stepsOf } from '../../../src/deploy/planning/describe.ts';
import { namesOf } from '../../../src/deploy/planning/image-name.ts';
import type { LabelledImage } from '../../../src/deploy/planning/observed.ts';
import { isEmpty } from '../../../src/deploy/planning/plan.ts';
import { planDeploy } from '../../../src/deploy/planning/planner.ts';
import { orphanedImages } from '../../../src/deploy/planning/sweep-plan.ts';
import { database, service, shop } from './specs.ts';
import { World } from './world.ts';

const api = (changes = {}) => shop([service('api', changes)]);

function deployed(wanted = api()): World {
  const world = new World();
  world.deploy(wanted);
  return world;
}

const swept = (world: World, ...plan: Parameters<World['plan']>) =>
  world.plan(...plan).sweep.map(({ what, host }) => `${what} on ${host}`);

describe('a sweep', () => {
  test('comes last, removes what is ours, and leaves nothing to do', () => {
    const world = deployed();
    world.litter('a');
    const plan = world.plan(api({ image: 'api:2' }));
    expect(stepsOf(plan).findLastIndex(({ kind }) => kind !== 'sweep')).toBeLessThan(
      stepsOf(plan).findIndex(({ kind }) => kind === 'sweep'),
    );
    world.deploy(api({ image: 'api:2' }));
    expect(world.machines.get('a')!.litter.filter(({ isOurs }) => isOurs)).toEqual([]);
    expect(world.machines.get('a')!.litter).toHaveLength(4);
    expect(isEmpty(world.plan(api({ image: 'api:2' })))).toBe(true);
  });

  test('is a change by itself, and says what goes', () => {
    const world = deployed();
    world.litter('a');
    expect(isEmpty(world.plan(api()))).toBe(false);
    expect(world.describe(api())).toEqual([
      'shop production: plan',
      '  api 1: unchanged on a',
      '  · remove container old-helpers:1 from a: nothing refers to it',
      '  · remove network old-networks:1 from a: nothing refers to it',
      '  · remove volume old-volumes:1 from a: nothing refers to it',
      '  · remove image old-images:1 from a: nothing refers to it',
    ]);
  });

  test('is none of a run that is narrowed to services or routes', () => {
    const world = deployed();
    world.litter('a');
    expect(swept(world, api(), { services: ['api'] })).toEqual([]);
    expect(swept(world, api(), { routesOnly: true })).toEqual([]);
    expect(swept(world, api(), { zones: ['lon1'] })).toHaveLength(4);
  });

  test('does not follow a run that failed', () => {
    const world = deployed();
    world.litter('a');
    world.broken.add('api:2');
    expect(() => world.deploy(api({ image: 'api:2' }))).toThrow('not healthy');
    expect(world.machines.get('a')!.litter).toHaveLength(8);
  });

  test('ends the helper of a killed run on a container that has the traffic again', () => {
    const input = deployed().input(api());
    const [server] = input.observed;
    const containers = server!.containers.map((container) => ({ ...container, helpers: ['h1'] }));
    const observed = [{ ...server!, containers }];
    expect(planDeploy({ ...input, observed }).sweep).toEqual([
      { kind: 'sweep', host: 'a', what: 'container', id: 'h1', name: 'shop_production_api_drain_…' },
    ]);
    const drainedElsewhere = new Set(containers.map(({ id }) => id));
    expect(planDeploy({ ...input, observed, drainedElsewhere }).sweep).toEqual([]);
  });

  test('leaves the images of the releases on record, and those that the file names', () => {
    const world = deployed();
    const image = (name: string) => ({ kind: 'images' as const, isOurs: true, id: name, name });
    world.machines.get('a')!.litter.push(image('api:1'), image('api:2'), image('api:3'));
    expect(world.plan(api({ image: 'api:2' })).sweep.map(({ name }) => name)).toEqual(['api:3']);
    world.loseRecord();
    expect(world.plan(api({ image: 'api:2' })).sweep).toEqual([]);
  });
});

describe('copies that somebody made by hand', () => {
  test('go like an old side, and the one that serves stays', () => {
    const world = deployed();
    world.copy('a', world.container('shop_production_api'));
    expect(world.describe(api()).slice(1)).toEqual([
      '  api 1: the record only on a (containers of an earlier run are removed)',
      expect.stringMatching(
        /^ {2}· drain shop_production_api_copy\d+ on a \(at most 120 s\), then stop and remove it$/,
      ),
    ]);
    world.deploy(api());
    expect(world.running()).toEqual(['shop_production_api']);
  });

  test('of a service that is not in the file go with it; a run for another service does not touch them', () => {
    const both = shop([service('api'), service('web')]);
    const world = deployed(both);
    world.copy('a', world.container('shop_production_web'));
    const { levels, vacate } = world.plan(both, { services: ['api'] });
    expect([...levels, ...vacate]).toEqual([]);
    world.deploy(api());
    expect(world.running()).toEqual(['shop_production_api']);
  });

  test('of a service that writes to a volume go before anything starts', () => {
    const db = (image: string) => shop([database('db', { image })]);
    const world = deployed(db('db:1'));
    world.copy('a', world.container('shop_production_db'));
    expect(world.plan(db('db:2')).vacate).toHaveLength(1);
    world.deploy(db('db:2'));
    expect(world.running()).toEqual(['shop_production_db_secondary']);
  });
});

describe('images that nothing refers to', () => {
  const image = (changes: Partial<LabelledImage>): LabelledImage => ({
    id: 'sha256:0123456789abcdef',
    names: ['acme/api:1'],
    createdAt: 1,
    isUsed: false,
    ...changes,
  });
  const running = image({ id: 'running', names: ['acme/api:2'], createdAt: 2, isUsed: true });
  const goes = (changes: Partial<LabelledImage>, retained: ReadonlySet<string> | undefined = new Set()) =>
    orphanedImages([image(changes), running], retained).map(({ name }) => name);

  test.each<[string, Partial<LabelledImage>, string[]]>([
    ['an old one', {}, ['acme/api:1']],
    ['one with a digest too', { names: ['acme/api:1', 'acme/api@sha256:1'] }, ['acme/api:1']],
    ['one that lost its name to a newer one', { names: [] }, ['0123456789ab']],
    ['one that a container uses, whoever’s', { isUsed: true }, []],
    ['one that is newer than what runs: it may be about to be deployed', { createdAt: 3 }, []],
    ['one of the same second', { createdAt: 2 }, []],
    ['one that another repository has too', { names: ['acme/api:1', 'other/api:1'] }, []],
    ['one with two tags', { names: ['acme/api:1', 'acme/api:stable'] }, []],
  ])('%s', (_, changes, names) => {
    expect(goes(changes)).toEqual(names);
  });

  test('a release on record keeps its image, by tag or digest; an unreadable record keeps all', () => {
    expect(goes({}, new Set(['acme/api:1']))).toEqual([]);
    expect(goes({ names: ['acme/api@sha256:1'] }, new Set(['acme/api@sha256:1']))).toEqual([]);
    expect(orphanedImages([image({}), running], undefined)).toEqual([]);
  });

  test('where no image of the project runs, none goes', () => {
    expect(orphanedImages([image({})], new Set())).toEqual([]);
  });
});

test.each([
  ['redis', ['redis:latest']],
  ['docker.io/library/redis:7', ['redis:7']],
  ['localhost:5000/acme/api', ['localhost:5000/acme/api:latest']],
  ['acme/api@sha256:1', ['acme/api@sha256:1']],
  ['acme/api:1@sha256:1', ['acme/api:1', 'acme/api@sha256:1']],
])('an engine knows %s as %j', (image, names) => {
  expect(namesOf(image)).toEqual(names);
});
