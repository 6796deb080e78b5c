import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { mergeReports, Prober, quantile } from '../../../src/deploy/steps/prober.ts';
import type { DialTcp } from '../../../src/fleet/dial.ts';
import { HttpOver } from '../../../src/fleet/http.ts';
import { systemClock } from '../../../src/model/clock.ts';
import type { ProbeReport } from '../../../src/model/release.ts';

/** A real server on loopback that answers the n-th request as it is told. */
type Answer = 'good' | 'drop' | 'cut' | number;
let answerOf: (count: number) => Answer = () => 'good';
let requests: IncomingMessage[] = [];
let reached: { count: number; done: () => void } | undefined;
const server = createServer((request, response) => {
  requests.push(request);
  reply(answerOf(requests.length), response);
  if (requests.length === reached?.count) reached.done();
});

function reply(answer: Answer, response: ServerResponse): void {
  if (answer === 'good') response.end('hello');
  else if (answer === 'drop') response.destroy();
  else if (answer === 'cut') {
    response.writeHead(200, { 'content-length': 100 });
    response.write('half');
    response.socket?.end();
  } else response.writeHead(answer).end();
}

/** A way to the server that can be broken. */
class Tunnel {
  readonly streams: Duplex[] = [];

  dial = async (): Promise<Duplex> => {
    const socket = await new Promise<Socket>((resolve, reject) => {
      const one = connect((server.address() as AddressInfo).port, '127.0.0.1', () => resolve(one));
      one.once('error', reject);
    });
    this.streams.push(socket);
    return socket;
  };
}

const target = (dial: DialTcp) => ({
  http: new HttpOver(dial),
  name: 'a edge',
  address: '10.0.0.9',
  port: 80,
  host: 'api.example.com',
  path: '/health',
  headers: {},
});

/** afterRequests resolves when the server has been asked so often. */
function afterRequests(count: number): Promise<void> {
  return new Promise((done) => {
    reached = { count, done };
  });
}

async function probed(count: number, answers: (count: number) => Answer): Promise<ProbeReport> {
  answerOf = answers;
  const prober = new Prober(target(new Tunnel().dial), systemClock);
  await afterRequests(count);
  return await prober.end();
}

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
beforeEach(() => {
  requests = [];
  reached = undefined;
});
afterAll(() => {
  server.close();
});

describe('what a prober counts', () => {
  test('good answers: sent, none lost, and how long they took', async () => {
    const report = await probed(6, () => 'good');
    expect(report).toMatchObject({ sent: 6, lost: 0, unknown: 0, losses: [] });
    expect(report.p50_ms).toBeGreaterThan(0);
    expect(report.p99_ms).toBeGreaterThanOrEqual(report.p50_ms);
    expect(report.longest_gap_ms).toBeGreaterThan(0);
    expect(requests[0]).toMatchObject({ url: '/health', headers: { host: 'api.example.com' } });
  });

  test('an answer that was dropped or cut in the middle is lost', async () => {
    const report = await probed(6, (count) => (count === 2 ? 'drop' : count === 4 ? 'cut' : 'good'));
    expect(report).toMatchObject({ sent: 6, lost: 2, unknown: 0 });
    expect(report.losses).toHaveLength(2);
    expect(report.losses[0]).toMatch(/^a edge: /);
  });

  test.each([502, 503, 504])('%i says that no copy was there: lost', async (status) => {
    const report = await probed(3, (count) => (count === 2 ? status : 'good'));
    expect(report).toMatchObject({ lost: 1, losses: [`a edge: answered ${status}`] });
  });

  test.each([200, 302, 404, 500])('%i is an answer of the app', async (status) => {
    expect(await probed(3, () => status)).toMatchObject({ sent: 3, lost: 0 });
  });

  test('the gap counts until the end when no good answer comes any more', async () => {
    const report = await probed(8, (count) => (count < 3 ? 'good' : 502));
    // Six losses, 40 ms apart at least.
    expect(report.longest_gap_ms).toBeGreaterThanOrEqual(200);
  });

  test('only the first losses are told', async () => {
    const report = await probed(8, () => 502);
    expect(report.lost).toBe(8);
    expect(report.losses).toHaveLength(5);
  });

  test('connections are kept as browsers keep them, and every fourth request closes its own', async () => {
    await probed(8, () => 'good');
    expect(requests.map(({ headers }) => headers.connection)).toEqual([
      ...['keep-alive', 'keep-alive', 'keep-alive', 'close'],
      ...['keep-alive', 'keep-alive', 'keep-alive', 'close'],
    ]);
  });
});

describe('the tunnel is not the service', () => {
  test('one that breaks under a request is unknown, and the prober goes on', async () => {
    const tunnel = new Tunnel();
    answerOf = (count) => {
      if (count !== 2) return 'good';
      tunnel.streams.at(-1)?.destroy(Object.assign(new Error('broken'), { isTunnelBroken: true }));
      return 'drop';
    };
    const prober = new Prober(target(tunnel.dial), systemClock);
    await afterRequests(4);
    expect(await prober.end()).toMatchObject({ sent: 4, lost: 0, unknown: 1 });
  });

  test('a channel that the server refuses is an answer: lost', async () => {
    const tunnel = new Tunnel();
    const { dial } = tunnel;
    let count = 0;
    tunnel.dial = () =>
      ++count === 1 ? Promise.reject(Object.assign(new Error('Connection refused'), { reason: 2 })) : dial();
    answerOf = () => 'good';
    const prober = new Prober(target(tunnel.dial), systemClock);
    await afterRequests(2);
    expect(await prober.end()).toMatchObject({ lost: 1, unknown: 0, losses: ['a edge: Connection refused'] });
  });

  test('any other failure to dial is unknown', async () => {
    const tunnel = new Tunnel();
    const { dial } = tunnel;
    let count = 0;
    tunnel.dial = () => (++count === 1 ? Promise.reject(new Error('Not connected')) : dial());
    answerOf = () => 'good';
    const prober = new Prober(target(tunnel.dial), systemClock);
    await afterRequests(2);
    expect(await prober.end()).toMatchObject({ lost: 0, unknown: 1 });
  });
});

describe('its end', () => {
  test('comes with its clock, so that a run that is cancelled asks no more', async () => {
    answerOf = () => 'good';
    const run = new AbortController();
    const prober = new Prober(target(new Tunnel().dial), systemClock.endingWith(run.signal));
    await afterRequests(2);
    run.abort();
    await systemClock.sleep(150);
    expect(requests).toHaveLength(2);
    expect(await prober.end()).toMatchObject({ sent: 2, lost: 0 });
  });

  test('closes its connection', async () => {
    answerOf = () => 'good';
    const tunnel = new Tunnel();
    const prober = new Prober(target(tunnel.dial), systemClock);
    await prober.begun;
    await prober.end();
    expect(tunnel.streams.map(({ destroyed }) => destroyed)).toEqual([true]);
  });
});

describe('figures', () => {
  test('a prober says when it has begun to see something', async () => {
    answerOf = () => 'good';
    const prober = new Prober(target(new Tunnel().dial), systemClock);
    await prober.begun;
    expect(await prober.end()).toMatchObject({ sent: 1, lost: 0 });
  });

  test('no prober has sent nothing', () => {
    expect(mergeReports([])).toMatchObject({ sent: 0, lost: 0, losses: [] });
  });

  test('quantiles of sorted values, rounded to 0.1; 0 for none', () => {
    const values = Array.from({ length: 100 }, (_, index) => index + 0.26);
    expect([quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1)]).toEqual([50.3, 99.3, 99.3]);
    expect(quantile([], 0.5)).toBe(0);
    expect(quantile([7], 0.99)).toBe(7);
  });

  test('several probers of one service add up', () => {
    const one = { sent: 10, lost: 1, unknown: 2, p50_ms: 5, p99_ms: 9, longest_gap_ms: 40, losses: ['x'] };
    const two = {
      sent: 5,
      lost: 5,
      unknown: 0,
      p50_ms: 3,
      p99_ms: 20,
      longest_gap_ms: 80,
      losses: ['1', '2', '3', '4', '5'],
    };
    expect(mergeReports([one, two])).toEqual({
      sent: 15,
      lost: 6,
      unknown: 2,
      p50_ms: 5,
      p99_ms: 20,
      longest_gap_ms: 80,
      losses: ['x', '1', '2', '3', '4'],
    });
    expect(mergeReports([one])).toEqual(one);
  });
});
