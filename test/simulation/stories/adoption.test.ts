import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Plan, stepsOf } from '../../../src/deploy/planning/plan.ts';
import { LABEL } from '../../../src/model/labels.ts';
import type { AdoptSpec, EnvironmentSpec, ServiceSpec } from '../../../src/model/spec.ts';
import { type HandMade, World } from '../world/world.ts';
import { database, servers, service, shop } from './specs.ts';
import { complaintOf, rest } from './story.ts';

const DOMAIN = 'api.example.com';
const BRIDGE = 'switchyard_edge_bridge';
const DIVERT = 'switchyard_edge_divert';

let world: World;
beforeEach(() => {
  world = new World();
  world.addServers(servers(1));
});
/** What is taken over goes without a lost request, whoever is cut off. */
afterEach(() => expect(complaintOf(world)).toBeUndefined());

/** Somebody has made containers on server `a`, some time ago. */
async function make(...containers: HandMade[]): Promise<void> {
  for (const container of containers) world.makeByHand('a', container);
  await rest(world);
}

/** front returns an nginx that holds port 80 and passes a domain to a container, or several. */
function front(passes: Record<string, string> = { [DOMAIN]: 'old-api:3000' }): HandMade {
  return { name: 'front', published: { 80: 80 }, passes };
}

/** An app behind a front that serves its domain. */
async function makeFronted(): Promise<void> {
  await make({ name: 'old-api' }, front());
}

/** A file whose `sidecar.adopt` names the container `front`, as far as it is not told otherwise. */
function fileOf(services: ServiceSpec[], adopt: AdoptSpec = { container: 'front', drop: [] }) {
  const file = shop(services);
  return { ...file, nginx: { ...file.nginx, adopt } };
}

const adopting = (container: string, drop: string[] = []): Pick<ServiceSpec, 'adopt'> => ({
  adopt: { container, drop },
});

const api = (changes = {}) => fileOf([service('api', { ...adopting('old-api'), ...changes })]);

/** All that runs apps on a server, ours and others', and fronts. */
function standing(server = 'a'): string[] {
  return [...world.machine(server).containers.values()]
    .filter(({ labels }) => [undefined, 'service'].includes(labels[LABEL.role]))
    .map(({ name }) => name)
    .sort();
}

async function isSettled(file: EnvironmentSpec): Promise<boolean> {
  return !(await world.plan(file)).changed;
}

/** stop stops a container by hand. */
async function stop(name: string): Promise<void> {
  const machine = world.machine('a');
  await world.clock.finish(machine.stop(machine.need(name), 0));
}

describe('a container that runs already', () => {
  const file = shop([service('api', adopting('old-api'))]);

  test('is replaced beside itself, and goes when the new one has its traffic', async () => {
    await make({ name: 'old-api' });
    expect(await world.describe(file)).toEqual([
      'shop production: plan',
      '  api none → 1: new containers beside the old ones on a (not deployed yet, adopts old-api on a); api:1 at api.example.com',
      '  waits at most 6 s for health',
      '  · pull nginx:1.30 on a',
      '  · pull api:1 on a',
      '  · record the intent: api release 1',
      '  · create the sidecar and create the edge on a',
      '  · start api release 1 as base on a',
      '  · wait until api (base) on a answers',
      '  · wait until api (base) on a is healthy',
      '  · make the new routes ready on a',
      '  · switch api on a',
      '  · prove that the new copies of api answer on a',
      '  · drain old-api on a (at most 120 s)',
      '  · stop old-api on a',
      '  · remove old-api on a',
    ]);
    await world.deploy(file);
    expect(standing()).toEqual(['shop_production_api']);
    expect(await isSettled(file)).toBe(true);
  });

  test.each([
    ['shop_production_api', 'shop_production_api_secondary'],
    ['shop_production_api_secondary', 'shop_production_api'],
  ])('named %s is found without a word in the file; the new one gets the other name', async (old, made) => {
    await make({ name: old });
    await world.deploy(shop([service('api')]));
    expect(standing()).toEqual([made]);
  });

  test('leaves its name to nobody who is called by a version', async () => {
    await make({ name: 'shop_production_api' });
    await world.deploy(shop([service('api', { image: 'api:v15', naming: 'version' })]));
    expect(standing()).toEqual(['shop_production_api_v15']);
  });

  test('is no drift, runs as it likes, and is no copy of ours', async () => {
    await make({ name: 'old-api' });
    await stop('old-api');
    const { drift, findings } = await world.plan(file);
    expect(drift).toEqual([]);
    expect(findings.filter(({ check }) => check === 'health')).toMatchObject([{ level: 'ok' }]);
  });

  test('beside one of ours goes with the next run, and is no drift', async () => {
    await world.deploy(file);
    await make({ name: 'old-api' });
    expect((await world.plan(file)).drift).toEqual([]);
    await world.deploy(file);
    expect(standing()).toEqual(['shop_production_api']);
    expect(await isSettled(file)).toBe(true);
  });

  test('takes the helpers along by which a killed run watched it, and those are not swept before', async () => {
    await make({ name: 'old-api' });
    await world.deployUntil(/a POST containers\/old-api_drain_\S+\/exec/, file);
    const helpers = world.containersOf('a', 'helper').map(({ id }) => id);
    expect(helpers).toHaveLength(1);
    const { plan } = await world.plan(file);
    expect(stepsOf(plan, 'remove')).toMatchObject([{ name: 'old-api', helpers }]);
    expect(stepsOf(plan, 'sweep')).toEqual([]);
    await world.deploy(file);
    expect(world.containersOf('a', 'helper')).toEqual([]);
    expect(standing()).toEqual(['shop_production_api']);
  });

  test('needs the image of nginx to leave, also where all else stands', async () => {
    await world.deploy(file);
    await make({ name: 'old-api' });
    world.machine('a').images.remove(file.nginx.image, () => false);
    const { plan } = await world.plan(file);
    expect(stepsOf(plan, 'pull')).toMatchObject([{ server: 'a', image: file.nginx.image }]);
  });

  test('stays everywhere while a server was left out: its nginx may go on asking there', async () => {
    const on = servers(2);
    world.addServers(on);
    for (const { name } of on) world.makeByHand(name, { name: 'old-api' });
    await rest(world);
    const both: EnvironmentSpec = {
      ...shop([service('api', { ...adopting('old-api'), servers: 2 })], on),
      onPartialFailure: 'keep',
    };
    world.machine('b').isStubborn = true;
    await expect(world.deploy(both)).rejects.toThrow('b did not switch and was left out');
    expect(standing('a')).toEqual(['old-api', 'shop_production_api']);
    world.machine('b').isStubborn = false;
    await world.deploy(both);
    for (const { name } of on) expect(standing(name)).toEqual(['shop_production_api']);
    expect(await isSettled(both)).toBe(true);
  });

  test('keeps the service on its server, where there are others to choose from', async () => {
    const on = servers(3);
    const anywhere = shop([service('api')], on);
    const [chosen] = (await world.plan(anywhere)).plan.copies.api!;
    const other = on.find(({ name }) => name !== chosen!.server)!.name;
    world.makeByHand(other, { name: 'shop_production_api' });
    await rest(world);
    expect((await world.plan(anywhere)).plan.copies.api).toMatchObject([{ server: other }]);
  });

  test('that is stopped and stands on the other side makes room', async () => {
    await make({ name: 'shop_production_api' }, { name: 'shop_production_api_secondary' });
    await stop('shop_production_api_secondary');
    await world.deploy(shop([service('api')]));
    expect(standing()).toEqual(['shop_production_api_secondary']);
  });

  test('with data stops before the new one starts, which has its volume', async () => {
    const volume = { type: 'volume' as const, source: 'pgdata', target: '/data', readOnly: false };
    const made = database('db', adopting('old-db'));
    const withData = shop([
      { ...made, container: { ...made.container, volumes: [{ ...volume, external: true as const }] } },
    ]);
    await make({ name: 'old-db', volumes: { '/var/lib/data': 'pgdata' } });
    const { plan } = await world.plan(withData);
    expect(stepsOf(plan, 'drain')).toEqual([]);
    const stop = plan.steps.find(({ step }) => step.kind === 'stop')!;
    const start = plan.steps.find(({ step }) => step.kind === 'start')!;
    expect(stop.step).toMatchObject({ name: 'old-db' });
    expect(start.needs).toEqual([stop.id]);
    await world.deploy(withData);
    expect(standing()).toEqual(['shop_production_db']);
    const [mounted] = world.machine('a').need('shop_production_db').mounts;
    expect(mounted).toMatchObject({ volume: { name: 'pgdata' } });
  });
});

describe('a release that never gets healthy', () => {
  test('leaves what was to be taken over as it was', async () => {
    await makeFronted();
    world.registry.define('api:1', { status: 503 });
    await expect(world.deploy(api())).rejects.toThrow('was not healthy');
    expect(standing()).toEqual(['front', 'old-api']);
    for (const name of standing()) expect(world.machine('a').need(name).isRunning).toBe(true);
    await world.deploy(api({ image: 'api:2' }));
    expect(standing()).toEqual(['shop_production_api']);
  });

  test('of a service that had to stop starts the old one again', async () => {
    await make({ name: 'old-db' });
    world.registry.define('db:1', { port: 1 });
    await expect(world.deploy(shop([database('db', adopting('old-db'))]))).rejects.toThrow('was not healthy');
    expect(standing()).toEqual(['old-db']);
    expect(world.machine('a').need('old-db').isRunning).toBe(true);
  });
});

describe('a front', () => {
  test('keeps its ports until new connections go past it, and all it needs until it is idle', async () => {
    await makeFronted();
    const lines = await world.describe(api());
    expect(lines.slice(2)).toEqual([
      '  waits at most 6 s for health',
      '  · pull nginx:1.30 on a',
      '  · pull api:1 on a',
      '  · record the intent: api release 1',
      '  · create the sidecar and create the edge beside the front on a',
      '  · start api release 1 as base on a',
      '  · wait until api (base) on a answers',
      '  · wait until api (base) on a is healthy',
      '  · make the new routes ready on a',
      '  · switch api on a',
      '  · prove that the new copies of api answer on a',
      '  · send new connections to port 80 of a to the edge, past front, and wait until those of front are over',
      '  · drain old-api on a (at most 120 s)',
      '  · stop old-api on a',
      '  · remove old-api on a',
      '  · drain front on a (at most 120 s)',
      '  · stop front on a',
      '  · remove front on a',
      '  · give the edge its ports on a',
    ]);
    await world.deploy(api());
    expect(standing()).toEqual(['shop_production_api']);
    for (const name of [BRIDGE, DIVERT]) expect(world.machine('a').find(name)).toBeUndefined();
    expect(world.machine('a').published('192.0.2.1', 80)?.container.name).toBe('switchyard_edge');
    expect(await isSettled(api())).toBe(true);
  });

  test('that nobody is led past, for once, takes requests along: the simulation notices', async () => {
    await makeFronted();
    const withoutDivert = (plan: Plan) => {
      const divert = plan.steps.find(({ step }) => step.kind === 'divert')!;
      plan.steps = plan.steps.filter((planned) => planned !== divert);
      for (const planned of plan.steps)
        planned.needs = planned.needs.flatMap((need) => (need === divert.id ? divert.needs : [need]));
    };
    await world.tryDeploy(api(), { meddle: withoutDivert });
    expect(complaintOf(world)).toMatch(
      /at a api\.example\.com: a request was open on old-api, which was stopped/,
    );
    world = new World();
  });

  test.each([
    /^ends: stage/,
    /^moment: switch: told to read/,
    /^moment: divert: diverted/,
    /^ends: remove: remove old-api/,
    /^ends: remove: remove front/,
    /^ends: prepare: give the edge its ports/,
  ])('that a run was taking over when it was cut off at "%s" leaves with the next one', async (moment) => {
    await makeFronted();
    await world.deployUntil(moment, api());
    await world.deploy(api());
    expect(standing()).toEqual(['shop_production_api']);
    expect(await isSettled(api())).toBe(true);
  });

  test.each([/^moment: switch: told to read/, /^moment: divert: diverted/])(
    'cut off at "%s", and the file is another one by now: what is in the way leaves first',
    async (moment) => {
      make({ name: 'shop_production_api' }, front({ [DOMAIN]: 'shop_production_api:3000' }));
      await world.deployUntil(moment, fileOf([service('api')]));
      const next = fileOf([service('api', { image: 'api:2' })]);
      const { plan } = await world.plan(next);
      expect(plan.changes).toMatchObject([
        { effect: 'none', reasons: expect.arrayContaining(['its change follows when that has left']) },
      ]);
      await world.deploy(next);
      expect(standing()).toEqual(['shop_production_api']);
      expect(world.machine('a').need('shop_production_api').labels).toMatchObject({
        [LABEL.version]: 'api:2',
        [LABEL.release]: '2',
      });
      expect(await isSettled(next)).toBe(true);
    },
  );

  test('of a server that joins stays until that reaches a copy: what the first one runs has no host port', async () => {
    const on = servers(2);
    world.addServers(on);
    const app = { name: 'shop_production_api' };
    for (const { name } of on) {
      world.makeByHand(name, app);
      world.makeByHand(name, front({ [DOMAIN]: 'shop_production_api:3000' }));
    }
    await rest(world);
    await world.deployUntil(/^moment: switch: told to read/, fileOf([service('api')]));
    const both = { ...fileOf([service('api', { image: 'api:2', servers: 2 })]), servers: on };
    await world.deploy(both);
    for (const { name } of on) {
      expect(standing(name)).toHaveLength(1);
      expect(world.machine(name).need(standing(name)[0]!).labels).toMatchObject({ [LABEL.version]: 'api:2' });
    }
    expect(await isSettled(both)).toBe(true);
  });

  test('that has gone when its server reboots leaves nothing that diverts connections', async () => {
    await makeFronted();
    const strike = { at: /a POST containers\/switchyard_edge\/start/, when: 'after', how: 'killed' } as const;
    await world.tryDeploy(api(), { strikes: [strike] });
    world.switchOff('a', 30_000);
    await world.clock.pass(40_000);
    expect(world.machine('a').find(DIVERT)).toBeDefined();
    await world.deploy(api());
    expect(world.machine('a').find(DIVERT)).toBeUndefined();
    expect(await isSettled(api())).toBe(true);
  });

  test('stays, with all it needs, while a service of its domains is not deployed', async () => {
    await make(
      { name: 'old-api' },
      { name: 'old-web' },
      front({ [DOMAIN]: 'old-api:3000', 'web.example.com': 'old-web:3000' }),
    );
    const both = fileOf([service('api', adopting('old-api')), service('web', adopting('old-web'))]);
    const narrowed = { services: ['api'] };
    const { plan } = await world.deploy(both, narrowed);
    expect(plan.staying).toEqual(['front stays on a: the edge there does not serve web.example.com']);
    expect(standing()).toEqual(['front', 'old-api', 'old-web', 'shop_production_api']);
    expect((await world.plan(both, narrowed)).changed).toBe(false);
    await world.deploy(both);
    expect(standing()).toEqual(['shop_production_api', 'shop_production_web']);
  });

  test("with port 443 alone ends TLS for the edge, and is in nobody's way", async () => {
    await make({ name: 'tls', published: { 443: 443 }, port: 443 });
    await world.deploy(api());
    expect(standing()).toEqual(['shop_production_api', 'tls']);
    expect(world.answering(DOMAIN)).toEqual(['shop_production_api']);
  });

  test('has its own port until then, and the edge needs no other', async () => {
    await makeFronted();
    const { findings } = await world.plan(api());
    expect(findings).toContainEqual(
      expect.objectContaining({ check: 'port', level: 'ok', message: 'the ports that are needed are free' }),
    );
    const asked = world.runs.at(-1)!.calls.filter((call) => call.startsWith('a dial '));
    expect(asked).toEqual([]);
  });

  test('has a bridge beside it that a run has not let into the network yet: it is let in', async () => {
    await makeFronted();
    await world.deployUntil(new RegExp(`^a POST networks/shop_production_network/connect ${BRIDGE}`), api());
    const { plan } = await world.plan(api());
    expect(stepsOf(plan, 'prepare')[0]).toMatchObject({ edge: 'bridge', sidecar: undefined });
    await world.deploy(api());
    expect(standing()).toEqual(['shop_production_api']);
  });

  test('may be the container of a service itself', async () => {
    await make({ name: 'old-api', published: { 80: 3000 } });
    const file = shop([service('api', adopting('old-api'))]);
    await world.deploy(file);
    expect(standing()).toEqual(['shop_production_api']);
    expect(await isSettled(file)).toBe(true);
  });

  test('with the name of the sidecar gives it up, and leaves last', async () => {
    const network = 'shop_production_network';
    const old = { name: 'shop_production_nginx', network, aliases: ['nginx'] };
    await make(
      { name: 'shop_production_api', network },
      { ...front({ [DOMAIN]: 'shop_production_api:3000' }), ...old },
    );
    const file = shop([service('api')]);
    expect(stepsOf((await world.plan(file)).plan, 'prepare')[0]).toMatchObject({
      edge: 'bridge',
      sidecar: 'create',
      displaced: { name: 'shop_production_nginx', isInNetwork: true },
    });
    await world.deploy(file);
    expect(standing()).toEqual(['shop_production_api_secondary']);
    expect(await isSettled(file)).toBe(true);
  });

  test('on a server without iptables is refused before anything changes', async () => {
    await makeFronted();
    world.machine('a').hasIptables = false;
    await expect(world.deploy(api())).rejects.toThrow('iptables');
    expect(standing()).toEqual(['front', 'old-api']);
  });
});

describe('what is refused before anything changes', () => {
  const cases: [string, HandMade[], EnvironmentSpec, string][] = [
    [
      'ports that somebody holds whom the file does not name',
      [{ name: 'old-api' }, front()],
      shop([service('api', adopting('old-api'))]),
      'a: the edge needs port 80, which front holds',
    ],
    [
      'a front whose domains are not all in the file',
      [{ name: 'old-api' }, front({ [DOMAIN]: 'old-api:3000', 'old.example.com': 'old-api:3000' })],
      fileOf([service('api')]),
      'a: front serves old.example.com, which no service of the file has as its domain',
    ],
    [
      'a front that serves whoever asks',
      [{ name: 'old-api' }, front({ _: 'old-api:3000' })],
      fileOf([service('api')]),
      'a: front serves _, which no service of the file has',
    ],
    [
      'a front that serves HTTPS',
      [{ name: 'old-api' }, { ...front(), published: { 80: 80, 443: 443 }, listen: '443 ssl' }],
      fileOf([service('api')]),
      'a: front serves HTTPS for api.example.com, which the file serves over HTTP alone',
    ],
    [
      'data that the new container would not have',
      [{ name: 'old-db', volumes: { '/data': 'pgdata' } }],
      shop([database('db', adopting('old-db'))]),
      'a: old-db writes to the volume pgdata at /data, which db does not mount',
    ],
    [
      'a directory of the server that the new container would not have',
      [{ name: 'old-api', volumes: { '/files': '/srv/files' } }],
      shop([service('api', adopting('old-api'))]),
      'a: old-api writes to the directory /srv/files at /files',
    ],
    [
      'a port of the server that somebody may use',
      [{ name: 'old-api', published: { 8080: 3000 } }],
      shop([service('api', adopting('old-api'))]),
      'a: old-api publishes port 8080 of the server, where nobody would listen any more',
    ],
    [
      'another port of a front',
      [{ name: 'old-api' }, { ...front(), published: { 80: 80, 9000: 9000 } }],
      fileOf([service('api')]),
      'a: front publishes port 9000 of the server',
    ],
    [
      'a container of Compose, found by its name alone',
      [{ name: 'shop_production_api', labels: { 'com.docker.compose.project': 'shop' } }],
      shop([service('api')]),
      'a: shop_production_api belongs to the Compose project shop',
    ],
    [
      'a container of another environment',
      [
        {
          name: 'shop_staging_api',
          labels: { [LABEL.role]: 'service', [LABEL.project]: 'shop', [LABEL.environment]: 'staging' },
        },
      ],
      shop([service('api', adopting('shop_staging_api'))]),
      'a: shop_staging_api belongs to shop staging, and api cannot take it over',
    ],
    [
      'two that run as one service',
      [{ name: 'shop_production_api' }, { name: 'shop_production_api_secondary' }],
      shop([service('api')]),
      'both run as api, and Switchyard made neither',
    ],
  ];
  test.each(cases)('%s', async (_name, containers, file, message) => {
    await make(...containers);
    const before = [...world.machine('a').containers.values()];
    await expect(world.plan(file)).rejects.toThrow(message);
    await expect(world.deploy(file)).rejects.toThrow(message);
    expect([...world.machine('a').containers.values()]).toEqual(before);
    expect(before.every(({ isRunning }) => isRunning)).toBe(true);
  });

  test('a front that does not say what it serves, since what it passes requests to is gone', async () => {
    await makeFronted();
    const machine = world.machine('a');
    machine.remove(machine.need('old-api'));
    await expect(world.deploy(fileOf([service('api')]))).rejects.toThrow(
      'a: the edge needs port 80, which front holds, and it does not say what it serves: "nginx -T" fails in it',
    );
    expect(standing()).toEqual(['front']);
  });

  test('a host port of the older way is none that gets lost', async () => {
    await make({ name: 'shop_production_api_secondary', published: { 18123: 3000 } });
    await world.deploy(shop([service('api')]));
    expect(standing()).toEqual(['shop_production_api']);
  });

  test('unless the file says that it may be lost', async () => {
    await make(
      { name: 'old-api', volumes: { '/cache': 'scratch' }, published: { 9000: 3000 } },
      front({ 'old.example.com': 'old-api:3000', _: 'old-api:3000', '.example.com': 'old-api:3000' }),
    );
    const domains = ['example.com', '*.example.com'];
    const file = fileOf([service('api', { ...adopting('old-api', ['/cache', '9000']), domains })], {
      container: 'front',
      drop: ['_'],
    });
    await world.deploy(file);
    expect(standing()).toEqual(['shop_production_api']);
  });

  test('a container of Compose goes when the file names it', async () => {
    await make({ name: 'shop-api-1', labels: { 'com.docker.compose.project': 'shop' } });
    await world.deploy(shop([service('api', adopting('shop-api-1'))]));
    expect(standing()).toEqual(['shop_production_api']);
  });
});
