import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { size } from '../e2e/size.ts';
import { read } from '../unit/docs/documents.ts';
import { type Front, type FrontApp, startFront } from './front.ts';
import { openSilentStreams } from './traffic/silent-streams.ts';

/** After how many seconds apps end idle connections: what is common, and what lies around it. */
const IDLE_SECONDS = size.isFull ? [1, 2, 4, 5, 10] : [1, 2];
/** For so long clients send to them. */
const IDLE_LOAD_MS = size.isFull ? 22_000 : 5_000;
/** So many clients send at once: each idle connection that nginx may have kept is met by one of them. */
const CLIENTS = 48;
/** The clients arrive so far apart, around the very moment when the app ends what is idle. */
const APART_MS = 0.5;
/** At full size longer than every timeout that nginx has by itself. */
const SILENT_MS = size.isFull ? 90_000 : 2_000;
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'LOCK', 'NOTIFY'];
const REPEATABLE = ['GET', 'PUT', 'DELETE'];

describe.each(['edge', 'sidecar'] as const)('behind a real %s', (kind) => {
  let front: Front;

  beforeAll(async () => {
    const idle = IDLE_SECONDS.map(
      (seconds): FrontApp => ({ name: `idle-${seconds}`, environment: { IDLE_MS: String(seconds * 1_000) } }),
    );
    front = await startFront(kind, [
      { name: 'app' },
      { name: 'small', route: { maxBodyBytes: 1_000 } },
      ...idle,
    ]);
  }, 300_000);

  afterAll(async () => {
    await front?.down();
  });

  describe('sizes', () => {
    test('a request line, a cookie and the headers of an answer of 32 KB pass', async () => {
      const { status, body } = await front.ask(`/echo?${long(32 * 1024)}`, {
        headers: { cookie: long(32 * 1024) },
      });
      expect(status).toBe(200);
      const { url, headers } = JSON.parse(body) as { url: string; headers: [string, string][] };
      expect(url).toHaveLength(32 * 1024 + '/echo?'.length);
      expect(Object.fromEntries(headers).cookie).toHaveLength(32 * 1024);
      const answer = await front.ask(`/headers?bytes=${32 * 1024}`);
      expect([answer.status, answer.headers['x-long']?.length]).toEqual([200, 32 * 1024]);
    });

    test('headers of an answer of 64 KB are refused, and the log says why', async () => {
      expect((await front.ask(`/headers?bytes=${64 * 1024}`)).status).toBe(502);
      expect(await front.log()).toMatch(/upstream sent too big header while reading response header/);
    });
  });

  describe('headers of a request', () => {
    test('pass whatever their names are, but for those that could be taken for others', async () => {
      const { body } = await front.ask('/echo', {
        headers: { api_key: 'k', Content_Length: '7', 'X-Own_Name': 'n' },
      });
      const headers = Object.fromEntries((JSON.parse(body) as { headers: [string, string][] }).headers);
      expect(headers).toMatchObject({ api_key: 'k', 'X-Own_Name': 'n' });
      expect(headers).not.toHaveProperty('Content_Length');
    });

    test('whose name has a dot are dropped, as nginx does: some apps take X.Real.IP for X-Real-IP', async () => {
      const { status, body } = await front.ask('/echo', {
        headers: { 'X.Real.IP': '203.0.113.9', 'x~own': '1', 'x-own': 'passes' },
      });
      expect(status).toBe(200);
      const headers = Object.fromEntries((JSON.parse(body) as { headers: [string, string][] }).headers);
      expect(headers).toMatchObject({ 'x-own': 'passes' });
      expect(Object.keys(headers).filter((name) => /[.~]/.test(name))).toEqual([]);
    });
  });

  describe('an answer', () => {
    test('passes headers whose names have dots', async () => {
      const { status, headers } = await front.ask('/dots');
      expect([status, headers['x.own']]).toEqual([200, 'dotted']);
    });

    test.each(['GET', 'POST'])('that comes after 103 Early Hints arrives whole, to a %s', async (method) => {
      const socket = await rawTo(front, 'app', `${method} /hints HTTP/1.1`);
      socket.write('Content-Length: 0\r\nConnection: close\r\n\r\n');
      const answer = (await readAll(socket)).toString();
      // nginx keeps the hints to itself.
      expect(answer.match(/^HTTP\/1\.1 \d+/gm)).toEqual(['HTTP/1.1 200']);
      expect(answer).toContain('"hinted":true');
    });

    test('with trailers arrives whole, without them', async () => {
      const socket = await rawTo(front, 'app', 'GET /trailers HTTP/1.1');
      socket.write('Connection: close\r\n\r\n');
      const answer = (await readAll(socket)).toString();
      const body = answer.slice(answer.indexOf('\r\n\r\n') + 4);
      expect(body.replaceAll(/^[0-9a-f]+\r\n/gm, '').replaceAll('\r\n', '')).toBe('first last');
      expect(body.endsWith('0\r\n\r\n')).toBe(true);
      expect(answer).not.toContain('right');
    });
  });

  describe('what is said beside the body', () => {
    test('an offer of HTTP/2 is not passed on, and another upgrade is', async () => {
      const offered = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' };
      const { status, body } = await front.ask('/echo', { headers: offered });
      expect(status).toBe(200);
      expect(JSON.parse(body).headers.flat().map(String)).not.toContain('h2c');
    });

    test.each(['HEAD', 'OPTIONS', 'DELETE'])('%s is answered', async (method) => {
      const { status, body } = await front.ask('/echo', { method });
      expect([status, body === '']).toEqual([200, method === 'HEAD']);
    });

    test('HTTP/1.0 is answered, and the connection ends with the answer', async () => {
      const socket = await rawTo(front, 'app', 'GET /echo HTTP/1.0');
      socket.write('\r\n');
      expect((await readAll(socket)).toString()).toMatch(/^HTTP\/1\.[01] 200 OK[\s\S]*"method":"GET"/);
    });
  });

  describe('the body of a request', () => {
    const sizes = { small: 1_000, large: 3 * 1024 ** 2 };
    const firstByteOf = async ({ bytes, isChunked }: { bytes: number; isChunked: boolean }) => {
      const socket = await rawTo(front, 'app', 'POST /echo HTTP/1.1');
      const framing = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bytes}`;
      socket.write(`Connection: close\r\n${framing}\r\n\r\n`);
      const half = Buffer.alloc(bytes / 2, 'x');
      const piece = isChunked
        ? Buffer.concat([Buffer.from(`${half.length.toString(16)}\r\n`), half, Buffer.from('\r\n')])
        : half;
      socket.write(piece);
      await sleep(1_500);
      const restAt = Date.now();
      socket.write(piece);
      if (isChunked) socket.write('0\r\n\r\n');
      const answer = (await readAll(socket)).toString();
      const { length, firstByteAt } = JSON.parse(
        answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1),
      );
      expect(length).toBe(bytes);
      return (firstByteAt as number) < restAt ? 'while it comes' : 'when it is there';
    };

    test.each([
      { bytes: sizes.small, isChunked: false, reaches: 'when it is there' },
      { bytes: sizes.large, isChunked: false, reaches: 'while it comes' },
      { bytes: sizes.small, isChunked: true, reaches: 'while it comes' },
    ])('of $bytes bytes (chunked: $isChunked) reaches the app $reaches', async ({ reaches, ...body }) => {
      expect(await firstByteOf(body)).toBe(reaches);
    });

    test('that is too large is refused before the app sees it', async () => {
      const { status } = await front.ask('/echo', { app: 'small', method: 'POST', body: long(2_000) });
      expect(status).toBe(413);
      expect((await front.ask('/echo', { app: 'small', method: 'POST', body: long(900) })).status).toBe(200);
    });

    test('that the app refuses before it has come is answered with what the app says', async () => {
      const { status } = await front.ask('/refuse', { method: 'POST', body: Buffer.alloc(sizes.small, 'x') });
      expect(status).toBe(413);
    });

    // One that ended its connection meanwhile would take its answer back by a reset: 502 for every third of these.
    test('that the app does not read is answered with what the app says, every time', async () => {
      const sizesOf = Array.from({ length: 90 }, (_, index) => [30_000, 100_000, 300_000][index % 3]!);
      const answers = sizesOf.map((bytes) => front.ask('/other', { method: 'POST', body: long(bytes) }));
      const statuses = new Set((await Promise.all(answers)).map(({ status }) => status));
      expect(statuses).toEqual(new Set([200]));
    });

    test('is announced with Expect, and asked for', async () => {
      const headers = { expect: '100-continue', 'content-length': String(sizes.large) };
      const { status, body } = await front.ask('/echo', { method: 'PUT', headers, body: long(sizes.large) });
      expect([status, JSON.parse(body).length]).toEqual([200, sizes.large]);
    });

    test('with trailers arrives whole', async () => {
      const socket = await rawTo(front, 'app', 'POST /echo HTTP/1.1');
      socket.write('Connection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-Checksum\r\n\r\n');
      socket.write('5\r\nwhole\r\n0\r\nX-Checksum: right\r\n\r\n');
      const answer = (await readAll(socket)).toString();
      expect(answer).toMatch(/^HTTP\/1\.1 200 /);
      expect(answer).toContain(`"length":5,"sha256":"${createHash('sha256').update('whole').digest('hex')}"`);
    });

    test('leaves no connection behind for the next request: all get their answers', async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (const bytes of [sizes.large, sizes.small, sizes.large]) {
        const { status, body } = await front.ask('/echo', { method: 'PUT', agent, body: long(bytes) });
        expect([status, JSON.parse(body).length]).toEqual([200, bytes]);
      }
      agent.destroy();
    });
  });

  describe(`what is silent for ${SILENT_MS / 1_000} s goes on, byte for byte`, () => {
    test('a WebSocket, server-sent events, a download and an upload, also when nginx reads its configuration anew', async () => {
      const { host, port } = front.optionsFor('app');
      const streams = await openSilentStreams({
        host: host!,
        port: Number(port),
        hostHeader: 'app.example.com',
        appSilenceMs: SILENT_MS,
        uploadPath: '/echo',
      });
      await sleep(SILENT_MS / 2);
      await front.reload();
      await sleep(SILENT_MS / 2);
      expect(await streams.goOn()).toEqual({
        WebSocket: true,
        'server-sent events': true,
        download: true,
        upload: true,
      });
    }, 150_000);

    test('another upgraded connection, and an answer that pauses', async () => {
      const paused = front.ask(`/pause?ms=${SILENT_MS}`);
      const upgrade = httpRequest({
        ...front.optionsFor('app'),
        headers: { host: 'app.example.com', connection: 'Upgrade', upgrade: 'echo' },
      });
      upgrade.end();
      const [, socket] = (await once(upgrade, 'upgrade')) as [unknown, Socket];
      await sleep(SILENT_MS);
      socket.write('still there?');
      const [echoed] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      expect(echoed.toString()).toBe('still there?');
      expect(await paused).toMatchObject({ status: 200, body: '<>' });
    }, 150_000);
  });

  describe('an app that ends idle connections', () => {
    test('loses nothing of any method, and runs nothing twice that must not be', async () => {
      const outcomes = await Promise.all(
        IDLE_SECONDS.map(async (seconds) => {
          const app = `idle-${seconds}`;
          const sent = await sendAround(front, app, seconds * 1_000);
          const runs = JSON.parse((await front.ask('/runs', { app })).body) as Record<string, number>;
          const twice = Object.entries(runs).filter(
            ([id, times]) => times > 1 && !REPEATABLE.some((one) => id.startsWith(one)),
          );
          return { seconds, sent: sent.length, lost: sent.filter((status) => status !== 200).length, twice };
        }),
      );
      console.log(
        outcomes.map(({ seconds, sent, lost }) => `${seconds} s: ${lost} of ${sent} lost`).join(', '),
      );
      for (const { lost, twice } of outcomes) expect({ lost, twice }).toEqual({ lost: 0, twice: [] });
    }, 120_000);

    test.each(METHODS)('is asked again where it died over a %s only if that may be', async (method) => {
      const { status } = await front.ask(`/die?id=${method}-died`, { app: 'app', method });
      expect(status).toBe(502);
      const runs = JSON.parse((await front.ask('/runs', { app: 'app' })).body) as Record<string, number>;
      if (!REPEATABLE.includes(method)) expect(runs[`${method}-died`]).toBe(1);
    });
  });
});

/** commandsOf returns what a chapter of the runbook runs in the edge, word by word. */
function commandsOf(chapter: string): string[][] {
  const text = read('docs/operations.md').split(`### ${chapter}\n`)[1]!.split('\n### ')[0]!;
  return [...text.matchAll(/^docker exec switchyard_edge (.+)$/gm)].map(([, words = '']) => words.split(' '));
}

const long = (bytes: number) => 'x'.repeat(bytes);

describe('behind an edge alone', () => {
  let front: Front;
  const health = '/.well-known/switchyard/health';
  const told = async (headers: Record<string, string>, of: Front = front) => {
    const { body } = await of.ask('/echo', { headers });
    return Object.fromEntries(
      (JSON.parse(body) as { headers: [string, string][] }).headers.map(([name, value]) => [
        name.toLowerCase(),
        value,
      ]),
    );
  };

  beforeAll(async () => {
    front = await startFront('edge', [{ name: 'app' }, { name: 'rest', domains: ['*'] }]);
  }, 120_000);

  afterAll(async () => {
    await front?.down();
  });

  test('a balancer is told by any name and by address whether the edge serves, and a file says no', async () => {
    const statuses = async () => {
      const hosts = ['app.example.com', 'nobody.example.com', front.address];
      const answers = await Promise.all(hosts.map((host) => front.ask(health, { headers: { host } })));
      return answers.map(({ status }) => status);
    };
    expect(await statuses()).toEqual([200, 200, 200]);
    const [takeOut = [], putBack = []] = commandsOf('Take a server out of the balancer');
    await front.exec(...takeOut);
    await front.reload();
    await sleep(1_000);
    expect(await statuses()).toEqual([503, 503, 503]);
    expect((await front.ask('/run?id=still')).status).toBe(200);
    await front.exec(...putBack);
    expect(await statuses()).toEqual([200, 200, 200]);
  });

  test('the catch-all gets what no other service has', async () => {
    for (const host of ['nobody.example.com', front.address, '_']) {
      await front.ask('/run?id=caught', { headers: { host } });
    }
    await front.ask('/run?id=mine', { headers: { host: 'APP.example.com:80' } });
    expect(JSON.parse((await front.ask('/runs', { app: 'rest' })).body)).toEqual({ caught: 3 });
  });

  test('each request is a line of JSON in the log, without its query', async () => {
    await front.ask('/run?id=secret', { headers: { 'x-request-id': 'from-outside-1', referer: '"quoted"' } });
    await front.ask('/run?id=secret', { method: 'POST', headers: { 'x-request-id': 'no word "at all"' } });
    await sleep(1_500);
    const lines = (await front.log()).split('\n').filter((line) => line.startsWith('{'));
    const accesses = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(accesses.find(({ request_id }) => request_id === 'from-outside-1')).toMatchObject({
      host: 'app.example.com',
      method: 'GET',
      path: '/run',
      status: 200,
      upstream: `${front.addressOf('app')}:3000`,
      upstream_status: '200',
    });
    const post = accesses.findLast(({ method, path }) => method === 'POST' && path === '/run');
    expect(post?.request_id).toMatch(/^[0-9a-f]{32}$/);
    expect(lines.join('')).not.toMatch(/secret|health/);
  });

  const spoofed = {
    'x-forwarded-for': '203.0.113.9',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'shop.example.com',
    'x-forwarded-port': '443',
    'x-real-ip': '203.0.113.9',
    forwarded: 'for=203.0.113.9',
    x_forwarded_for: '203.0.113.8',
    'x-forwarded_host': 'other.example.com',
  };

  test('what a client says of itself is replaced', async () => {
    const headers = await told(spoofed);
    const own = headers['x-real-ip'];
    expect(own).not.toBe('203.0.113.9');
    expect(headers).toMatchObject({
      'x-forwarded-for': own,
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'app.example.com',
    });
    for (const name of ['x-forwarded-port', 'forwarded', 'x_forwarded_for', 'x-forwarded_host'])
      expect(headers).not.toHaveProperty(name);
  });

  test('what a trusted proxy says is believed', async () => {
    const trustedProxies = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];
    const trusting = await startFront('edge', [{ name: 'app' }], { trustedProxies, accessLog: false });
    try {
      const { 'x-forwarded-for': chain, ...headers } = await told(spoofed, trusting);
      expect(chain).toMatch(/^203\.0\.113\.9, [\d.]+$/);
      expect(headers).toMatchObject({
        'x-real-ip': '203.0.113.9',
        'x-forwarded-proto': 'https',
        // Which of two hosts is the proxy's, nobody knows.
        'x-forwarded-host': 'app.example.com',
        'x-forwarded-port': '443',
        forwarded: 'for=203.0.113.9',
      });
      expect(headers).not.toHaveProperty('x_forwarded_for');
      expect(await told({ 'x-forwarded-host': 'shop.example.com' }, trusting)).toMatchObject({
        'x-forwarded-host': 'shop.example.com',
      });
      expect((await told({}, trusting))['x-forwarded-proto']).toBe('http');
      expect(await trusting.log()).not.toMatch(/^\{/m);
    } finally {
      await trusting.down();
    }
  });
});

/** A connection to an app through the nginx, on which what is written is what is sent. */
async function rawTo(front: Front, app: string, request: string): Promise<Socket> {
  const { host, port } = front.optionsFor(app);
  const socket = connect({ host: host!, port: Number(port) });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(`${request}\r\nHost: ${app}.example.com\r\n`);
  return socket;
}

/** Reads until the other end closes. */
async function readAll(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** sendAround sends bursts of all methods around the moments when an app ends idle connections; returns the statuses. */
async function sendAround(front: Front, app: string, idleMs: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const statuses: number[] = [];
  const until = Date.now() + IDLE_LOAD_MS;
  for (let burst = 0; Date.now() < until; burst++) {
    const begun = performance.now();
    const answers = Array.from({ length: CLIENTS }, async (_one, client) => {
      await sleep(client * APART_MS);
      const method = METHODS[client % METHODS.length]!;
      const id = `${method}-${burst}-${client}`;
      const sent = front.ask(`/run?id=${id}`, { app, method, agent });
      return await sent.then(
        ({ status }) => status,
        () => 0,
      );
    });
    statuses.push(...(await Promise.all(answers)));
    const between = Math.max(
      0,
      idleMs - (CLIENTS * APART_MS) / 2 - (performance.now() - begun) + CLIENTS * APART_MS * 0.5,
    );
    await sleep(between);
  }
  agent.destroy();
  return statuses;
}
