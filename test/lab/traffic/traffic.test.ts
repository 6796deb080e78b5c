/** A counter that cannot fail proves nothing: here every way of losing something is made to happen, and counted. */
import { createServer as createHttpServer } from 'node:http';
import { constants, createSecureServer, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, test } from '@jest/globals';
import { WebSocketServer } from 'ws';
import { makeCertificate } from '../certificates.ts';
import { holdRequests } from './held.ts';
import { type HttpTrafficOptions, startHttpTraffic } from './http.ts';
import { type Http2TrafficOptions, startHttp2Traffic } from './http2.ts';
import { type LocalApp, startLocalApp } from './local-app.ts';
import { ResponseParser } from './response-parser.ts';
import { openStreams } from './streams.ts';
import type { TrafficResult } from './tally.ts';
import type { Target } from './targets.ts';
import { startTcpTraffic } from './tcp.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function startApp(version = 'v1', env: Record<string, string> = {}): Promise<LocalApp> {
  const app = await startLocalApp(version, env);
  cleanups.push(() => app.stop('SIGKILL'));
  return app;
}

async function listen(server: Server): Promise<Target> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => server.close());
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

/** A server that does to every connection what the test says; the socket counts its requests. */
function rawServer(onRequest: (socket: Socket, nth: number) => void): Promise<Target> {
  return listen(
    createServer((socket) => {
      let nth = 0;
      socket.on('error', () => {});
      socket.on('data', () => {
        nth += 1;
        onRequest(socket, nth);
      });
    }),
  );
}

const answer = (body: string, header = 'X-None: 0'): string =>
  `HTTP/1.1 200 OK\r\n${header}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** Sends exactly so many requests, or a few more, with four clients. */
async function send(
  target: Target,
  count: number,
  options: Partial<HttpTrafficOptions> = {},
): Promise<TrafficResult> {
  const traffic = startHttpTraffic({
    targets: [target],
    clients: 4,
    methods: ['GET'],
    thinkMs: [0, 2],
    maxSeconds: 10,
    ...options,
  });
  await traffic.untilSent(count, 5_000);
  return await traffic.stop();
}

describe('HTTP load', () => {
  test.each([true, false])('a healthy app loses nothing (keep-alive: %s)', async (keepAlive) => {
    const app = await startApp();
    const traffic = startHttpTraffic({ targets: [app.http], keepAlive, maxSeconds: 10 });
    await traffic.untilVersion('v1');
    await traffic.untilSent(1_000);
    const result = await traffic.stop();
    expect(result).toMatchObject({
      lost: 0,
      inFlight: 0,
      lostByKind: {},
      losses: [],
      versions: { v1: result.ok },
    });
    expect(result.ok).toBe(result.sent);
    expect(result.sent).toBeGreaterThanOrEqual(1_000);
    expect(result.connections).toBe(keepAlive ? 64 : result.sent);
    expect(result.latency.p50).toBeGreaterThanOrEqual(9);
    expect(result.latency.max).toBeGreaterThanOrEqual(result.latency.p99);
  });

  test('requests are spread over the targets', async () => {
    const [one, two] = await Promise.all([startApp('v1'), startApp('v2')]);
    const traffic = startHttpTraffic({ targets: [one.http, two.http], maxSeconds: 10 });
    await traffic.untilVersion('v2');
    await traffic.untilSent(500);
    const { versions, lost } = await traffic.stop();
    expect(lost).toBe(0);
    expect(versions.v1).toBeGreaterThan(150);
    expect(versions.v2).toBeGreaterThan(150);
  });

  test('a killed app loses what was in flight, then everything is refused, and the gap shows', async () => {
    const app = await startApp();
    const traffic = startHttpTraffic({ targets: [app.http], path: '/work?ms=50', maxSeconds: 10 });
    await traffic.untilSent(300);
    const killedAt = Date.now();
    await app.stop('SIGKILL');
    await sleep(400);
    const { sent, ok, lost, lostByKind, losses, longestGapMs } = await traffic.stop();
    const { refused = 0, closed = 0, reset = 0, ...others } = lostByKind;
    expect(others).toEqual({});
    expect(closed + reset).toBeGreaterThan(10);
    // Who was cut off comes back at once, and may meet a socket that nobody accepts from any more.
    expect(closed + reset).toBeLessThanOrEqual(2 * 64);
    expect(refused).toBeGreaterThan(100);
    expect(sent).toBe(ok + lost);
    expect(lost).toBe(refused + closed + reset);
    expect(losses).toHaveLength(50);
    expect(losses[0]!.at).toBeGreaterThanOrEqual(killedAt);
    expect(losses[0]!.target).toBe(`127.0.0.1:${app.http.port}`);
    expect(longestGapMs).toBeGreaterThan(350);
  });

  test('an app that stops with grace answers everything in flight; a killed one nothing', async () => {
    const [graceful, killed] = await Promise.all([startApp(), startApp()]);
    const hold = (app: LocalApp) => holdRequests({ targets: [app.http], count: 200, path: '/slow?ms=800' });
    const [answered, lost] = await Promise.all([hold(graceful), hold(killed)]);
    await sleep(200);
    expect(await answered.snapshot()).toMatchObject({ sent: 200, inFlight: 200, ok: 0, lost: 0 });
    const [code] = await Promise.all([graceful.stop('SIGTERM'), killed.stop('SIGKILL')]);
    expect(code).toBe(0);
    expect(await answered.finished()).toMatchObject({ sent: 200, ok: 200, lost: 0 });
    const { lostByKind, ...counts } = await lost.finished();
    expect(counts).toMatchObject({ sent: 200, ok: 0, lost: 200 });
    expect((lostByKind.closed ?? 0) + (lostByKind.reset ?? 0)).toBe(200);
  });

  test('held POSTs come back byte for byte, and held requests to nobody are refused', async () => {
    const app = await startApp();
    const posts = await holdRequests({
      targets: [app.http],
      count: 50,
      method: 'POST',
      path: '/slow?ms=100',
    });
    expect(await posts.finished()).toMatchObject({ ok: 50, lost: 0 });
    await app.stop('SIGKILL');
    const nobody = await holdRequests({ targets: [app.http], count: 50 });
    expect(await nobody.finished()).toMatchObject({ sent: 50, ok: 0, lostByKind: { refused: 50 } });
  });

  test('an announced close and an idle close are no loss: the client opens another connection', async () => {
    const polite = await rawServer((socket, nth) => {
      if (nth < 5) socket.write(answer('{}'));
      else socket.end(answer('{}', 'Connection: close'));
    });
    const idle = await rawServer((socket, nth) => {
      socket.write(answer('{}'));
      if (nth === 2) setTimeout(() => socket.end(), 20);
    });
    const first = await send(polite, 200);
    expect(first).toMatchObject({ lost: 0, ok: first.sent });
    expect(first.connections).toBeGreaterThanOrEqual(40);
    const second = await send(idle, 100, { thinkMs: [150, 150], clients: 30 });
    expect(second).toMatchObject({ lost: 0, ok: second.sent });
    expect(second.connections).toBeGreaterThanOrEqual(60);
  });

  test('a connection closed or reset instead of an answer is a loss', async () => {
    const rude = await rawServer((socket, nth) => (nth < 5 ? socket.write(answer('{}')) : socket.end()));
    const resetting = await rawServer((socket, nth) => {
      if (nth < 5) socket.write(answer('{}'));
      else socket.resetAndDestroy();
    });
    const closed = await send(rude, 100);
    expect(Object.keys(closed.lostByKind)).toEqual(['closed']);
    expect(closed.lost).toBeGreaterThanOrEqual(16);
    expect(closed.losses[0]!.detail).toContain('reused 4 times');
    const reset = await send(resetting, 100);
    expect(Object.keys(reset.lostByKind)).toEqual(['reset']);
    expect(reset.lost).toBeGreaterThanOrEqual(16);
  });

  test('a truncated answer is a loss, with a length and with chunks', async () => {
    const short = await rawServer((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'));
    const chunks = await rawServer((socket) =>
      socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'),
    );
    for (const target of [short, chunks]) {
      const { ok, lostByKind, losses } = await send(target, 20);
      expect(ok).toBe(0);
      expect(Object.keys(lostByKind)).toEqual(['closed']);
      expect(losses[0]!.detail).toContain('4 bytes of body received');
    }
  });

  test('a wrong hash, a crossed answer and excess bytes are mismatches', async () => {
    const corrupt = await listen(
      createHttpServer((request, response) => {
        request.resume().on('end', () => {
          response.setHeader('Content-Type', 'application/json');
          response.end(JSON.stringify({ version: 'v1', length: 1, sha256: '0'.repeat(64) }));
        });
      }),
    );
    const crossed = await rawServer((socket) => socket.write(answer('{}', 'X-Traffic-Id: of-another')));
    const excess = await rawServer((socket) => socket.write(`${answer('{}')}x`));
    const lostPosts = await send(corrupt, 50, { methods: ['POST'] });
    expect(lostPosts).toMatchObject({ ok: 0, lostByKind: { mismatch: lostPosts.sent } });
    expect(await send(corrupt, 50, { methods: ['GET'] })).toMatchObject({ lost: 0 });
    for (const target of [crossed, excess]) {
      const result = await send(target, 20);
      expect(result).toMatchObject({ ok: 0, lostByKind: { mismatch: result.sent } });
    }
  });

  test('an error status, silence and what is no HTTP are losses of their own kinds', async () => {
    const broken = await rawServer((socket) =>
      socket.write('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\noops'),
    );
    const silent = await rawServer(() => {});
    const ssh = await rawServer((socket) => socket.write('SSH-2.0-OpenSSH_10.0\r\n\r\n'));
    const bad = await send(broken, 20);
    expect(bad).toMatchObject({ ok: 0, connections: 4, lostByKind: { 'status 502': bad.sent } });
    expect(bad.losses[0]).toMatchObject({ kind: 'status 502', method: 'GET', detail: 'oops' });
    expect(Object.keys((await send(silent, 8, { timeoutMs: 100 })).lostByKind)).toEqual(['timeout']);
    expect(Object.keys((await send(ssh, 8)).lostByKind)).toEqual(['malformed']);
  });

  test('an unhealthy app is seen as such', async () => {
    const app = await startApp('v1', { HEALTH: 'never' });
    const result = await send(app.http, 20, { path: '/health' });
    expect(result.lostByKind).toEqual({ 'status 503': result.sent });
    await expect(startApp('v1', { HEALTH: 'crash' })).rejects.toThrow('ended with 1');
  });

  test('a load ends by itself, a wait that cannot be met says so, and strangers get no load', async () => {
    const app = await startApp();
    const traffic = startHttpTraffic({ targets: [app.http], maxSeconds: 0.3 });
    await expect(traffic.untilVersion('v2', 600)).rejects.toThrow('answer of version v2 within 600 ms');
    // Its process may have begun late on a busy machine.
    let seen = await traffic.snapshot();
    while (seen.sent === 0 || seen.inFlight > 0) seen = await traffic.snapshot();
    expect((await traffic.stop()).sent).toBe(seen.sent);
    const stranger = { targets: [{ host: '192.0.2.1', port: 80 }] };
    expect(() => startHttpTraffic(stranger)).toThrow('not to 192.0.2.1');
    await expect(openStreams(stranger)).rejects.toThrow('not to 192.0.2.1');
  });
});

describe('the parser', () => {
  const chunked =
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nT: v\r\n\r\n';
  test.each([
    ['a length', answer('hello!')],
    ['chunks', chunked],
    ['an interim answer first', `HTTP/1.1 103 Early Hints\r\n\r\n${chunked}`],
  ])('reads %s in pieces of any size', (_what, text) => {
    for (const size of [1, 2, 3, 7, text.length]) {
      let body = '';
      const parser = new ResponseParser((piece) => {
        body += piece.toString();
      });
      for (let i = 0; i < text.length; i += size) {
        expect(parser.isComplete).toBe(false);
        parser.push(Buffer.from(text.slice(i, i + size)));
      }
      expect([parser.isComplete, parser.excessBytes, body]).toEqual([true, 0, 'hello!']);
    }
  });
});

describe('TCP load', () => {
  test('a healthy app loses nothing; a killed one is counted', async () => {
    const app = await startApp();
    const traffic = startTcpTraffic({ targets: [app.tcp], thinkMs: [0, 10], maxSeconds: 10 });
    await traffic.untilSent(200);
    const before = await traffic.snapshot();
    expect(before).toMatchObject({ lost: 0, versions: { v1: before.ok } });
    await app.stop('SIGKILL');
    await traffic.until(({ lost }) => lost > 20, '20 losses');
    const { sent, ok, lost, lostByKind } = await traffic.stop();
    expect(sent).toBe(ok + lost);
    expect(lostByKind.refused).toBeGreaterThan(0);
  });

  test.each([
    ['a changed echo', (data: Buffer) => data.fill(0), 'mismatch'],
    ['a byte too many', (data: Buffer) => Buffer.concat([data, data]), 'mismatch'],
    ['a missing echo', () => undefined, 'timeout'],
  ])('%s is a loss', async (_what, change, kind) => {
    const target = await listen(
      createServer((socket) => {
        socket.write('hello v1\n');
        socket.on('error', () => {});
        socket.on('data', (data) => {
          const changed = change(data);
          if (changed !== undefined) socket.write(changed);
        });
      }),
    );
    const traffic = startTcpTraffic({
      targets: [target],
      timeoutMs: kind === 'timeout' ? 100 : 10_000,
      maxSeconds: 10,
    });
    await traffic.untilSent(20);
    const result = await traffic.stop();
    expect(result).toMatchObject({ ok: 0, lostByKind: { [kind]: result.sent } });
  });
});

describe('HTTP/2 load', () => {
  /** A server that speaks HTTP/2 over TLS, and answers as the test says; `nth` counts the requests of a connection. */
  async function secureServer(
    onStream: (stream: ServerHttp2Stream, nth: number) => void,
  ): Promise<Pick<Http2TrafficOptions, 'targets' | 'authority' | 'tls'>> {
    const { chain, privateKey } = await makeCertificate(['localhost']);
    const server = createSecureServer({ key: privateKey, cert: chain });
    server.on('session', (session) => {
      let nth = 0;
      session.on('error', () => {});
      session.on('stream', (stream) => {
        nth += 1;
        stream.on('error', () => {});
        onStream(stream, nth);
      });
      cleanups.push(() => session.destroy());
    });
    const target = await listen(server);
    return { targets: [target], authority: 'localhost', tls: { ca: chain, servername: 'localhost' } };
  }

  /** What the lab's app says to a GET, with the id that it was asked with. */
  function say(stream: ServerHttp2Stream, body = '{"version":"v1"}'): void {
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    stream.end(body);
  }

  const few = {
    connections: 2,
    streams: 4,
    eventStreams: 0,
    methods: ['GET' as const],
    thinkMs: [0, 5] as [number, number],
  };

  async function sendOver(
    where: Pick<Http2TrafficOptions, 'targets' | 'authority' | 'tls'>,
    more: Partial<Http2TrafficOptions> = {},
  ): Promise<TrafficResult> {
    const traffic = startHttp2Traffic({ ...few, ...where, maxSeconds: 20, ...more });
    await traffic.untilSent(100);
    return await traffic.stop();
  }

  test('a healthy server loses nothing, and no connection is opened twice', async () => {
    const where = await secureServer((stream) => say(stream));
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const result = await sendOver({ ...where, tls: { ...where.tls, version } });
      expect(result).toMatchObject({
        lost: 0,
        connections: 2,
        endedByServer: 0,
        versions: { v1: result.sent },
      });
    }
  });

  test.each<[string, string, (stream: ServerHttp2Stream) => void]>([
    ['a stream that is refused', 'refused', (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM)],
    ['a stream that is reset', 'reset', (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR)],
    ['a connection that is gone', 'closed', ({ session }) => session?.destroy()],
    ['an error status', 'status 502', (stream) => stream.respond({ ':status': 502 }, { endStream: true })],
    ['silence', 'timeout', () => {}],
    ['what is no JSON', 'mismatch', (stream) => say(stream, 'oops')],
  ])('%s is a loss of its own kind', async (_what, kind, onStream) => {
    const where = await secureServer((stream, nth) => (nth % 3 === 0 ? onStream(stream) : say(stream)));
    const result = await sendOver(where, kind === 'timeout' ? { timeoutMs: 200 } : {});
    expect(result.lostByKind[kind]).toBeGreaterThan(0);
    expect(result.sent).toBe(result.ok + result.lost);
  });

  test('a GOAWAY is a connection that the server has ended, and what it leaves out is lost', async () => {
    const where = await secureServer((stream, nth) => {
      if (nth === 10) stream.session?.goaway(constants.NGHTTP2_NO_ERROR, 1);
      say(stream);
    });
    const result = await sendOver(where);
    expect(result.endedByServer).toBeGreaterThan(2);
    expect(result.connections).toBeGreaterThan(2);
    expect(result.lost).toBeGreaterThan(0);
  });

  test('whom nobody vouches for is a loss, and so is a server without HTTP/2', async () => {
    const where = await secureServer((stream) => say(stream));
    const { chain } = await makeCertificate(['localhost']);
    const stranger = await sendOver({ ...where, tls: { ...where.tls, ca: chain } });
    expect(stranger).toMatchObject({ ok: 0, lostByKind: { handshake: stranger.sent } });
    const pair = await makeCertificate(['localhost']);
    const old = createTlsServer({ key: pair.privateKey, cert: pair.chain, ALPNProtocols: ['http/1.1'] });
    const elder = await sendOver({
      ...{ targets: [await listen(old)], authority: 'localhost' },
      tls: { ca: pair.chain, servername: 'localhost' },
    });
    expect(elder).toMatchObject({ ok: 0, lostByKind: { handshake: elder.sent } });
  });
});

describe('streams', () => {
  const few = { websockets: 5, events: 5, everyMs: 50, maxSeconds: 20 };

  test('a healthy app keeps them all, and they end by themselves', async () => {
    const app = await startApp();
    const streams = await openStreams({ targets: [app.http], tcp: { ...app.tcp, count: 5 }, ...few });
    expect(await streams.alive()).toEqual({ websocket: 5, events: 5, tcp: 5, total: 15 });
    await sleep(400);
    const { bytes, ...result } = await streams.finish();
    expect(result).toEqual({ opened: 15, alive: 15, broken: [], versionsAtOpen: { v1: 15 } });
    expect(bytes).toBeGreaterThan(10_000);
    expect(await app.stop('SIGTERM')).toBe(0);
  });

  test.each(['SIGKILL', 'SIGTERM'] as const)(
    '%s to the app breaks every one, and it is told',
    async (signal) => {
      const app = await startApp();
      // Long pauses: the end must be noticed at once, not at the next message.
      const quiet = { ...few, everyMs: 1_000 };
      const streams = await openStreams({ targets: [app.http], tcp: { ...app.tcp, count: 5 }, ...quiet });
      const told: string[] = [];
      streams.onBroken(({ kind }) => told.push(kind));
      await app.stop(signal);
      await sleep(200);
      expect((await streams.alive()).total).toBe(0);
      const { opened, alive, broken } = await streams.finish();
      expect({ opened, alive }).toEqual({ opened: 15, alive: 0 });
      expect(broken.map(({ kind }) => kind).sort()).toEqual(told.sort());
      expect(told).toHaveLength(15);
      for (const { why } of broken) expect(why).toMatch(/^(closed|reset): /);
    },
  );

  test('streams that cannot be opened are broken, not missing', async () => {
    const app = await startApp();
    await app.stop('SIGKILL');
    // Long pauses: the end must be noticed at once, not at the next message.
    const quiet = { ...few, everyMs: 5_000 };
    const streams = await openStreams({ targets: [app.http], tcp: { ...app.tcp, count: 5 }, ...quiet });
    const told: string[] = [];
    streams.onBroken(({ why }) => told.push(why));
    expect(told).toHaveLength(15);
    for (const why of told) expect(why).toMatch(/^refused: .* \(while opening\)$/);
    expect(await streams.finish()).toMatchObject({ opened: 0, alive: 0, bytes: 0 });
  });

  test('a wrong byte, a lost event, a swapped echo and silence break the stream that carried them', async () => {
    const http = createHttpServer((_request, response) => {
      response.write('id: 1\ndata: 1 v1\n\n');
      response.write('id: 3\ndata: 3 v1\n\n');
    });
    let connections = 0;
    new WebSocketServer({ server: http }).on('connection', (socket) => {
      socket.send('hello v1');
      const held: Buffer[] = [];
      const isSwapping = connections++ === 0;
      socket.on('message', (data: Buffer) => {
        held.push(data);
        // Text, binary, text, as it should be, but the second and third have changed places.
        if (isSwapping && held.length === 3) {
          for (const index of [0, 2, 1]) socket.send(held[index]!, { binary: index === 2 });
        }
      });
    });
    cleanups.push(() => http.closeAllConnections());
    const echo = await listen(
      createServer((socket) => {
        socket.write('hello v1\n');
        socket.on('data', (data) => socket.write(data.fill(120)));
      }),
    );
    const streams = await openStreams({
      targets: [await listen(http)],
      websockets: 2,
      events: 1,
      tcp: { ...echo, count: 1 },
      everyMs: 50,
      silenceMs: 400,
      maxSeconds: 20,
    });
    await sleep(700);
    const { alive, broken } = await streams.finish();
    expect(alive).toBe(0);
    expect(broken.map(({ kind, why }) => `${kind} ${why}`).sort()).toEqual([
      expect.stringMatching(/^events mismatch: event 2 is "id: 3/),
      expect.stringMatching(/^tcp mismatch: .* came back changed/),
      expect.stringMatching(/^websocket mismatch: message \d came back changed/),
      expect.stringMatching(/^websocket timeout: no echo within 400 ms/),
    ]);
  });
});
