import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RunContext } from '../../src/deploy/steps/context.ts';
import { drain } from '../../src/deploy/steps/drain.ts';
import { healthy } from '../../src/deploy/steps/healthy.ts';
import { stop } from '../../src/deploy/steps/stop.ts';
import { localProvider } from '../../src/fleet/local.ts';
import type { Server } from '../../src/fleet/server.ts';
import { systemClock } from '../../src/model/clock.ts';
import { networkName } from '../../src/model/names.ts';
import type { Healthcheck } from '../../src/model/spec.ts';
import { contextOf, writtenLog } from '../unit/deploy/contexts.ts';
import { docker, dockerList } from './command.ts';
import { buildImages } from './images.ts';

/** The product's own steps on real containers of apps that are difficult, on this machine's engine: side by side, since each waits. */

const SCOPE = { project: `difficult${process.pid}`, environment: 'lab' };
const NETWORK = networkName(SCOPE);
const LABEL = `switchyard.lab.steps=${SCOPE.project}`;
const APPS = join(import.meta.dirname, 'apps');
const HERE = { name: 'here', host: 'localhost', port: 0, user: '', zone: 'default', hostKeys: [] };
const PATIENT = { intervalMs: 200, timeoutMs: 2_000, retries: 30, startPeriodMs: 1_000 };
const HASTY = { intervalMs: 200, timeoutMs: 2_000, retries: 1, startPeriodMs: 500 };

let server: Server;
let images: Record<string, string>;
const log = writtenLog();

beforeAll(async () => {
  images = await buildImages(['nginx', 'node'], () => undefined);
  await docker(['network', 'create', '--label', LABEL, NETWORK]);
  server = await localProvider([HERE]).connect(HERE);
}, 120_000);

afterAll(async () => {
  await server?.close();
  const ids = await dockerList(['ps', '--all', '--quiet', '--filter', `label=${LABEL}`]);
  if (ids.length > 0) await docker(['rm', '--force', '--volumes', ...ids]);
  await docker(['network', 'rm', NETWORK]).catch(() => undefined);
});

/** Starts an app, and returns the name of its container. */
async function start(name: string, environment: Record<string, string>, ...more: string[]): Promise<string> {
  const container = `${SCOPE.project}-${name}`;
  const variables = Object.entries(environment).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
  const how = [
    '--detach',
    '--name',
    container,
    '--label',
    LABEL,
    '--network',
    NETWORK,
    ...variables,
    ...more,
  ];
  await docker([
    'run',
    ...how,
    '--volume',
    `${APPS}/difficult:/app:ro`,
    images.node!,
    'node',
    '/app/server.mjs',
  ]);
  return container;
}

/** What the steps of a run have that begins now. */
async function context(): Promise<RunContext> {
  const made = await contextOf([server], { clock: systemClock, log });
  return { ...made, scope: SCOPE, nginx: { ...made.nginx, image: images.nginx! } };
}

/** Waits for the health of an app, as a deploy does. */
async function awaitHealth(name: string, healthcheck: Partial<Healthcheck>, host = 'app.example.com') {
  const check = { kind: 'http', path: '/up', ...PATIENT, ...healthcheck } as const;
  const copy = {
    service: 'app',
    server: 'here',
    slot: 'base',
    name,
    containerPort: 3000,
    protocol: 'http',
  } as const;
  await healthy.run({ kind: 'healthy', ...copy, healthcheck: check, host }, await context());
}

test.concurrent('an app that starts slowly has the time that it is given', async () => {
  const name = await start('slow', { START_MS: '8000' });
  await expect(awaitHealth(name, HASTY)).rejects.toThrow(/was not healthy within .* no port at all/);
  await awaitHealth(name, {});
});

test.concurrent('an app that takes its own host only is asked with it', async () => {
  const name = await start('bound', { HOSTS: 'app.example.com' });
  await awaitHealth(name, {});
  await expect(awaitHealth(name, HASTY, 'other.example.com')).rejects.toMatchObject({
    message: expect.stringContaining('GET /up answered 400 to the host other.example.com'),
    hint: expect.stringContaining('ALLOWED_HOSTS'),
  });
});

test.concurrent.each([
  ['127.0.0.1', 'of 127.0.0.1 only'],
  ['::1', 'of ::1 only'],
  ['::', 'of IPv6 addresses only'],
])(
  'an app that listens on %s alone is told so, also when its own command finds it',
  async (address, where) => {
    const name = await start(
      `local-${address.replaceAll(/\W/g, '')}`,
      { LISTEN: address },
      '--sysctl',
      'net.ipv6.conf.all.disable_ipv6=0',
    );
    const told = {
      message: expect.stringContaining(`was not healthy: the app listens on port 3000 ${where}`),
    };
    await expect(awaitHealth(name, {})).rejects.toMatchObject(told);
    const ask = `fetch('http://${address.includes(':') ? `[${address}]` : address}:3000/').then(() => process.exit(0))`;
    await expect(
      awaitHealth(name, { kind: 'command', test: ['CMD', 'node', '-e', ask] }),
    ).rejects.toMatchObject(told);
  },
  60_000,
);

test.concurrent('an app that does not hear SIGTERM is stopped when its grace is over', async () => {
  const name = await start('deaf', { DEAF: '1' });
  await awaitHealth(name, {});
  const id = (await server.engine.inspectContainer(name)).Id!;
  const begun = performance.now();
  await stop.run({ kind: 'stop', service: 'app', server: 'here', id, name, graceMs: 1_000 }, await context());
  expect(performance.now() - begun).toBeGreaterThanOrEqual(900);
  expect((await server.engine.inspectContainer(id)).State).toMatchObject({ Running: false, ExitCode: 137 });
});

test.concurrent('data that stands under the name of a host is there again in a container with the same name', async () => {
  const volume = ['--volume', `${SCOPE.project}-data:/data`, '--hostname', 'broker'];
  const ask = async (name: string, path: string) => {
    await awaitHealth(name, {});
    const { NetworkSettings } = await server.engine.inspectContainer(name);
    const address = NetworkSettings?.Networks?.[NETWORK]?.IPAddress ?? '';
    return JSON.parse((await server.http.get({ address, port: 3000, path }, 5_000)).body) as {
      value: string;
    };
  };
  const first = await start('data-1', {}, ...volume);
  await ask(first, '/data?put=kept');
  await docker(['rm', '--force', first]);
  expect(await ask(await start('data-2', {}, ...volume), '/data')).toMatchObject({
    host: 'broker',
    value: 'kept',
  });
  const other = await start('data-3', {}, '--volume', `${SCOPE.project}-data:/data`);
  expect(await ask(other, '/data')).toMatchObject({ value: null });
  await docker(['rm', '--force', `${SCOPE.project}-data-2`, other]);
  await docker(['volume', 'rm', `${SCOPE.project}-data`]);
});

test.concurrent('an app that keeps connections for ever does not hold a drain without limit', async () => {
  const name = await start('leaky', { LEAK: '1' });
  await awaitHealth(name, {});
  const { Id: id = '', NetworkSettings } = await server.engine.inspectContainer(name);
  const address = NetworkSettings?.Networks?.[NETWORK]?.IPAddress ?? '';
  const streams = await Promise.all(Array.from({ length: 25 }, () => server.dial(address, 3000)));
  for (const stream of streams) stream.destroy();
  const begun = performance.now();
  const target = { service: 'app', id, name, ports: [3000], timeoutMs: 0 };
  await drain.run({ kind: 'drain', server: 'here', ...target }, await context());
  expect(performance.now() - begun).toBeLessThan(20_000);
  expect(log.lines.join('\n')).toMatch(
    /did not wait for \d+ connections that app left half-open \(CLOSE_WAIT\)/,
  );
});
