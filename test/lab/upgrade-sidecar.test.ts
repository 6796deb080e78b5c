import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RunContext } from '../../src/deploy/steps/context.ts';
import { drain } from '../../src/deploy/steps/drain.ts';
import { handOver } from '../../src/deploy/steps/hand-over.ts';
import { remove } from '../../src/deploy/steps/remove.ts';
import { stop } from '../../src/deploy/steps/stop.ts';
import { upgradeSidecar } from '../../src/deploy/steps/upgrade-sidecar.ts';
import { localProvider } from '../../src/fleet/local.ts';
import type { Server } from '../../src/fleet/server.ts';
import { poll, systemClock } from '../../src/model/clock.ts';
import { containerName, networkName, SIDECAR_ALIAS, scopeName, sidecarName } from '../../src/model/names.ts';
import type { NginxSpec } from '../../src/model/spec.ts';
import { compose, scopeWish } from '../../src/nginx/compose.ts';
import { takeNames } from '../../src/nginx/hand-over.ts';
import { ensureSidecar } from '../../src/nginx/install.ts';
import type { Route, RoutePort } from '../../src/nginx/routes.ts';
import { size } from '../e2e/size.ts';
import { contextOf } from '../unit/deploy/contexts.ts';
import { docker, dockerList } from './command.ts';
import { buildApp, buildImages, buildVariant } from './images.ts';

/**
 * The product's own steps replace a real sidecar, again and again, under all kinds of clients in its network that never try
 * anything twice.
 */

const SCOPE = { project: `upgrade${process.pid}`, environment: 'lab' };
const NETWORK = networkName(SCOPE);
const LABEL = `switchyard.lab.steps=${SCOPE.project}`;
const APPS = join(import.meta.dirname, 'apps');
const HERE = { name: 'here', host: 'localhost', port: 0, user: '', zone: 'default', hostKeys: [] };
const REPOSITORY = 'example.com/shop';
const UPGRADES = size.isFull ? 10 : 2;
/** What is held lives for so long. */
const HELD_MS = 4_000;

const port = (of: Partial<RoutePort>): RoutePort => ({
  protocol: 'http',
  containerPort: 3000,
  internalPort: 5_100,
  hostPort: 8_100,
  domains: [],
  provePath: '/version',
  ...of,
});
const ROUTE: Route = {
  service: 'web',
  ports: [
    port({}),
    port({ name: 'echo', protocol: 'tcp', containerPort: 4000, internalPort: 5_101, hostPort: 8_101 }),
  ],
  idleTimeoutMs: 86_400_000,
  copies: [{ server: HERE.name, slot: 'base', weight: 1 }],
};

let server: Server;
let images: string[];
let app: string;

beforeAll(async () => {
  const { nginx, node } = await buildImages(['nginx', 'node'], () => undefined);
  app = await buildApp(node!, () => undefined);
  images = await Promise.all(['one', 'two'].map((ROUND) => buildVariant(nginx!, { ROUND })));
  server = await localProvider([HERE]).connect(HERE);
  await docker(['network', 'create', '--label', LABEL, NETWORK]);
  await run(containerName(SCOPE, 'web', 'base'), ['--env', 'TCP_PORT=4000', app]);
  await startSidecar();
}, 300_000);

afterAll(async () => {
  await server?.close();
  for (const label of [LABEL, `switchyard.project=${SCOPE.project}`]) {
    const ids = await dockerList(['ps', '--all', '--quiet', '--filter', `label=${label}`]);
    if (ids.length > 0) await docker(['rm', '--force', '--volumes', ...ids]);
  }
  await docker(['network', 'rm', NETWORK]).catch(() => undefined);
  await docker(['volume', 'rm', sidecarName(SCOPE)]).catch(() => undefined);
});

function run(name: string, args: string[]): Promise<string> {
  return docker(['run', '--detach', '--name', name, '--label', LABEL, '--network', NETWORK, ...args]);
}

function settings(image: string): NginxSpec {
  return { image, keepaliveMinTimeoutMs: 2_000 };
}

/** A sidecar with the routes of the app, as a deploy leaves it. */
async function startSidecar(): Promise<void> {
  const own = { repository: REPOSITORY, aliases: [SIDECAR_ALIAS] };
  const sidecar = await ensureSidecar(server, SCOPE, settings(images[0]!), own, systemClock);
  const { tree } = await sidecar.look(scopeName(SCOPE), systemClock);
  const facts = { scope: SCOPE, repository: REPOSITORY, routes: [ROUTE], on: HERE, servers: [HERE] };
  const next = compose('sidecar', tree, scopeWish('sidecar', { ...facts, settings: settings(images[0]!) }));
  await sidecar.stage(next);
  await sidecar.commit(next.folder, systemClock);
  await sidecar.awaitGeneration(scopeName(SCOPE), next.generation, systemClock);
}

async function context(image: string): Promise<RunContext> {
  const made = await contextOf([server], { clock: systemClock });
  return { ...made, scope: SCOPE, repository: REPOSITORY, nginx: settings(image) };
}

/** Upgrades the sidecar as a run does, and returns how long the new one took to have the name alone. */
async function upgrade(image: string): Promise<number> {
  const { Id: id = '' } = await server.engine.inspectContainer(sidecarName(SCOPE));
  const old = { id, name: sidecarName(SCOPE) };
  const to = await context(image);
  const begun = performance.now();
  await upgradeSidecar.run({ kind: 'upgrade sidecar', server: 'here', old, changes: [] }, to);
  await handOver.run({ kind: 'hand over', server: 'here', old }, to);
  const took = performance.now() - begun;
  const leaving = { service: 'nginx', server: 'here', ...old };
  await drain.run({ kind: 'drain', ...leaving, ports: undefined, timeoutMs: 60_000 }, to);
  expect(to.known.cut).toBe(0);
  await stop.run({ kind: 'stop', ...leaving, graceMs: 10_000 }, to);
  await remove.run({ kind: 'remove', ...leaving, helpers: [] }, to);
  return took;
}

/** What the clients have sent and lost until they are told to stop. */
async function endClients(name: string): Promise<{ sent: Record<string, number>; lost: string[] }> {
  await docker(['kill', '--signal', 'TERM', name]);
  await docker(['wait', name]);
  return JSON.parse((await docker(['logs', name])).trim().split('\n').at(-1)!);
}

test(`${UPGRADES} upgrades in a row lose nothing of anybody`, async () => {
  const clients = `${SCOPE.project}-clients`;
  await run(clients, [
    ...['--env', `HELD_MS=${HELD_MS}`, '--volume', `${APPS}/dependents:/clients:ro`],
    ...[app, 'node', '/clients/client.mjs'],
  ]);
  await sleep(3_000);

  const took: number[] = [];
  for (let round = 0; round < UPGRADES; round++) {
    const image = images[(round + 1) % 2]!;
    took.push(Math.round(await upgrade(image)));
    const { Config } = await server.engine.inspectContainer(sidecarName(SCOPE));
    expect(Config?.Image).toBe(image);
    await sleep(1_000);
  }

  const { sent, lost } = await endClients(clients);
  console.log(
    `${UPGRADES} upgrades of a sidecar, ${took.join(', ')} ms: ${JSON.stringify(sent)}, ${lost.length} lost`,
  );
  expect(lost).toEqual([]);
  expect(Object.keys(sent)).toHaveLength(6);
  for (const count of Object.values(sent)) expect(count).toBeGreaterThan(5);
  const beside = await dockerList([
    'ps',
    '--all',
    '--format',
    '{{.Names}}',
    '--filter',
    `name=${sidecarName(SCOPE)}`,
  ]);
  expect(beside).toEqual([sidecarName(SCOPE)]);
}, 600_000);

test('who loses its name goes on connecting to others without a gap', async () => {
  const client = ['--volume', `${APPS}/dependents:/clients:ro`, app, 'node', '/clients/connector.mjs'];
  // A gap of a tenth of a millisecond is seen by one in two.
  for (const busy of ['one', 'another', 'a-third'].map((word) => `${SCOPE.project}-${word}`)) {
    await run(busy, ['--env', `HOST=${containerName(SCOPE, 'web', 'base')}`, ...client]);
    const hasBegun = async () => (await docker(['logs', busy])).includes('connected') || undefined;
    await poll(systemClock, { everyMs: 50, timeoutMs: 20_000 }, hasBegun);
    const { Id: id = '' } = await server.engine.inspectContainer(busy);

    await takeNames(server, SCOPE, { id, name: busy }, images[0]!, systemClock);

    const { sent, lost } = await endClients(busy);
    expect(lost).toEqual([]);
    expect(sent.connections).toBeGreaterThan(1_000);
  }
}, 120_000);
