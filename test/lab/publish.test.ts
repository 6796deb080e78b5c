import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { localProvider } from '../../src/fleet/local.ts';
import type { Server } from '../../src/fleet/server.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { Slot } from '../../src/model/copy.ts';
import { containerName, networkName, sidecarName } from '../../src/model/names.ts';
import { compose, firstFiles, scopeWish } from '../../src/nginx/compose.ts';
import { CONTROL_ACCESS_FILE, renderControlAccess, renderFlagAccess } from '../../src/nginx/control.ts';
import { PROBE_ACCESS_FILE, renderProbeAccess } from '../../src/nginx/edge-options.ts';
import { NginxInstance, readTree } from '../../src/nginx/instance.ts';
import { prove } from '../../src/nginx/prove.ts';
import { publishedAddress } from '../../src/nginx/published.ts';
import type { NginxKind, Route, RoutePort } from '../../src/nginx/routes.ts';
import { KEYS_FOLDER } from '../../src/nginx/tls.ts';
import { CONFIG_FOLDER, FLAG_ACCESS_FILE } from '../../src/nginx/tree.ts';
import { docker, dockerList } from './command.ts';
import { buildImages } from './images.ts';

/** Published ports behind a real edge and a real sidecar, with the product's own configuration, on this machine's engine. */

const SCOPE = { project: `pub${process.pid}`, environment: 'lab' };
const NETWORK = networkName(SCOPE);
const LABEL = `switchyard.lab.publish=${SCOPE.project}`;
const APP = join(import.meta.dirname, 'apps', 'published');
const HERE = { name: 'here', host: 'localhost', port: 0, user: '', zone: 'default', hostKeys: [] };
const SETTINGS = { image: 'nginx', keepaliveMinTimeoutMs: 2_000 };
const TCP: RoutePort = {
  protocol: 'tcp',
  containerPort: 1883,
  internalPort: 5100,
  hostPort: 8100,
  domains: [],
  published: { numbers: [1883, 8883] },
  provePath: '/',
};
const UDP: RoutePort = {
  ...TCP,
  name: 'udp-5353',
  protocol: 'udp',
  containerPort: 5353,
  internalPort: 5101,
  hostPort: 8101,
  published: { numbers: [53], responses: 1 },
};
/** nginx's master sleeps 0.1 s before it tells old workers to go; the rest of a second is a slow machine. */
const OLD_WORKERS_ACCEPT_MS = 1_000;

let server: Server;
let images: Record<string, string>;
let sidecar: NginxInstance;
let edge: NginxInstance;

beforeAll(async () => {
  images = await buildImages(['nginx', 'node'], () => undefined);
  await docker(['network', 'create', '--label', LABEL, NETWORK]);
  server = await localProvider([HERE]).connect(HERE);
  await Promise.all([startApp('base'), startApp('secondary')]);
  [sidecar, edge] = await Promise.all([
    startNginx('sidecar', sidecarName(SCOPE)),
    startNginx('edge', `${SCOPE.project}-edge`),
  ]);
  const [{ generation }] = await Promise.all([serve(sidecar, 'base'), serve(edge, 'base')]);
  await proveAll('base', generation);
}, 180_000);

afterAll(async () => {
  await server?.close();
  const ids = await dockerList(['ps', '--all', '--quiet', '--filter', `label=${LABEL}`]);
  if (ids.length > 0) await docker(['rm', '--force', '--volumes', ...ids]);
  await docker(['network', 'rm', NETWORK]).catch(() => undefined);
});

const addressOf = (container: string) =>
  docker(['inspect', '--format', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', container]);

async function startApp(slot: Slot): Promise<void> {
  const name = containerName(SCOPE, 'mqtt', slot);
  const how = [
    '--detach',
    '--name',
    name,
    '--label',
    LABEL,
    '--network',
    NETWORK,
    '--volume',
    `${APP}:/app:ro`,
  ];
  const told = ['--env', `NAME=${slot}`, '--env', 'ANSWER_MS=2'];
  await docker(['run', ...how, ...told, images.node!, 'node', '/app/server.mjs']);
}

async function startNginx(kind: NginxKind, name: string): Promise<NginxInstance> {
  const how = ['--name', name, '--label', LABEL, '--network', NETWORK, '--entrypoint', 'nginx'];
  const command = ['-c', `${CONFIG_FOLDER}/nginx.conf`, '-g', 'daemon off;'];
  const volumes = ['--volume', CONFIG_FOLDER, '--volume', KEYS_FOLDER];
  const id = await docker(['create', ...how, ...volumes, images.nginx!, ...command]);
  const gateway = await docker([
    'network',
    'inspect',
    '--format',
    '{{range .IPAM.Config}}{{.Gateway}}{{end}}',
    NETWORK,
  ]);
  const files = firstFiles(kind, SCOPE, SETTINGS);
  files.set(FLAG_ACCESS_FILE, renderFlagAccess(randomBytes(8).toString('hex')));
  files.set(PROBE_ACCESS_FILE, renderProbeAccess(randomBytes(8).toString('hex')));
  files.set(CONTROL_ACCESS_FILE, renderControlAccess(gateway));
  await server.engine.writeFiles(id, CONFIG_FOLDER, files);
  await docker(['start', id]);
  const instance = new NginxInstance(kind, server, { id, name, address: await addressOf(id) });
  for (let tries = 0; tries < 100; tries++) {
    if (await instance.version().catch(() => undefined)) return instance;
    await sleep(100);
  }
  throw new Error(`${name} does not answer`);
}

function routeTo(slot: Slot): Route {
  const copies = [{ server: 'here', slot, weight: 1 }];
  return { service: 'mqtt', ports: [TCP, UDP], idleTimeoutMs: 60_000, copies };
}

/** Has an nginx serve a side, as the steps of a run do; returns when it was told to, and by which generation it is known. */
async function serve(instance: NginxInstance, slot: Slot): Promise<{ toldAt: number; generation: string }> {
  const routes = [routeTo(slot)];
  const wish = scopeWish(instance.kind, {
    scope: SCOPE,
    repository: 'repo',
    settings: SETTINGS,
    routes,
    on: HERE,
    servers: [HERE],
  });
  const next = compose(instance.kind, await readTree(server, instance.id), wish);
  await instance.stage(next);
  const toldAt = Date.now();
  await instance.commit(next.folder, systemClock);
  await instance.awaitGeneration(next.scope, next.generation, systemClock);
  return { toldAt, generation: next.generation };
}

/** Proves a side as a run does: at the sidecar both ports, at the edge what it passes on by tcp. */
async function proveAll(slot: Slot, generation: string): Promise<void> {
  const address = await addressOf(containerName(SCOPE, 'mqtt', slot));
  for (const port of [TCP, UDP]) {
    const own = [`${address}:${port.containerPort}`];
    await prove(sidecar, SCOPE, generation, { service: 'mqtt', port, own, all: own }, systemClock);
  }
  const all = [publishedAddress(SCOPE, TCP)];
  const published = { service: 'mqtt', port: TCP, own: all, all, isPublished: true } as const;
  await prove(edge, SCOPE, '', published, systemClock);
}

interface Seen {
  datagrams: number;
  connectedAt: number;
  connections: number;
}

/** What an app has seen, asked directly. */
async function seenBy(slot: Slot): Promise<Seen> {
  const socket = connect(9000, await addressOf(containerName(SCOPE, 'mqtt', slot)));
  let text = '';
  socket.on('data', (piece) => {
    text += piece;
  });
  await once(socket, 'close');
  return JSON.parse(text) as Seen;
}

async function openConnection(port: number): Promise<Socket> {
  const socket = connect(port, edge.address);
  await once(socket, 'connect');
  return socket;
}

/** say sends a word on a connection, and returns what comes back. */
async function say(socket: Socket, word: string): Promise<string> {
  const answer = once(socket, 'data');
  socket.write(word);
  const closed = once(socket, 'close').then(() => ['closed']);
  return String((await Promise.race([answer, closed]))[0]);
}

/** Clients that come all the time, each once: none of them ever tries again. */
class Clients {
  readonly tcp = { sent: 0, lost: [] as string[] };
  readonly asked = { sent: 0, answered: 0 };
  datagrams = 0;
  #isOver = false;
  #open: Promise<void>[] = [];
  readonly #udp = createSocket('udp4');
  readonly #loops: Promise<void>[];

  constructor() {
    this.#loops = [
      this.#loop(() => this.#connect()),
      this.#loop(() => this.#tell()),
      this.#loop(() => this.#ask()),
    ];
  }

  async #loop(send: () => void): Promise<void> {
    while (!this.#isOver) {
      send();
      await sleep(4);
    }
  }

  #connect(): void {
    const word = `w${this.tcp.sent++}`;
    const client = async () => {
      const socket = await openConnection(this.tcp.sent % 2 === 0 ? 1883 : 8883);
      const answer = await say(socket, word);
      socket.destroy();
      if (!answer.endsWith(` ${word}`)) this.tcp.lost.push(answer);
    };
    this.#open.push(client().catch((error: Error) => void this.tcp.lost.push(error.message)));
  }

  /** A datagram that wants no answer, from a client that sends many. */
  #tell(): void {
    this.datagrams += 1;
    this.#udp.send(`!${this.datagrams}`, 53, edge.address);
  }

  /** A question, from a client that has no other. */
  #ask(): void {
    this.asked.sent += 1;
    const socket = createSocket('udp4');
    const giveUp = setTimeout(() => socket.close(), 3_000).unref();
    socket.once('message', () => {
      this.asked.answered += 1;
      clearTimeout(giveUp);
      socket.close();
    });
    socket.on('error', () => undefined);
    socket.send(`?${this.asked.sent}`, 53, edge.address);
  }

  async end(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await Promise.all(this.#loops);
    await Promise.all(this.#open);
    await sleep(500);
    this.#udp.close();
  }
}

describe('under clients that come all the time and never try again', () => {
  const started: Clients[] = [];
  const newClients = () => {
    const clients = new Clients();
    started.push(clients);
    return clients;
  };

  // Those of a story that has failed would be counted in the next one, and come for ever.
  afterEach(async () => {
    await Promise.all(started.splice(0).map((clients) => clients.end()));
  });

  test('toggles of the sidecar lose no connection and no datagram, and what is open stays', async () => {
    const before = (await seenBy('base')).datagrams + (await seenBy('secondary')).datagrams;
    const clients = newClients();
    await sleep(300);
    const long = await openConnection(1883);
    expect(await say(long, 'first')).toBe('base first');
    let last = 'base';
    for (const slot of ['secondary', 'base', 'secondary'] as const) {
      const { toldAt, generation } = await serve(sidecar, slot);
      await proveAll(slot, generation);
      const provenAt = Date.now();
      await sleep(1_500);
      // A drain begins with the proof, and counts a second after the switch at the earliest: then nothing new comes.
      const old = await seenBy(last as Slot);
      expect(old.connectedAt).toBeLessThan(Math.max(toldAt + OLD_WORKERS_ACCEPT_MS, provenAt));
      last = slot;
    }
    // Three generations later: it is in the hands of the first workers.
    expect(await say(long, 'again')).toBe('base again');
    long.destroy();
    await clients.end();
    const after = (await seenBy('base')).datagrams + (await seenBy('secondary')).datagrams;
    process.stderr.write(
      `${JSON.stringify({ ...clients, udp: { sent: clients.datagrams + clients.asked.sent, arrived: after - before } })}\n`,
    );
    expect(clients.tcp.lost).toEqual([]);
    expect(clients.tcp.sent).toBeGreaterThan(100);
    expect(after - before).toBe(clients.datagrams + clients.asked.sent);
  }, 120_000);

  test('the edge reads another configuration, and neither connections nor datagrams are lost', async () => {
    const before = (await seenBy('base')).datagrams + (await seenBy('secondary')).datagrams;
    const clients = newClients();
    await sleep(300);
    for (let turn = 0; turn < 3; turn++) {
      await edge.commit((await readTree(server, edge.id)).live, systemClock);
      await sleep(700);
    }
    await clients.end();
    const after = (await seenBy('base')).datagrams + (await seenBy('secondary')).datagrams;
    process.stderr.write(`${JSON.stringify({ ...clients, arrived: after - before })}\n`);
    expect(clients.tcp.lost).toEqual([]);
    expect(after - before).toBe(clients.datagrams + clients.asked.sent);
  }, 120_000);

  test('what the edge serves does not change with the side that has the traffic', async () => {
    const contents = (slot: Slot) =>
      scopeWish('edge', {
        scope: SCOPE,
        repository: 'repo',
        settings: SETTINGS,
        routes: [routeTo(slot)],
        on: HERE,
        servers: [HERE],
      }).files;
    expect(contents('base')).toEqual(contents('secondary'));
  });
});
