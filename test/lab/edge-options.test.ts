import { type OutgoingHttpHeaders, type RequestOptions, request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { EdgeOptions } from '../../src/model/edge-options.ts';
import { type Front, type FrontApp, startFront } from './front.ts';

/** Of `open-sesame`, as `openssl passwd` and `htpasswd -B` write them. */
const HASHES = {
  bcrypt: '$2y$06$abcdefghijklmnopqrstuuzASt7gB3PMqjFAmGDNwvjsTxB9CzfXy',
  apr1: '$apr1$Zu7hzkqN$sa40jxNUo5CdAdBecGcQQ1',
  sha256: '$5$saltsalt$NWbjf9l/JYa5lKZwUXbDrYs.7gmSTsn9pl1o0TRnjc6',
  sha512:
    '$6$saltsalt$IIO3tFf9acEh.KPN8fdlOw2L4J9tP9mcGB/zidm03nlDYowG0EQh194NRIhnrsreO3tSs2RIuGbdYI1mdJPS50',
};
const OFFICE = '192.0.2.7';
const STRANGER = '198.51.100.1';
/** Where the lab's own requests come from: whom they say they are from is believed. */
const LAB = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];

const app = (name: string, edge: EdgeOptions): FrontApp => ({ name, route: { edge } });
const apps = [
  { name: 'plain' },
  app('headers', {
    headers: {
      'X-Frame-Options': null,
      'referrer-policy': 'no-referrer',
      'Content-Security-Policy': `default-src 'self'; img-src * data:`,
      'Permissions-Policy': 'geolocation=(self "https://maps.example.com")',
      'X-Robots-Tag': 'noindex',
    },
  }),
  app('small', { gzip: { types: ['application/json', 'text/event-stream'], level: 4, minBytes: 100 } }),
  app('locked', { basicAuth: { ...HASHES, 'o,d;d{$}': HASHES.apr1 } }),
  app('nobody', { basicAuth: {} }),
  app('listed', { basicAuthSecret: 'USERS' }),
  app('office', { allow: ['192.0.2.0/24'], deny: ['192.0.2.128/25'] }),
  app('banned', { deny: [STRANGER] }),
  app('either', { allow: ['192.0.2.0/24'], basicAuth: HASHES, satisfy: 'any' }),
  app('both', { allow: ['192.0.2.0/24'], basicAuth: HASHES }),
  app('slow', { rateLimit: { requests: 1, per: 'minute', burst: 2 } }),
  app('narrow', { connectionLimit: 2 }),
  app('cors', {
    cors: {
      origins: ['https://app.example.com', 'https://*.example.org'],
      methods: ['GET', 'PUT'],
      headers: ['Content-Type'],
      expose: ['X-Total'],
      credentials: true,
      maxAgeSeconds: 600,
    },
    basicAuth: HASHES,
  }),
  app('anyone', {
    cors: { origins: ['*'], methods: ['GET'], headers: [], expose: [], credentials: false, maxAgeSeconds: 0 },
  }),
  app('pages', {
    errorPages: {
      '401': '<p>Who are you? $uri "{}"',
      '403': '<p>Not you.',
      '413': '<p>Too large.',
      '429': '<p>Too many.',
      '502': '<p>We are back soon.',
      '504': '<p>It takes too long.',
    },
    deny: [STRANGER],
    basicAuth: HASHES,
    headers: { 'X-Robots-Tag': 'noindex' },
    rateLimit: { requests: 5, per: 'second', burst: 40 },
  }),
];

const as = (user: string, password = 'open-sesame') =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const from = (address: string, headers: OutgoingHttpHeaders = {}) => ({
  headers: { ...headers, 'x-forwarded-for': address },
});
const PROBE = { headers: { 'Switchyard-Token': 'open', 'x-forwarded-for': STRANGER } };
const WRONG_PROBE = { headers: { 'Switchyard-Token': 'opem', 'x-forwarded-for': STRANGER } };
const BODY = 'x'.repeat(2 * 1024 ** 2);
const HEALTH = '/.well-known/switchyard/health';

describe('the edge options of a service on a real edge', () => {
  let front: Front;
  const say = (answer: Record<string, string>) => `/say?${new URLSearchParams(answer)}`;
  const statusOf = async (name: string, asked: Parameters<Front['ask']>[1] = {}, path = '/') =>
    (await front.ask(path, { app: name, ...asked })).status;

  beforeAll(async () => {
    front = await startFront('edge', apps, { trustedProxies: LAB });
  }, 180_000);

  afterAll(async () => {
    await front?.down();
  });

  describe('headers of an answer', () => {
    test('are safe by default, on answers of the app and of the edge itself', async () => {
      const safe = {
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'SAMEORIGIN',
        'referrer-policy': 'strict-origin-when-cross-origin',
      };
      expect((await front.ask('/', { app: 'plain' })).headers).toMatchObject(safe);
      expect(await front.ask(say({ status: '404' }), { app: 'plain' })).toMatchObject({
        status: 404,
        headers: safe,
      });
      expect(await front.ask('/', { app: 'locked' })).toMatchObject({ status: 401, headers: safe });
      expect((await front.ask('/', { app: 'plain', method: 'POST', body: BODY })).headers).toMatchObject(
        safe,
      );
    });

    test("are the app's own where it sets them, and never two", async () => {
      const own = { 'X-Frame-Options': 'DENY', 'Referrer-Policy': 'origin' };
      const { headers } = await front.ask(say(own), { app: 'plain' });
      expect(headers).toMatchObject({
        'x-frame-options': 'DENY',
        'referrer-policy': 'origin',
        'x-content-type-options': 'nosniff',
      });
    });

    test('are what the service says, with one left out', async () => {
      const { headers } = await front.ask('/', { app: 'headers' });
      expect(headers).toMatchObject({
        'referrer-policy': 'no-referrer',
        'content-security-policy': `default-src 'self'; img-src * data:`,
        'permissions-policy': 'geolocation=(self "https://maps.example.com")',
        'x-robots-tag': 'noindex',
        'x-content-type-options': 'nosniff',
      });
      expect(headers).not.toHaveProperty('x-frame-options');
    });
  });

  describe('compression', () => {
    const json = say({ 'Content-Type': 'application/json', body: JSON.stringify('long '.repeat(100)) });
    const taking = { headers: { 'accept-encoding': 'gzip' } };

    test('is of what the service names, for who takes it', async () => {
      const { headers } = await front.ask(json, { app: 'small', ...taking });
      expect(headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
      expect((await front.ask(json, { app: 'small' })).headers).not.toHaveProperty('content-encoding');
      expect((await front.ask(json, { app: 'plain', ...taking })).headers).not.toHaveProperty(
        'content-encoding',
      );
    });

    test('leaves alone what the app has compressed, and what is small', async () => {
      const own = say({
        'Content-Type': 'application/json',
        'Content-Encoding': 'br',
        body: 'x'.repeat(500),
      });
      expect((await front.ask(own, { app: 'small', ...taking })).headers['content-encoding']).toBe('br');
      const little = say({ 'Content-Type': 'application/json', 'Content-Length': '2', body: '{}' });
      expect((await front.ask(little, { app: 'small', ...taking })).headers).not.toHaveProperty(
        'content-encoding',
      );
    });

    test('holds no event of a stream back', async () => {
      const options = front.optionsFor('small');
      const arrived = await firstBytes(
        { ...options, headers: { ...options.headers, ...taking.headers } },
        '/events?count=2&every=1500',
      );
      expect(arrived.afterMs).toBeLessThan(1_000);
      expect(arrived.encoding).toBe('gzip');
      expect(gunzipSync(arrived.first, { finishFlush: 2 }).toString()).toBe('data: 1\n\n');
    });
  });

  describe('passwords', () => {
    test.each(Object.keys(HASHES))('a hash of %s opens, and another password does not', async (user) => {
      expect(await statusOf('locked', { headers: { authorization: as(user) } })).toBe(200);
      expect(await statusOf('locked', { headers: { authorization: as(user, 'guess') } })).toBe(401);
    });

    test.each([
      ['GET', ''],
      ['POST', ''],
      ['POST', BODY],
      ['PUT', BODY],
      ['OPTIONS', ''],
      ['NOTIFY', ''],
    ])('%s without a password gets nowhere', async (method, body) => {
      expect(await statusOf('locked', { method, body })).toBe(401);
      const known = { headers: { authorization: as('apr1') } };
      expect(await statusOf('locked', { method, body, ...known }, '/echo')).toBe(200);
    });

    test('nobody gets in where there are no users', async () => {
      expect(await statusOf('nobody', { headers: { authorization: as('apr1') } })).toBe(401);
    });

    test('of a secret count as soon as they are put there, and for nobody but the workers', async () => {
      const put = async (path: string, text: string, token = 'open') => {
        const url = `http://${front.address}:8099/${path}/shop_production_listed`;
        return (await fetch(url, { method: 'PUT', body: text, headers: { 'switchyard-token': token } }))
          .status;
      };
      const as1 = async (user: string) => await statusOf('listed', { headers: { authorization: as(user) } });
      expect([await statusOf('listed'), await as1('anna')]).toEqual([401, 403]);
      expect(await put('users', 'x', 'opem')).toBe(403);
      expect(await put('users', `anna:${HASHES.apr1}\n`)).toBe(201);
      expect([await as1('anna'), await as1('berta')]).toEqual([200, 401]);
      expect(await put('users', `berta:${HASHES.bcrypt}\n`)).toBe(204);
      expect([await as1('anna'), await as1('berta')]).toEqual([401, 200]);
      const listed = await front.exec('ls', '-l', '/etc/switchyard_keys/user_lists');
      expect(listed).toMatch(/-rw------- .* (?:nginx|www-data|nobody) .* shop_production_listed/);
      const asked = { headers: { 'switchyard-token': 'open' } };
      expect((await fetch(`http://${front.address}:8099/users/shop_production_listed`, asked)).status).toBe(
        405,
      );
    });

    test('the file with them cannot be asked for', async () => {
      const { body } = await front.ask('/.well-known/switchyard/pages/../users/shop_production_locked', {
        app: 'pages',
        headers: { authorization: as('apr1') },
      });
      expect(body).not.toContain('$apr1$');
    });
  });

  describe('addresses', () => {
    test.each([
      ['office', OFFICE, 200],
      ['office', '192.0.2.200', 403],
      ['office', STRANGER, 403],
      ['banned', STRANGER, 403],
      ['banned', OFFICE, 200],
      ['either', OFFICE, 200],
      ['either', STRANGER, 401],
      ['both', OFFICE, 401],
      ['both', STRANGER, 403],
    ])('%s answers %s with %i', async (name, address, status) => {
      for (const [method, body] of [['GET'], ['POST'], ['POST', BODY], ['NOTIFY']] as const)
        expect([
          method,
          await statusOf(name, { method, ...(body && { body }), ...from(address) }, '/echo'),
        ]).toEqual([method, status]);
    });

    test.each([
      ['either', STRANGER],
      ['both', OFFICE],
    ])('%s lets %s in with a password', async (name, address) => {
      expect(await statusOf(name, from(address, { authorization: as('apr1') }))).toBe(200);
    });

    test('who is not allowed gets nowhere with a password', async () => {
      expect(await statusOf('both', from(STRANGER, { authorization: as('apr1') }))).toBe(403);
    });
  });

  describe('limits', () => {
    test('a client gets what it may, and then 429; another one is not held up', async () => {
      const statuses = await inTurn(5, () => statusOf('slow', from('203.0.113.1')));
      expect(statuses).toEqual([200, 200, 200, 429, 429]);
      expect(await statusOf('slow', from('203.0.113.2'))).toBe(200);
    });

    test('a request that is sent on within the edge counts once', async () => {
      const post = () => statusOf('slow', { method: 'POST', body: BODY, ...from('203.0.113.3') }, '/echo');
      expect(await inTurn(4, post)).toEqual([200, 200, 200, 429]);
    });

    test('so many requests of a client are served at the same time', async () => {
      const waiting = () => statusOf('narrow', from('203.0.113.4'), '/pause?ms=1000');
      const statuses = await Promise.all([waiting(), waiting(), waiting(), waiting()]);
      expect(statuses.sort()).toEqual([200, 200, 429, 429]);
      expect(await statusOf('narrow', from('203.0.113.4'))).toBe(200);
    });
  });

  describe('a probe of a run', () => {
    test.each(['locked', 'nobody', 'office', 'banned', 'both', 'either', 'slow', 'narrow', 'cors', 'pages'])(
      'gets past the options of %s',
      async (name) => {
        expect(await inTurn(5, () => statusOf(name, PROBE))).toEqual([200, 200, 200, 200, 200]);
        expect(await statusOf(name, { ...PROBE, method: 'POST', body: BODY }, '/echo')).toBe(200);
      },
    );

    test('is known by its token alone', async () => {
      expect(await statusOf('locked', WRONG_PROBE)).toBe(401);
      expect(await statusOf('banned', WRONG_PROBE)).toBe(403);
    });

    test('tells the app nothing of its token', async () => {
      expect((await front.ask('/echo', { app: 'locked', ...PROBE })).body.toLowerCase()).not.toContain(
        'switchyard-token',
      );
    });
  });

  test.each(['locked', 'banned', 'both', 'slow', 'pages'])(
    'the health of the server is told at %s too',
    async (name) => {
      expect(await inTurn(5, () => statusOf(name, from(STRANGER), HEALTH))).toEqual([
        200, 200, 200, 200, 200,
      ]);
    },
  );

  describe('other sites', () => {
    const APP = { origin: 'https://app.example.com' };
    const asking = (origin: string) => ({
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'PUT' },
    });

    test.each(['https://app.example.com', 'https://a.b.example.org'])(
      '%s is answered beforehand, without a password',
      async (origin) => {
        const { status, headers } = await front.ask('/', { app: 'cors', ...asking(origin) });
        expect(status).toBe(204);
        expect(headers).toMatchObject({
          'access-control-allow-origin': origin,
          'access-control-allow-credentials': 'true',
          'access-control-allow-methods': 'GET, PUT',
          'access-control-allow-headers': 'Content-Type',
          'access-control-max-age': '600',
        });
        expect(headers.vary).toContain('Origin');
      },
    );

    test.each([
      'https://evil.example',
      'https://example.org',
      'https://app.example.com.evil.example',
      'https://x-example.org',
      'https://evil.example/.example.org',
      'null',
    ])('%s is told nothing', async (origin) => {
      const { status, headers } = await front.ask('/', { app: 'cors', ...asking(origin) });
      expect(status).toBe(401);
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    });

    test('an answer may be read by those who are named, and says no more than it must', async () => {
      const authorized = { headers: { ...APP, authorization: as('apr1') } };
      const { headers } = await front.ask('/', { app: 'cors', ...authorized });
      expect(headers).toMatchObject({
        'access-control-allow-origin': APP.origin,
        'access-control-expose-headers': 'X-Total',
      });
      expect(headers).not.toHaveProperty('access-control-allow-methods');
    });

    test('what the app says counts', async () => {
      const own = say({ 'Access-Control-Allow-Origin': 'https://other.example.com' });
      const { headers } = await front.ask(own, { app: 'anyone', headers: APP });
      expect(headers['access-control-allow-origin']).toBe('https://other.example.com');
    });

    test('all are all', async () => {
      const { headers } = await front.ask('/', { app: 'anyone', headers: APP });
      expect(headers['access-control-allow-origin']).toBe('*');
      expect((await front.ask('/', { app: 'anyone' })).headers).not.toHaveProperty(
        'access-control-allow-origin',
      );
    });

    test("OPTIONS that asks nothing beforehand is the app's", async () => {
      expect(await statusOf('anyone', { method: 'OPTIONS' })).toBe(200);
    });
  });

  describe('error pages', () => {
    const known = { authorization: as('apr1') };

    test('are shown for what the edge says itself, with the status that it had', async () => {
      const who = await front.ask('/', { app: 'pages' });
      expect(who).toMatchObject({ status: 401, body: '<p>Who are you? $uri "{}"' });
      expect(who.headers).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'x-robots-tag': 'noindex',
        'www-authenticate': 'Basic realm="Restricted"',
      });
      expect(await front.ask('/', { app: 'pages', method: 'POST', body: BODY })).toMatchObject({
        status: 401,
        body: who.body,
      });
      expect(await front.ask('/', { app: 'pages', ...from(STRANGER, known) })).toMatchObject({
        status: 403,
        body: '<p>Not you.',
      });
    });

    test('are never shown in place of an answer of the app', async () => {
      for (const status of ['401', '403', '429', '500', '502', '504'])
        expect(
          await front.ask(say({ status, body: 'mine' }), { app: 'pages', headers: known }),
        ).toMatchObject({
          status: Number(status),
          body: 'mine',
        });
    });

    test('cannot be asked for by themselves', async () => {
      expect(await statusOf('pages', { headers: known }, '/.well-known/switchyard/pages/502.html')).toBe(404);
    });

    test('are shown when nobody answers, whatever was sent', async () => {
      await front.kill('pages');
      for (const [method, body] of [['GET'], ['POST', 'x'], ['POST', BODY], ['NOTIFY']] as const) {
        const answer = await front.ask('/', { app: 'pages', method, ...(body && { body }), headers: known });
        const page = { 502: '<p>We are back soon.', 504: '<p>It takes too long.' }[answer.status];
        expect([method, answer.body]).toEqual([method, page ?? 'a page']);
      }
    });
  });
});

async function inTurn<T>(times: number, ask: () => Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  for (let turn = 0; turn < times; turn++) answers.push(await ask());
  return answers;
}

/** Returns the first piece of an answer's body, and when it came. */
function firstBytes(options: RequestOptions, path: string) {
  const { promise, resolve, reject } = Promise.withResolvers<{
    first: Buffer;
    afterMs: number;
    encoding: unknown;
  }>();
  const begunAt = Date.now();
  const sent = request({ agent: false, ...options, path }, (response) => {
    const pieces: Buffer[] = [];
    response.on('data', (piece: Buffer) => {
      pieces.push(piece);
      const first = Buffer.concat(pieces);
      // The header of gzip alone is no event.
      if (first.length <= 10) return;
      resolve({ first, afterMs: Date.now() - begunAt, encoding: response.headers['content-encoding'] });
      response.destroy();
    });
  });
  sent.on('error', reject);
  sent.end();
  return promise;
}
