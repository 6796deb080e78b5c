import { describe, expect, test } from '@jest/globals';
import type { Redirect } from '../../../src/model/addresses.ts';
import type { EnvironmentSpec, ServiceSpec } from '../../../src/model/spec.ts';
import { CONFIG_FOLDER } from '../../../src/nginx/tree.ts';
import { deployed, planFor } from './deployed.ts';
import { type ServiceChanges, service, shop } from './specs.ts';
import { rest } from './story.ts';

const WEB = 'shop_production_web';
const API = 'shop_production_api';

/** Two services of a version, with what each has of its own. */
function pair(version: number, web: ServiceChanges, api: ServiceChanges, more: ServiceSpec[] = []) {
  return shop([
    service('web', { image: `web:${version}`, ...web }),
    service('api', { image: `api:${version}`, ...api }),
    ...more,
  ]);
}

/** The containers on either side that answer at an address, without their sides. */
function whoAnswers(world: Awaited<ReturnType<typeof deployed>>, address: string): string[] {
  return world.answering(address).map((name) => name.replace(/_secondary$/, ''));
}

function withRoute(
  spec: EnvironmentSpec,
  name: string,
  route: Partial<ServiceSpec['route']>,
): EnvironmentSpec {
  const services = spec.services.map((one) =>
    one.name === name ? { ...one, route: { ...one.route, ...route } } : one,
  );
  return { ...spec, services };
}

describe('one domain of two services', () => {
  const shared = (version: number) =>
    pair(version, { domains: ['example.com'] }, { domains: ['example.com/api'] });

  test('is served by each below its path, through a toggle of both', async () => {
    const world = await deployed(shared(1));
    expect([world.answering('example.com'), world.answering('example.com/api')]).toEqual([[WEB], [API]]);
    await world.deploy(shared(2));
    expect([world.answering('example.com'), world.answering('example.com/api')]).toEqual([
      [`${WEB}_secondary`],
      [`${API}_secondary`],
    ]);
  });

  test('moves its traffic by flags alone: nothing of the domain is read again', async () => {
    const world = await deployed(shared(1));
    const plan = await planFor(world, shared(2));
    expect(plan.changes.map(({ service: name, domains }) => [name, domains])).toEqual([
      ['web', ['example.com']],
      ['api', ['example.com/api']],
    ]);
    const configuration = () =>
      [...world.machine('a').need('switchyard_edge').list(CONFIG_FOLDER)!].filter(([path]) =>
        path.includes('.conf'),
      );
    const before = configuration();
    await world.deploy(shared(2));
    expect(configuration()).toEqual(before);
  });
});

describe('what moves in one deploy is answered by who had it, or who gets it', () => {
  test.each<[string, [string[], string[]], [string[], string[]]]>([
    [
      'a path',
      [['example.com', 'example.com/x'], ['example.com/api']],
      [['example.com'], ['example.com/api', 'example.com/x']],
    ],
    ['the domain, and a path below it stays', [[], ['example.com']], [['example.com'], ['example.com/api']]],
    [
      'the domain, and a path goes the other way',
      [['example.com'], ['example.com/api']],
      [['example.com/web'], ['example.com']],
    ],
    [
      'a path that its owner gives up for a domain',
      [['example.com'], ['example.com/api']],
      [['example.com', 'example.com/api'], ['api.example.com']],
    ],
    [
      'a service gains a path',
      [['example.com'], ['api.example.com']],
      [['example.com'], ['api.example.com', 'example.com/api']],
    ],
    [
      'a service loses a path',
      [['example.com'], ['api.example.com', 'example.com/api']],
      [['example.com'], ['api.example.com']],
    ],
    ['both change places', [['example.com'], ['example.com/api']], [['example.com/api'], ['example.com']]],
  ])('%s', async (_what, before, after) => {
    for (const order of [
      [[], ['web']],
      [['api'], []],
      [[], []],
    ] as const) {
      const at = (version: number, [web, api]: [string[], string[]]) =>
        pair(version, { domains: web, dependsOn: [...order[0]] }, { domains: api, dependsOn: [...order[1]] });
      const world = await deployed(at(1, before));
      world.users.paths = ['/api/', '/web/', '/x/'];
      await world.deploy(at(2, after));
      expect(world.lost).toEqual([]);
      for (const address of after[0]) expect([address, whoAnswers(world, address)]).toEqual([address, [WEB]]);
      for (const address of after[1]) expect([address, whoAnswers(world, address)]).toEqual([address, [API]]);
      const { steps } = await planFor(world, at(2, after));
      expect(steps).toEqual([]);
    }
  });
});

test.each([
  ['when its copies have started', /ends: start/],
  ['between pointer and reload', /switchyard_edge\/kill HUP/],
  ['when the first has moved', /ends: prove/],
  ['when all has moved', /begins: drain/],
])(
  'a run that is killed %s leaves a domain and its paths to who had them, or who gets them',
  async (_when, moment) => {
    const before = pair(1, { domains: [], dependsOn: [] }, { domains: ['example.com'], dependsOn: ['web'] });
    const after = pair(2, { domains: ['example.com'] }, { domains: ['example.com/api'], dependsOn: ['web'] });
    const world = await deployed(before);
    world.users.paths = ['/api/'];
    await world.deployUntil(moment, after);
    await rest(world);
    await world.deploy(after);
    expect([whoAnswers(world, 'example.com'), whoAnswers(world, 'example.com/api')]).toEqual([[WEB], [API]]);
    expect((await planFor(world, after)).steps).toEqual([]);
  },
);

describe('redirects', () => {
  const www: Redirect = { from: 'www.example.com', to: 'https://example.com', status: 308 };

  test('go live by a reload, are answered by the edge, and are no change afterwards', async () => {
    const plain = pair(1, { domains: ['example.com'] }, { domains: [] });
    const world = await deployed(plain);
    const redirecting = withRoute(plain, 'web', { redirects: [www] });
    const { changes } = await planFor(world, redirecting);
    expect(changes[0]).toMatchObject({
      service: 'web',
      effect: 'reload',
      reasons: ['redirects'],
      domains: ['example.com', 'www.example.com → https://example.com'],
    });
    await world.deploy(redirecting);
    expect((await planFor(world, redirecting)).steps).toEqual([]);
  });

  test('of a domain that another service had take effect when that one has lost it', async () => {
    const before = pair(1, { domains: ['example.com'] }, { domains: ['www.example.com', 'api.example.com'] });
    const after = withRoute(
      pair(2, { domains: ['example.com'] }, { domains: ['api.example.com'], dependsOn: ['web'] }),
      'web',
      { redirects: [www] },
    );
    const world = await deployed(before);
    await world.deploy(after);
    expect(world.answering('www.example.com')).toEqual([]);
    expect((await planFor(world, after)).steps).toEqual([]);
  });
});
