import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import { openSilentStreams, type SilentStreams } from '../lab/traffic/silent-streams.ts';
import { openStreams, type Streams } from '../lab/traffic/streams.ts';
import { versionOf } from './ask.ts';
import { fleet } from './fleet.ts';
import type { Project } from './project.ts';
import { releasesOf } from './recorded.ts';
import { size } from './size.ts';
import { openTunnel, type Tunnel } from './tunnel.ts';
import { newProject, release, webService } from './web-shop.ts';

/** Service A of the case is a pair: `live` has WebSockets and events at the edge, `echo` TCP at its internal port. */
const APP = ['live', 'echo'];
const DOMAIN = 'streams.example.com';
/** Longer than every timeout that nginx has by itself; in the sample as long as the first toggle takes. */
const SILENT_MS = size.isFull ? 90_000 : 15_000;

let shop: Project;
let streams: Streams | undefined;
let silent: SilentStreams | undefined;
let tunnel: Tunnel | undefined;

afterEach(async () => {
  silent?.close();
  await streams?.finish();
  await tunnel?.close();
  await shop.leave();
}, 180_000);

/** Case 4. */
test('streams without a drain limit live until they end by themselves, whatever is deployed meanwhile', async () => {
  const lab = await fleet();
  const servers = lab.servers.slice(2, 4);
  shop = await newProject(lab, 'streams', servers, {
    live: { ...webService(lab, 'streams', 2), drain: { timeout: 0 } },
    echo: {
      image: lab.images.web('v1'),
      port: 4000,
      protocol: 'tcp',
      environment: { TCP_PORT: '4000' },
      servers: 2,
      drain: { timeout: 0 },
    },
    neighbour: webService(lab, 'neighbour', 2),
  });
  await shop.deploy();
  const oldSides = await containersOf(servers, APP);

  tunnel = await openTunnel(servers[0]!, lab.keys.deploy, await internalAddress(servers[0]!, 'echo'));
  const { websockets, events, tcp } = size.streams;
  const all = websockets + events + tcp;
  streams = await openStreams({
    targets: servers.map(({ host }) => ({ host, port: 80 })),
    hostHeader: DOMAIN,
    websockets,
    events,
    tcp: { ...tunnel, count: tcp },
    maxSeconds: 3_000,
  });
  expect((await streams.alive()).total).toBe(all);

  // Nothing comes and nothing goes on these while the routes are switched and other deploys reload nginx.
  silent = await openSilentStreams({
    host: servers[0]!.host,
    port: 80,
    hostHeader: DOMAIN,
    appSilenceMs: SILENT_MS,
    uploadPath: '/work?ms=0',
  });
  const silentUntil = performance.now() + SILENT_MS;

  // The old sides drain without end, so the run gives the lease back and waits on.
  const first = deployApp('v2');
  await first.says(/the lease is given back/);
  for (const { host } of servers) expect(await versionOf({ host }, DOMAIN)).toBe('v2');
  expect((await streams.alive()).total).toBe(all);

  // A neighbour is deployed meanwhile, and its reloads cut nothing.
  for (let toggle = 1; toggle < size.neighbourToggles; toggle += 1) await toggleNeighbour(toggle);
  expect((await streams.alive()).total).toBe(all);

  // A second deploy needs the side that drains. It says so, and holds up nobody but itself.
  const second = deployApp('v3');
  await second.says(/may be in use since an earlier deploy/);
  await second.says(/waits for \d+ connections? .* to end: /);
  await toggleNeighbour(size.neighbourToggles);
  const running = await containersOf(servers, APP);
  expect(running).toEqual(expect.arrayContaining(oldSides));
  expect(running).toHaveLength(2 * oldSides.length);

  await sleep(Math.max(0, silentUntil - performance.now()));
  expect(await silent.goOn()).toEqual({
    WebSocket: true,
    'server-sent events': true,
    download: true,
    upload: true,
  });

  const stopped = Promise.all(oldSides.map(({ server, id }) => server.docker('wait', id)));
  const { opened, alive, broken, bytes, versionsAtOpen } = await streams.finish();
  const endedAt = performance.now();
  expect({ opened, alive, broken, versionsAtOpen }).toEqual({
    opened: all,
    alive: all,
    broken: [],
    versionsAtOpen: { v1: all },
  });
  await stopped;
  const stopMs = performance.now() - endedAt;
  // Far below any time limit of the drain, however busy the machine is.
  expect(stopMs).toBeLessThan(size.isFull ? 5_000 : 20_000);

  // Both runs go on by themselves, and the second one's version is what stands.
  for (const run of [first, second]) {
    const { code, log } = await run.done;
    expect({ code, log }).toEqual({ code: 0, log: expect.any(String) });
  }
  for (const { host } of servers) expect(await versionOf({ host }, DOMAIN)).toBe('v3');
  expect(await containersOf(servers, APP)).toHaveLength(oldSides.length);
  for (const name of APP) {
    expect(await shop.recorded(name)).toMatchObject({ release: 3, previous: 2, isDraining: false });
  }
  console.log(
    `streams: ${all} alive, ${bytes} bytes; old sides stopped ${Math.round(stopMs)} ms after the last`,
  );
}, 1_200_000);

function deployApp(version: string) {
  for (const name of APP) release(shop, name, version);
  return shop.start('toggle-deploy', { service: APP.join('\n') });
}

async function toggleNeighbour(toggle: number): Promise<void> {
  release(shop, 'neighbour', toggle % 2 === 1 ? 'v2' : 'v1');
  const run = await shop.deploy({ service: 'neighbour' });
  expect(releasesOf(run)).toMatchObject({ neighbour: toggle + 1 });
}

/** Where a service's internal port is served, as only the server itself reaches it. */
async function internalAddress(server: LabServer, service: string): Promise<{ host: string; port: number }> {
  const format = '{{(index .NetworkSettings.Networks "streams_production_network").IPAddress}}';
  const host = await server.docker('inspect', '--format', format, 'streams_production_nginx');
  return { host, port: (await shop.recorded(service)).internal_port! };
}

/** The running containers of some services, both sides. */
async function containersOf(servers: readonly LabServer[], services: readonly string[]) {
  const found = await Promise.all(
    servers.flatMap((server) =>
      services.map(async (service) => {
        const labels = ['project=streams', 'role=service', `service=${service}`];
        const filters = labels.flatMap((label) => ['--filter', `label=switchyard.${label}`]);
        const ids = await server.docker('ps', '--no-trunc', '--quiet', ...filters);
        return ids
          .split('\n')
          .filter((id) => id !== '')
          .map((id) => ({ server, id }));
      }),
    ),
  );
  return found.flat();
}
