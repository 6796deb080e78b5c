import { describe, expect, test } from '@jest/globals';
import { driftOf } from '../../../src/deploy/looking/drift.ts';
import { judgeHealth } from '../../../src/deploy/looking/judge-running.ts';
import { neededPorts } from '../../../src/deploy/looking/needs.ts';
import { stepsOf } from '../../../src/deploy/planning/describe.ts';
import { isEmpty } from '../../../src/deploy/planning/plan.ts';
import { planDeploy } from '../../../src/deploy/planning/planner.ts';
import type { AdoptSpec, EnvironmentSpec, ServiceSpec } from '../../../src/model/spec.ts';
import type { ServedName } from '../../../src/nginx/served-names.ts';
import { database, servers, service, shop } from './specs.ts';
import { type HandMade, World } from './world.ts';

const DOMAIN = 'api.example.com';
const FRONT: Partial<HandMade> = { published: [{ port: 80, containerPort: 80 }] };

function served(...names: string[]): ServedName[] {
  return names.map((name) => ({ port: 80, name, isTls: false }));
}

/** A file whose `sidecar.adopt` names the container `front`, as far as it is not told otherwise. */
function fileOf(services: ServiceSpec[], adopt: AdoptSpec | undefined = { container: 'front', drop: [] }) {
  const file = shop(services);
  return { ...file, nginx: { ...file.nginx, ...(adopt && { adopt }) } };
}

const adopting = (container: string, drop: string[] = []): Pick<ServiceSpec, 'adopt'> => ({
  adopt: { container, drop },
});

/** A world in which somebody has made containers on server `a`. */
function handMade(...containers: (Partial<HandMade> & Pick<HandMade, 'name'>)[]): World {
  const world = new World();
  world.join(servers(1));
  for (const container of containers) world.makeByHand('a', container);
  return world;
}

/** An app behind a front that serves its domain. */
function frontedWorld(): World {
  return handMade(
    { name: 'old-api' },
    { name: 'front', ...FRONT, served: served(DOMAIN), passesTo: ['old-api'] },
  );
}

const api = (changes = {}) => fileOf([service('api', { ...adopting('old-api'), ...changes })]);

function kinds(world: World, file: EnvironmentSpec): string[] {
  return stepsOf(world.plan(file)).map(({ kind }) => kind);
}

/** All that stands on server `a`, ours and others'. */
function standing(world: World): string[] {
  const { containers, foreign } = world.machines.get('a')!;
  return [...containers, ...foreign].map(({ name }) => name).sort();
}

describe('a container that runs already', () => {
  test('is replaced beside itself, and goes when the new one has its traffic', () => {
    const world = handMade({ name: 'old-api' });
    const file = shop([service('api', adopting('old-api'))]);
    expect(world.describe(file)).toEqual([
      'shop production: plan',
      '  api none → 1: new containers beside the old ones on a (not deployed yet, adopts old-api on a)',
      '  · pull nginx:1.30 on a',
      '  · pull api:1 on a',
      '  · create the sidecar and create the edge on a',
      '  · start api release 1 as base on a',
      '  · wait until api (base) on a is healthy',
      '  · switch api on a, and prove it',
      '  · drain old-api on a (at most 120 s), then stop and remove it',
    ]);
    world.deploy(file);
    expect(standing(world)).toEqual(['shop_production_api']);
    expect(isEmpty(world.plan(file))).toBe(true);
  });

  test.each([
    ['shop_production_api', 'shop_production_api_secondary'],
    ['shop_production_api_secondary', 'shop_production_api'],
  ])('named %s is found without a word in the file; the new one gets the other name', (old, made) => {
    const world = handMade({ name: old });
    world.deploy(shop([service('api')]));
    expect(standing(world)).toEqual([made]);
  });

  test('leaves its name to nobody who is called by a version', () => {
    const world = handMade({ name: 'shop_production_api' });
    world.deploy(shop([service('api', { image: 'api:v15', naming: 'version' })]));
    expect(standing(world)).toEqual(['shop_production_api_v15']);
  });

  test('is no drift, runs as it likes, and is no copy of ours', () => {
    const world = handMade({ name: 'old-api', isRunning: false });
    const file = shop([service('api', adopting('old-api'))]);
    const kept = world.input(file, { routesOnly: true });
    expect(driftOf(kept, planDeploy(kept))).toEqual([]);
    expect(kept.observed[0]!.copies).toEqual([]);
    expect(judgeHealth(kept.observed[0]!)).toMatchObject([{ level: 'ok' }]);
  });

  test('beside one of ours goes with the next run, and is no drift', () => {
    const file = shop([service('api', adopting('old-api'))]);
    const world = new World();
    world.deploy(file);
    world.makeByHand('a', { name: 'old-api' });
    const kept = world.input(file, { routesOnly: true });
    expect(driftOf(kept, planDeploy(kept))).toEqual([]);
    world.deploy(file);
    expect(standing(world)).toEqual(['shop_production_api']);
    expect(isEmpty(world.plan(file))).toBe(true);
  });

  test('takes the helpers along by which a killed run watched it, and those are not swept before', () => {
    const world = handMade({ name: 'old-api', helpers: ['h'] });
    const plan = world.plan(shop([service('api', adopting('old-api'))]));
    expect(plan.takeover.leave).toMatchObject([{ name: 'old-api', helpers: ['h'] }]);
    expect(plan.sweep).toEqual([]);
  });

  test('needs the image of nginx to leave, also where all else stands', () => {
    const file = shop([service('api', adopting('old-api'))]);
    const world = new World();
    world.deploy(file);
    world.makeByHand('a', { name: 'old-api' });
    world.machines.get('a')!.images.delete(file.nginx.image);
    expect(world.plan(file).pulls).toMatchObject([{ host: 'a', image: file.nginx.image }]);
  });

  test('stays everywhere while a server was left out: its nginx may go on asking there', () => {
    const on = servers(2);
    const world = new World();
    world.join(on);
    for (const { host } of on) world.makeByHand(host, { name: 'old-api' });
    const file: EnvironmentSpec = {
      ...shop([service('api', { ...adopting('old-api'), servers: 2 })], on),
      onPartialFailure: 'keep',
    };
    world.stubborn.add('b');
    expect(() => world.deploy(file)).toThrow('b was left out');
    expect(standing(world)).toEqual(['old-api', 'shop_production_api']);
    world.stubborn.clear();
    world.deploy(file);
    expect(standing(world)).toEqual(['shop_production_api']);
    expect(isEmpty(world.plan(file))).toBe(true);
  });

  test('keeps the service on its server, where there are others to choose from', () => {
    const on = servers(3);
    const [target] = new World().plan(shop([service('api')], on)).standing.api!.map(({ host }) => host);
    const other = on.find(({ host }) => host !== target)!.host;
    const world = new World();
    world.join(on);
    world.makeByHand(other, { name: 'shop_production_api' });
    const plan = world.plan(shop([service('api')], on));
    expect(plan.standing.api).toMatchObject([{ host: other }]);
  });

  test('a stopped one of the other side makes room', () => {
    const world = handMade(
      { name: 'shop_production_api' },
      { name: 'shop_production_api_secondary', isRunning: false },
    );
    world.deploy(shop([service('api')]));
    expect(standing(world)).toEqual(['shop_production_api_secondary']);
  });

  test('with data stops before the new one starts, which has its volume', () => {
    const volume = { type: 'volume' as const, source: 'pgdata', target: '/data', readOnly: false };
    const made = database('db', adopting('old-db'));
    const file = shop([
      { ...made, container: { ...made.container, volumes: [{ ...volume, external: true as const }] } },
    ]);
    const world = handMade({ name: 'old-db', writes: [{ source: 'pgdata', target: '/var/lib/data' }] });
    expect(kinds(world, file)).toEqual([
      ...['pull', 'pull', 'prepare'],
      ...['stop', 'start', 'check', 'switch', 'retire'],
    ]);
    world.deploy(file);
    expect(standing(world)).toEqual(['shop_production_db']);
  });
});

describe('a release that never gets healthy', () => {
  test('leaves what was to be taken over as it was', () => {
    const world = frontedWorld();
    world.broken.add('api:1');
    expect(() => world.deploy(api())).toThrow('not healthy');
    expect(standing(world)).toEqual(['front', 'old-api']);
    expect(world.machines.get('a')!.foreign.every(({ isRunning }) => isRunning)).toBe(true);
    world.deploy(api({ image: 'api:2' }));
    expect(standing(world)).toEqual(['shop_production_api']);
  });

  test('of a service that had to stop starts the old one again', () => {
    const world = handMade({ name: 'old-db' });
    const file = shop([database('db', adopting('old-db'))]);
    world.broken.add('db:1');
    expect(() => world.deploy(file)).toThrow('not healthy');
    expect(world.machines.get('a')!.foreign).toMatchObject([{ name: 'old-db', isRunning: true }]);
    expect(standing(world)).toEqual(['old-db']);
  });
});

describe('a front', () => {
  test('keeps its ports until new connections go past it, and all it needs until it is idle', () => {
    const world = frontedWorld();
    const lines = world.describe(api());
    expect(lines.slice(2)).toEqual([
      '  · pull nginx:1.30 on a',
      '  · pull api:1 on a',
      '  · create the sidecar and create the edge beside the front on a',
      '  · start api release 1 as base on a',
      '  · wait until api (base) on a is healthy',
      '  · switch api on a, and prove it',
      '  · send new connections to port 80 of a to the edge, past front, and wait until those of front are over',
      '  · drain old-api on a (at most 120 s), then stop and remove it',
      '  · drain front on a (at most 120 s), then stop and remove it',
      '  · give the edge its ports on a',
    ]);
    world.deploy(api());
    expect(standing(world)).toEqual(['shop_production_api']);
    expect(world.machines.get('a')).toMatchObject({ isBridge: false, isDiverted: false });
    expect(isEmpty(world.plan(api()))).toBe(true);
  });

  test.each([/^staged/, /^reloaded the edge/, /^diverted/, /removed old-api/, /removed front/, /^prepared/])(
    'that a run was taking over when it was cut off after "%s" leaves with the next one',
    (moment) => {
      const world = frontedWorld();
      world.deployUntil(moment, api());
      world.deploy(api());
      expect(standing(world)).toEqual(['shop_production_api']);
      expect(isEmpty(world.plan(api()))).toBe(true);
    },
  );

  test.each([/^reloaded the edge/, /^diverted/])(
    'cut off after "%s", and the file is another one by now: what is in the way leaves first',
    (moment) => {
      const world = handMade(
        { name: 'shop_production_api' },
        { name: 'front', ...FRONT, served: served(DOMAIN), passesTo: ['shop_production_api'] },
      );
      world.deployUntil(moment, fileOf([service('api')]));
      const next = fileOf([service('api', { image: 'api:2' })]);
      expect(world.plan(next).changes).toMatchObject([
        { effect: 'none', reasons: expect.arrayContaining(['its change follows when that has left']) },
      ]);
      world.deploy(next);
      expect(standing(world)).toEqual(['shop_production_api']);
      expect(world.container('shop_production_api')).toMatchObject({ image: 'api:2', release: 2 });
      expect(isEmpty(world.plan(next))).toBe(true);
    },
  );

  test('stays, with all it needs, while a service of its domains is not deployed', () => {
    const world = handMade(
      { name: 'old-api' },
      { name: 'old-web' },
      {
        name: 'front',
        ...FRONT,
        served: served(DOMAIN, 'web.example.com'),
        passesTo: ['old-api', 'old-web'],
      },
    );
    const file = fileOf([service('api', adopting('old-api')), service('web', adopting('old-web'))]);
    world.deploy(file, { services: ['api'] });
    expect(standing(world)).toEqual(['front', 'old-api', 'old-web', 'shop_production_api']);
    expect(isEmpty(world.plan(file, { services: ['api'] }))).toBe(true);
    world.deploy(file);
    expect(standing(world)).toEqual(['shop_production_api', 'shop_production_web']);
  });

  test('has its own port until then: only the other one has to be free', () => {
    const world = frontedWorld();
    const ports = neededPorts(world.plan(api()), world.input(api()), 'a');
    expect(ports.map(({ number }) => number)).toEqual([443]);
  });

  test('has a bridge beside it that a run has not let into the network yet: it is let in', () => {
    const world = frontedWorld();
    world.deployUntil(/^prepared/, api());
    world.machines.get('a')!.edge!.isInNetwork = false;
    expect(world.plan(api()).prepare).toMatchObject([{ edge: 'bridge', sidecar: undefined }]);
    world.deploy(api());
    expect(standing(world)).toEqual(['shop_production_api']);
  });

  test('may be the container of a service itself', () => {
    const world = handMade({ name: 'old-api', ...FRONT });
    const file = shop([service('api', adopting('old-api'))]);
    world.deploy(file);
    expect(standing(world)).toEqual(['shop_production_api']);
    expect(isEmpty(world.plan(file))).toBe(true);
  });

  test('with the name of the sidecar gives it up, and leaves last', () => {
    const world = handMade(
      { name: 'shop_production_api' },
      {
        name: 'shop_production_nginx',
        ...FRONT,
        networks: ['shop_production_network'],
        served: served(DOMAIN),
        passesTo: ['shop_production_api'],
      },
    );
    const file = shop([service('api')]);
    expect(world.plan(file).prepare).toMatchObject([
      { edge: 'bridge', sidecar: 'create', displaced: { name: 'shop_production_nginx', isInNetwork: true } },
    ]);
    world.deploy(file);
    expect(standing(world)).toEqual(['shop_production_api_secondary']);
    expect(isEmpty(world.plan(file))).toBe(true);
  });
});

describe('what is refused before anything changes', () => {
  const cases: [string, World, EnvironmentSpec, string][] = [
    [
      'ports that somebody holds whom the file does not name',
      frontedWorld(),
      shop([service('api', adopting('old-api'))]),
      'a: the edge needs port 80, which front holds',
    ],
    [
      'a front whose domains are not all in the file',
      handMade({ name: 'front', ...FRONT, served: served(DOMAIN, 'old.example.com') }),
      fileOf([service('api')]),
      'a: front serves old.example.com, which no service of the file has as its domain',
    ],
    [
      'a front that serves whoever asks',
      handMade({ name: 'front', ...FRONT, served: served('_') }),
      fileOf([service('api')]),
      'a: front serves _, which no service of the file has',
    ],
    [
      'a front that does not say what it serves',
      handMade({ name: 'front', ...FRONT }),
      fileOf([service('api')]),
      'and it does not say what it serves',
    ],
    [
      'a front that serves HTTPS',
      handMade({
        name: 'front',
        published: [{ port: 443, containerPort: 443 }],
        served: [{ port: 443, name: DOMAIN, isTls: true }],
      }),
      fileOf([service('api')]),
      'a: front serves HTTPS for api.example.com, and the edge serves HTTP only',
    ],
    [
      'data that the new container would not have',
      handMade({ name: 'old-db', writes: [{ source: 'pgdata', target: '/data' }] }),
      shop([database('db', adopting('old-db'))]),
      'a: old-db writes to the volume pgdata at /data, which db does not mount',
    ],
    [
      'a directory of the server that the new container would not have',
      handMade({ name: 'old-api', writes: [{ source: '/srv/files', target: '/files' }] }),
      shop([service('api', adopting('old-api'))]),
      'a: old-api writes to the directory /srv/files at /files',
    ],
    [
      'a port of the server that somebody may use',
      handMade({ name: 'old-api', published: [{ port: 8080, containerPort: 3000 }] }),
      shop([service('api', adopting('old-api'))]),
      'a: old-api publishes port 8080 of the server, where nobody would listen any more',
    ],
    [
      'another port of a front',
      handMade({
        name: 'front',
        published: [
          { port: 80, containerPort: 80 },
          { port: 9000, containerPort: 9000 },
        ],
        served: served(DOMAIN),
      }),
      fileOf([service('api')]),
      'a: front publishes port 9000 of the server',
    ],
    [
      'a container of Compose, found by its name alone',
      handMade({ name: 'shop_production_api', composeProject: 'shop' }),
      shop([service('api')]),
      'a: shop_production_api belongs to the Compose project shop',
    ],
    [
      'a container of another environment',
      handMade({ name: 'shop_staging_api', owner: 'shop staging' }),
      shop([service('api', adopting('shop_staging_api'))]),
      'a: shop_staging_api belongs to shop staging, and api cannot take it over',
    ],
    [
      'two that run as one service',
      handMade({ name: 'shop_production_api' }, { name: 'shop_production_api_secondary' }),
      shop([service('api')]),
      'both run as api, and Switchyard made neither',
    ],
  ];
  test.each(cases)('%s', (_name, world, file, message) => {
    expect(() => world.plan(file)).toThrow(message);
  });

  test('a host port of the older way is none that gets lost', () => {
    const published = [{ port: 18_123, containerPort: 3000 }];
    const world = handMade({ name: 'shop_production_api_secondary', published });
    expect(() => world.plan(shop([service('api')]))).not.toThrow();
  });

  test('unless the file says that it may be lost', () => {
    const front = { name: 'front', ...FRONT, served: served('old.example.com', '_', '.example.com') };
    const world = handMade(front, {
      name: 'old-api',
      writes: [{ source: 'scratch', target: '/cache' }],
      published: [{ port: 9000, containerPort: 3000 }],
    });
    const domains = ['example.com', '*.example.com'];
    const file = fileOf([service('api', { ...adopting('old-api', ['/cache', '9000']), domains })], {
      container: 'front',
      drop: ['_'],
    });
    world.deploy(file);
    expect(standing(world)).toEqual(['shop_production_api']);
  });

  test('a container of Compose goes when the file names it', () => {
    const world = handMade({ name: 'shop-api-1', composeProject: 'shop' });
    world.deploy(shop([service('api', adopting('shop-api-1'))]));
    expect(standing(world)).toEqual(['shop_production_api']);
  });
});
