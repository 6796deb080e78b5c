import { beforeEach, expect, test } from '@jest/globals';
import { containerName, networkName, SIDECAR_ALIAS, scopeName } from '../../../src/model/names.ts';
import { compose, flagChanges, scopeWish } from '../../../src/nginx/compose.ts';
import { ensureEdge, ensureSidecar } from '../../../src/nginx/install.ts';
import type { NginxInstance } from '../../../src/nginx/instance.ts';
import type { Route } from '../../../src/nginx/routes.ts';
import { web } from '../../unit/nginx/routes-of-shop.ts';
import { REPOSITORY, servers } from '../stories/specs.ts';
import { Simulation } from './simulation.ts';
import type { Promised } from './users.ts';
import { SHOP } from './world.ts';

const [SERVER] = servers(1);
const NGINX = { image: 'nginx:1.30', keepaliveMinTimeoutMs: 2_000 };
const NETWORK = networkName(SHOP);
const PLACES = ['a api.example.com', `a ${NETWORK}:5100`];

type Side = 'base' | 'secondary' | '3';

let simulation: Simulation;
let nginxes: NginxInstance[];

beforeEach(async () => {
  simulation = new Simulation();
  simulation.addServers([SERVER!]);
  const machine = simulation.machine('a');
  for (const image of [NGINX.image, 'api:1']) machine.images.add(image, simulation.registry.find(image));
  await byRun(async (server, clock) => {
    nginxes = [
      await ensureSidecar(server, SHOP, NGINX, { repository: REPOSITORY, aliases: [SIDECAR_ALIAS] }, clock),
      await ensureEdge(server, SHOP, NGINX, clock),
    ];
    for (const side of ['base', 'secondary'] as const) start(side);
    await clock.sleep(2_000);
    await serve('base');
    await clock.sleep(10_000);
  });
});

test('users are at every door and every internal port', async () => {
  await deploying(async () => expect(simulation.users.places()).toEqual(PLACES));
  expect(simulation.users.lost).toEqual([]);
});

test('the order of the product loses nothing', async () => {
  simulation.users.streamMs = 5_000;
  await deploying(async () => {
    await serve('secondary');
    await pass(NGINX.keepaliveMinTimeoutMs + 1_000);
    await drained('base');
    remove('base');
  });
  expect(simulation.users.lost).toEqual([]);
  expect(simulation.users.cut).toEqual([]);
});

test('an old copy that goes before its clients have gone loses their requests', async () => {
  await deploying(async () => {
    await serve('secondary');
    remove('base');
  });
  expect(lostAt(PLACES[0]!)).toContain(`a request was open on ${nameOf('base')}, which ended`);
});

test('old workers may be brought one more request, and look at the flags: so an old copy may go', async () => {
  await deploying(async () => {
    await serve('secondary');
    await drained('base');
    remove('base');
  });
  expect(simulation.users.lost).toEqual([]);
});

test('an old copy that goes while old workers lead to it, who look at no flag, loses a request', async () => {
  await deploying(async () => {
    await serve('3');
    await pass(1_000);
    remove('base');
  });
  expect(simulation.users.lost.length).toBeGreaterThan(0);
});

test('a stream that is cut before its drain timeout is over is lost, and after that it is cut', async () => {
  simulation.users.streamMs = 60_000;
  await deploying(async () => {
    await serve('secondary');
    await pass(5_000);
    remove('base');
  });
  expect(lostAt(PLACES[1]!)).toEqual([`a stream was open on ${nameOf('base')}, which ended`]);
  simulation.users.lost.length = 0;
  start('base');
  await pass(5_000);
  await deploying(
    async () => {
      await serve('base');
      await pass(15_000);
      remove('secondary');
    },
    { drainTimeoutMs: 10_000 },
  );
  expect(simulation.users.lost).toEqual([]);
  expect(simulation.users.cut.map(({ place }) => place).sort()).toEqual(PLACES);
});

test('a new copy that is not there yet does no harm while the old one is its backup, and great harm without', async () => {
  remove('secondary');
  await deploying(async () => {
    await serve('secondary');
    await pass(5_000);
  });
  expect(simulation.users.lost).toEqual([]);
  await deploying(async () => remove('base'));
  expect(lostAt(PLACES[0]!)).toContainEqual(expect.stringMatching(/^nobody answers behind nginx: 50[24]$/));
});

test('a route that goes is lost, unless the service may go', async () => {
  await deploying(async () => await serve('none'));
  expect(lostAt(PLACES[0]!)).toEqual(['nginx has no route']);
});

test('a service that may go does so in peace', async () => {
  await deploying(async () => await serve('none'), { mayGo: true });
  expect(simulation.users.lost).toEqual([]);
});

test('an edge that joins a network which sorts before its own loses requests', async () => {
  await deploying(async () => {
    const machine = simulation.machine('a');
    machine.createNetwork({ Name: '00first' });
    machine.join('00first', machine.need('switchyard_edge'));
  });
  expect(lostAt(PLACES[0]!)).toContain(
    'a request was open on switchyard_edge, which lost its ports for a moment',
  );
});

test('what users of a server without power lose is nobody’s fault', async () => {
  await deploying(async () => {
    simulation.switchOff('a', 10_000);
    await pass(30_000);
  });
  expect(simulation.users.lost).toEqual([]);
});

/** byRun connects to the server, and lets time pass until the work there is done. */
async function byRun(
  work: (server: NginxInstance['server'], clock: Simulation['clock']) => Promise<void>,
): Promise<void> {
  const ended = await simulation.run(async ({ provider }) => {
    await work(await provider.connect(SERVER!), simulation.clock);
  });
  if (ended.how === 'failed') throw ended.error;
}

/** deploying has users watch what happens, as they do during a run. */
async function deploying(work: () => Promise<void>, promised: Partial<Promised> = {}): Promise<void> {
  const leave = simulation.users.watch(() => ({
    drainTimeoutMs: 120_000,
    mayBeDown: false,
    mayGo: false,
    ...promised,
  }));
  await work();
  leave();
}

async function pass(ms: number): Promise<void> {
  await simulation.clock.pass(ms);
}

/** serve has edge and sidecar send their requests to a copy, or to none. */
async function serve(side: Side | 'none'): Promise<void> {
  const { clock } = simulation;
  const serving = nginxes.map(async (nginx) => {
    const routes = side === 'none' ? [] : [routeTo(side)];
    const { tree, folder } = await nginx.look(scopeName(SHOP), clock);
    const on = SERVER!;
    const facts = { scope: SHOP, repository: REPOSITORY, routes, settings: NGINX, on, servers: [on] };
    const wanted = scopeWish(nginx.kind, facts);
    const next = compose(nginx.kind, { ...tree, live: folder }, wanted);
    await nginx.commit(next.folder, clock, next.files);
    await clock.sleep(200);
    await nginx.look(scopeName(SHOP), clock);
    await nginx.setFlags(flagChanges(tree, wanted), clock);
  });
  await clock.finish(Promise.all(serving));
}

/** drained lets time pass until nobody is connected to a copy. */
async function drained(side: Side): Promise<void> {
  const { clock, users } = simulation;
  const { namespace } = simulation.machine('a').need(nameOf(side));
  const isOpen = () => {
    users.elapse();
    return [...namespace.held.values()].some(({ until }) => until > clock.now());
  };
  while (isOpen()) await pass(250);
}

function start(side: Side): void {
  const machine = simulation.machine('a');
  const spec = { Image: 'api:1', ExposedPorts: { '3000/tcp': {} }, HostConfig: { NetworkMode: NETWORK } };
  machine.start(machine.create(nameOf(side), spec));
}

function remove(side: Side): void {
  const machine = simulation.machine('a');
  machine.remove(machine.need(nameOf(side)));
}

function nameOf(side: Side): string {
  return containerName(SHOP, 'api', side);
}

function lostAt(place: string): string[] {
  return simulation.users.lost.filter((loss) => loss.place === place).map(({ what }) => what);
}

function routeTo(slot: Side): Route {
  return web({ domains: ['api.example.com'], provePath: '/', copies: [{ server: 'a', slot, weight: 1 }] });
}
