import { describe, expect, test } from '@jest/globals';
import { upTo } from '../../../src/deploy/planning/graph.ts';
import type { LabelledImage } from '../../../src/deploy/planning/observed.ts';
import { isEmpty, stepsOf } from '../../../src/deploy/planning/plan.ts';
import { planDeploy } from '../../../src/deploy/planning/planner.ts';
import { orphanedImages } from '../../../src/deploy/planning/sweep-plan.ts';
import { namesOf } from '../../../src/model/image-name.ts';
import { describePlan } from '../../../src/report/changes.ts';
import { database, service, shop } from '../../simulation/stories/specs.ts';
import { type Asked, Picture } from './picture.ts';

const api = (changes = {}) => shop([service('api', changes)]);

function deployed(wanted = api()): Picture {
  const picture = new Picture();
  picture.deploy(wanted);
  return picture;
}

/** littered returns a shop with something of each kind that nothing refers to. */
function littered(): Picture {
  const picture = deployed();
  const left = (name: string) => ({ id: name, name });
  const { images } = picture.server('a').leftovers;
  images.push({ id: 'running', names: ['api:1'], createdAt: 2, isUsed: true });
  images.push({ id: 'old', names: ['api:0'], createdAt: 1, isUsed: false });
  Object.assign(picture.server('a').leftovers, {
    helpers: [left('api_drain_7')],
    networks: [left('old_network')],
    volumes: [left('old_nginx')],
    transfers: [left('127.0.0.1:1/0f/api')],
  });
  return picture;
}

const swept = (picture: Picture, wanted = api(), asked?: Asked) =>
  stepsOf(picture.plan(wanted, asked), 'sweep').map(({ what, name }) => `${what} ${name}`);

describe('a sweep', () => {
  test('comes after everything else, so that a run that fails does not come to it', () => {
    const { steps } = littered().plan(api({ image: 'api:2' }));
    const sweeps = steps.filter(({ step }) => step.kind === 'sweep');
    const others = steps.filter(({ step }) => step.kind !== 'sweep');
    expect(sweeps).toHaveLength(5);
    for (const sweep of sweeps) expect(upTo(steps, [sweep.id])).toEqual([...others, sweep]);
  });

  test('is a change by itself, and says what goes', () => {
    const plan = littered().plan(api());
    expect(isEmpty(plan)).toBe(false);
    expect(describePlan(plan)).toEqual([
      'shop production: plan',
      '  api 1: unchanged on a',
      '  · remove container api_drain_7 from a: nothing refers to it',
      '  · remove network old_network from a: nothing refers to it',
      '  · remove volume old_nginx from a: nothing refers to it',
      '  · remove image 127.0.0.1:1/0f/api from a: nothing refers to it',
      '  · remove image api:0 from a: nothing refers to it',
    ]);
  });

  test('is none of a run that is narrowed to services or routes', () => {
    const picture = littered();
    expect(swept(picture, api(), { services: ['api'] })).toEqual([]);
    expect(swept(picture, api(), { routesOnly: true })).toEqual([]);
    expect(swept(picture, api(), { zones: ['lon1'] })).toHaveLength(5);
  });

  test('ends the helper of a killed run on a container that has the traffic again', () => {
    const picture = deployed();
    picture.copy('shop_production_api').helpers.push('h1');
    const input = picture.input(api());
    expect(stepsOf(planDeploy(input), 'sweep')).toEqual([
      { kind: 'sweep', server: 'a', what: 'container', id: 'h1', name: 'shop_production_api_drain_…' },
    ]);
    const drainedElsewhere = new Set([picture.copy('shop_production_api').id]);
    expect(stepsOf(planDeploy({ ...input, drainedElsewhere }), 'sweep')).toEqual([]);
  });

  test('leaves that helper to the container where that goes', () => {
    const picture = deployed();
    picture.copy('shop_production_api').helpers.push('h1');
    const plan = picture.plan(api({ image: 'api:2' }));
    expect(stepsOf(plan, 'remove')).toMatchObject([{ name: 'shop_production_api', helpers: ['h1'] }]);
    expect(stepsOf(plan, 'sweep')).toEqual([]);
  });

  test('leaves the images of the releases on record, and those that the file names', () => {
    const picture = deployed();
    const image = (name: string, isUsed = false) => ({
      id: name,
      names: [name],
      createdAt: isUsed ? 2 : 1,
      isUsed,
    });
    const images = [image('api:1'), image('api:2'), image('api:3'), image('web:1', true)];
    picture.server('a').leftovers.images = images;
    expect(swept(picture, api({ image: 'api:2' }))).toEqual(['image api:3']);
    picture.loseRecord();
    expect(swept(picture, api({ image: 'api:2' }))).toEqual([]);
  });
});

describe('copies that somebody made by hand', () => {
  /** copied adds one that was made after a copy of a service. */
  function copied(picture: Picture, name: string): Picture {
    picture.server('a').handMade.push({ ...picture.copy(name), id: 'mine', name: `${name}_copy` });
    return picture;
  }

  test('go like an old copy, and the one that serves stays', () => {
    expect(describePlan(copied(deployed(), 'shop_production_api').plan(api()))).toEqual([
      'shop production: plan',
      '  api 1: the record only on a (containers of an earlier run are removed)',
      '  · drain shop_production_api_copy on a (at most 120 s)',
      '  · stop shop_production_api_copy on a',
      '  · remove shop_production_api_copy on a',
    ]);
  });

  test('of a service that is not in the file go with it; a run for another service does not touch them', () => {
    const both = shop([service('api'), service('web')]);
    const picture = copied(deployed(both), 'shop_production_web');
    expect(picture.plan(both, { services: ['api'] }).steps).toEqual([]);
    expect(stepsOf(picture.plan(api()), 'remove').map(({ name }) => name)).toEqual([
      'shop_production_web',
      'shop_production_web_copy',
    ]);
  });

  test('of a service that writes to a volume go before anything starts', () => {
    const db = (image: string) => shop([database('db', { image })]);
    const { steps, gate } = copied(deployed(db('db:1')), 'shop_production_db').plan(db('db:2'));
    const before = upTo(steps, gate).map(({ step }) => step.kind);
    expect(before).toEqual(['drain', 'stop', 'remove']);
    const started = steps.find(({ step }) => step.kind === 'start')!;
    expect(upTo(steps, [started.id]).map(({ id }) => id)).toEqual(expect.arrayContaining(gate));
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
