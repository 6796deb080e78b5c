import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { EdgeOptions } from '../../src/model/edge-options.ts';
import type { MaintenanceSpec } from '../../src/model/spec.ts';
import { PROBE_HEADER } from '../../src/nginx/edge-options.ts';
import { maintenanceFlag } from '../../src/nginx/standing-flags.ts';
import { type Front, startFront } from './front.ts';

const SHOP = { project: 'shop', environment: 'production' };
const PAGE = '<!doctype html><title>Own</title><p>$5 "off" when we\'re back {soon}; \\o/</p>\n';
const own: MaintenanceSpec = { isOn: true, allow: [], retryAfterMs: 90_500, status: 503, page: PAGE };
const pass = (range: string): MaintenanceSpec => ({ ...own, allow: [range] });
/** Its edge options keep everybody out who has no password; its maintenance has pages of its own. */
const LOCKED: EdgeOptions = {
  basicAuth: { ops: '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=' },
  errorPages: { 401: 'no password', 503: 'no copy' },
  cors: {
    origins: ['https://app.example.com'],
    methods: ['GET'],
    headers: [],
    expose: [],
    credentials: false,
    maxAgeSeconds: 60,
  },
};

describe('maintenance at a real edge', () => {
  let front: Front;
  let gateway: string;
  const flag = (service: string) => `/etc/switchyard/flags/${maintenanceFlag(SHOP, service)}`;
  const switchOn = (service: string) => front.exec('touch', flag(service));
  const switchOff = (service: string) => front.exec('rm', flag(service));

  beforeAll(async () => {
    front = await startFront('edge', [
      { name: 'app' },
      { name: 'by-file', route: { maintenance: own }, isAway: true },
      { name: 'let-in', route: { maintenance: pass('0.0.0.0/0') } },
      { name: 'kept-out', route: { maintenance: pass('203.0.113.0/24') }, isAway: true },
      { name: 'locked', route: { maintenance: own, edge: LOCKED }, isAway: true },
    ]);
    gateway = (await front.ask('/echo')).body;
  }, 120_000);

  afterAll(async () => {
    await front?.down();
  });

  test('is switched on and off by a flag, from the next request on', async () => {
    await switchOn('app');
    expect(await front.ask('/any?x=1')).toMatchObject({
      status: 503,
      headers: {
        'retry-after': '600',
        'cache-control': 'no-store',
        'content-type': 'text/html; charset=utf-8',
      },
      body: expect.stringContaining('We will be right back'),
    });
    await switchOff('app');
    expect((await front.ask('/echo')).status).toBe(200);
  });

  test.each(['GET', 'POST', 'PUT', 'DELETE'])(
    'answers %s with the page of the repository',
    async (method) => {
      const body = method === 'GET' ? undefined : 'x'.repeat(2_000_000);
      const headers = body === undefined ? {} : { 'content-length': body.length };
      const answer = await front.ask('/orders', { app: 'by-file', method, headers, ...(body && { body }) });
      expect(answer).toMatchObject({ status: 503, body: PAGE, headers: { 'retry-after': '91' } });
    },
  );

  test('answers HEAD without a body', async () => {
    const { status, body } = await front.ask('/', { app: 'by-file', method: 'HEAD' });
    expect([status, body]).toEqual([503, '']);
  });

  test.each([
    ['application/json', 'json'],
    ['application/problem+json, application/json;q=0.9', 'json'],
    ['text/html,application/json', 'html'],
    ['application/json, */*', 'html'],
    ['', 'html'],
  ])('to those who accept %j it is %s', async (accept, form) => {
    const { status, headers, body } = await front.ask('/', { app: 'by-file', headers: { accept } });
    expect(status).toBe(503);
    expect(headers['content-type']).toContain(form);
    if (form === 'json')
      expect(JSON.parse(body)).toEqual({ status: 503, error: 'maintenance', retry_after: 91 });
  });

  test('lets those in whose address is allowed, and nobody who only says so', async () => {
    expect(gateway).toContain('"');
    expect((await front.ask('/echo', { app: 'let-in' })).status).toBe(200);
    const headers = { 'x-forwarded-for': '203.0.113.9', 'x-real-ip': '203.0.113.9' };
    expect((await front.ask('/echo', { app: 'kept-out', headers })).status).toBe(503);
  });

  test('balancers and certificate authorities are answered as ever', async () => {
    const health = await front.ask('/.well-known/switchyard/health', { app: 'by-file' });
    expect([health.status, health.body]).toEqual([200, 'ok\n']);
    expect((await front.ask('/.well-known/acme-challenge/token', { app: 'by-file' })).status).not.toBe(503);
  });

  test('a run sees what the app answers', async () => {
    const headers = { [PROBE_HEADER]: 'open' };
    await switchOn('app');
    expect((await front.ask('/echo', { headers })).status).toBe(200);
    expect((await front.ask('/echo')).status).toBe(503);
    await switchOff('app');
  });

  test('the page comes before the password, and has the headers of the service', async () => {
    const answer = await front.ask('/any', {
      app: 'locked',
      headers: { origin: 'https://app.example.com' },
    });
    expect(answer).toMatchObject({
      status: 503,
      body: PAGE,
      headers: {
        'x-content-type-options': 'nosniff',
        'access-control-allow-origin': 'https://app.example.com',
        'retry-after': '91',
      },
    });
  });

  test('its own answers cannot be asked for', async () => {
    for (const form of ['html', 'json'])
      expect((await front.ask(`/.well-known/switchyard/maintenance.${form}`)).status).toBe(404);
  });

  test('a stream that is open stays open', async () => {
    const socket = connect(80, front.address);
    socket.write(
      'GET /events?count=6&every=200 HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n',
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    await switchOn('app');
    const pieces: Buffer[] = [];
    socket.on('data', (piece) => pieces.push(piece));
    await once(socket, 'close');
    await switchOff('app');
    expect(Buffer.concat(pieces).toString()).toMatch(/^HTTP\/1\.1 200/);
  });
});
