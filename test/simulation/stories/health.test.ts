import { expect, test } from '@jest/globals';
import type { Healthcheck } from '../../../src/model/spec.ts';
import type { HttpRequest } from '../world/container.ts';
import type { App } from '../world/image.ts';
import { deployed } from './deployed.ts';
import { type ServiceChanges, service, shop } from './specs.ts';
import { failureOf } from './story.ts';

/** How a new container proves that it is healthy, and what is said of one that does not. */

const MINUTE_MS = 60_000;
const SHORT = { intervalMs: 1_000, timeoutMs: 1_000, retries: 3, startPeriodMs: 0 };
const api = (image: string, healthcheck: Partial<Healthcheck> = {}, changes: ServiceChanges = {}) =>
  shop([
    service('api', {
      image,
      policy: { healthcheck: { kind: 'default', ...SHORT, ...healthcheck } },
      ...changes,
    }),
  ]);

/** Deploys an app beside a good one; it returns why that failed. */
async function failing(app: App, healthcheck: Partial<Healthcheck> = {}) {
  const world = await deployed(api('api:1'));
  world.registry.define('api:2', app);
  const failure = failureOf(await world.tryDeploy(api('api:2', healthcheck)));
  expect(world.serving('api')).toBe('shop_production_api');
  return failure;
}

test('a start period of ten minutes is ten minutes', async () => {
  const world = await deployed(api('api:1'));
  world.registry.define('api:2', { bootMs: 9 * MINUTE_MS });
  await world.deploy(api('api:2', { startPeriodMs: 10 * MINUTE_MS, intervalMs: 20_000 }));
  expect(world.serving('api')).toBe('shop_production_api_secondary');
});

test("an image's own HEALTHCHECK says how long its app may take, unless the file does", async () => {
  const world = await deployed(api('api:1'));
  const healthcheck = ['CMD', 'ready'];
  const healthTimes = { StartPeriod: 5 * MINUTE_MS * 1e6, Interval: 20e9 };
  world.registry.define('api:2', { bootMs: 4 * MINUTE_MS, healthcheck, healthTimes });
  await world.deploy(api('api:2', { unsaid: ['startPeriodMs', 'intervalMs'] }));
  expect(world.runs.at(-1)!.lines).toContain(
    'shop_production_api_secondary on a has 363 s to become healthy, by the HEALTHCHECK of its image',
  );
  world.registry.define('api:3', { bootMs: 4 * MINUTE_MS, healthcheck, healthTimes });
  expect(failureOf(await world.tryDeploy(api('api:3', { unsaid: ['intervalMs'] })))).toMatchObject({
    message: expect.stringMatching(/was not healthy within \d+\.\d s: ready ended with 1 \(nobody answers\)/),
  });
});

test('an app is asked with its domain, by health check, proof and probe', async () => {
  const world = await deployed(api('api:1'));
  const seen: HttpRequest[] = [];
  const answers = (request: HttpRequest) => {
    seen.push(request);
    return undefined;
  };
  world.registry.define('api:2', { answers });
  const headers = { 'x-forwarded-proto': 'https' };
  await world.deploy(api('api:2', { kind: 'http', path: '/up', headers }));
  const asked = seen.filter(({ path }) => path === '/up');
  expect(new Set(asked.map(({ host }) => host))).toEqual(new Set(['api.example.com']));
  // The proof comes from nginx.
  expect(new Set(asked.map(({ from }) => from)).size).toBe(2);
  expect(asked.map(({ headers: sent }) => sent)).toContainEqual(headers);
});

test.each<[string, Record<string, string> | undefined, string]>([
  ['the name of the service, without a domain', undefined, 'api'],
  ['what the file says', { host: 'localhost' }, 'localhost'],
])('the host is %s', async (_what, headers, host) => {
  const world = await deployed(api('api:1', {}, { domains: [] }));
  const seen = new Set<string>();
  const answers = (request: HttpRequest) => {
    seen.add(request.host);
    return undefined;
  };
  world.registry.define('api:2', { answers });
  await world.deploy(
    api('api:2', { kind: 'http', path: '/up', ...(headers && { headers }) }, { domains: [] }),
  );
  expect(seen).toContain(host);
  expect([...seen].filter((one) => /^[\d.]+$/.test(one))).toEqual([]);
});

test('an app that does not take the host is told so, with what to do', async () => {
  const answers = ({ host }: HttpRequest) =>
    host === 'localhost' ? undefined : { status: 400, headers: {}, body: '' };
  const path = { kind: 'http', path: '/up' } as const;
  expect(await failing({ answers }, path)).toMatchObject({
    message: expect.stringContaining('GET /up answered 400 to the host api.example.com'),
    hint: expect.stringContaining('headers: { Host: … }'),
  });
  const world = await deployed(api('api:1'));
  world.registry.define('api:2', { answers });
  await world.deploy(api('api:2', { ...path, headers: { host: 'localhost' } }));
});

test('what JSON says counts, until it says what is expected', async () => {
  const world = await deployed(api('api:1'));
  let asked = 0;
  const answers = () => {
    asked += 1;
    return { status: 200, headers: {}, body: JSON.stringify({ status: asked > 3 ? 'ok' : 'starting' }) };
  };
  const healthcheck = { kind: 'http', expect: { json: { status: 'ok' } } } as const;
  world.registry.define('api:2', { answers });
  await world.deploy(api('api:2', healthcheck));
  expect(
    await failing(
      { answers: () => ({ status: 200, headers: {}, body: '{"status":"starting"}' }) },
      healthcheck,
    ),
  ).toMatchObject({ message: expect.stringContaining('answered 200, and "status" is "starting", not "ok"') });
});

test.each<[NonNullable<App['listensOn']>, string]>([
  ['127.0.0.1', '127.0.0.1 only, where nobody outside of its container reaches it'],
  ['::1', '::1 only, where nobody outside of its container reaches it'],
  ['IPv6', 'IPv6 addresses only, and it is reached by IPv4'],
])('an app that listens on %s alone is told so as soon as that is certain', async (listensOn, where) => {
  const whole = { startPeriodMs: 10_000, retries: 100 };
  const checks: Partial<Healthcheck>[] = [whole, { ...whole, kind: 'command', test: ['CMD', 'ready'] }];
  for (const healthcheck of checks) {
    expect(await failing({ listensOn, port: 3000 }, healthcheck)).toMatchObject({
      message: expect.stringContaining(`was not healthy: the app listens on port 3000 of ${where}. `),
      hint: expect.stringContaining('Let the app listen on 0.0.0.0'),
    });
  }
});

test('an app that boots within a second is found to answer within a twentieth of one', async () => {
  const world = await deployed(api('api:1'));
  world.registry.define('api:2', { bootMs: 620 });
  const { timeline } = await world.deploy(api('api:2'));
  expect(timeline.durationMs('answer', 'api', 'a')).toBeLessThan(620 + 100);
});
