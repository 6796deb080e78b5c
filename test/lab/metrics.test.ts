import { spawnSync } from 'node:child_process';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseFigures, type Sample, trafficOf } from '../../src/nginx/traffic.ts';
import { type Front, startFront } from './front.ts';

const SHOP = { project: 'shop', environment: 'production' };
/** Files take turns every five seconds, and each is read two to four seconds after its turn; the rest is a slow machine. */
const LONGEST_MS = 26_000;
/** Nobody but `counted` asks for it. */
const LAST = 'last';

let front: Front;

beforeAll(async () => {
  // The second copy of `two` is not there: who asks for it is sent to the other.
  const copies = [
    { server: 'here', slot: 'base', weight: 1 } as const,
    { server: 'here', slot: '3', weight: 1 } as const,
  ];
  const apps = [{ name: 'web' }, { name: 'api' }, { name: 'two', route: { copies } }, { name: LAST }];
  front = await startFront('edge', apps);
  // Until here it was asked whether it answers.
  await counted();
}, 300_000);

afterAll(async () => {
  await front?.down();
});

describe('what a real edge counts', () => {
  test('is every request, by service, copy and answer, and nothing else', async () => {
    const before = await front.figures();
    await many(20, () => front.ask('/echo', { app: 'web' }));
    await many(5, () => front.ask('/refuse', { app: 'web', method: 'POST', body: 'x' }));
    await many(3, () => front.ask('/die?id=1', { app: 'web', method: 'POST', body: 'x' }));
    await many(7, () => front.ask('/pause?ms=300', { app: 'api' }));
    await many(4, () => front.ask('/', { headers: { host: 'nobody.example.com' } }));
    // No line can be made up by what a client sends.
    await front.ask('/a%09b%0Ashop_production%20api', { app: 'web', headers: { 'user-agent': 'a\tb' } });
    const now = await counted();

    const counts = (code: string) => grown(before, now, 'requests_total', { service: 'web', code });
    expect([counts('200'), counts('413'), counts('502')]).toEqual([21, 5, 3]);
    expect(grown(before, now, 'requests_total', { service: 'api', code: '200' })).toBe(7);
    expect(grown(before, now, 'upstream_failures_total', { service: 'web' })).toBe(3);
    expect(grown(before, now, 'unrouted_requests_total', { code: '404' })).toBe(4);
    const figures = { before, now };
    const traffic = trafficOf(SHOP, [figures]);
    expect(traffic.get('web')).toMatchObject({
      requests: 29,
      errors: 3,
      failures: 3,
      copies: [{ server: 'here', side: 'base', container: 'shop_production_web', requests: 29 }],
    });
    const { latencyMs, requests } = traffic.get('api')!;
    expect(requests).toBe(7);
    expect(latencyMs!.p50).toBeGreaterThan(250);
    expect(latencyMs!.p99).toBeLessThanOrEqual(500);
    expect(trafficOf({ ...SHOP, environment: 'staging' }, [figures]).size).toBe(0);
  });

  test('tells who answered, and who did not, where one copy is asked in place of another', async () => {
    const before = await front.figures();
    await many(10, () => front.ask('/', { app: 'two' }));
    const answered = { service: 'two', copy: 'shop_production_two', side: 'base', code: '200' };
    expect(grown(before, await counted(), 'requests_total', answered)).toBe(10);
  });

  test('are open connections, of clients and to copies', async () => {
    const { address } = front;
    const idle = await Promise.all(Array.from({ length: 9 }, () => connected(address)));
    const agent = new Agent();
    const slow = Promise.allSettled(
      Array.from({ length: 3 }, () => front.ask(`/pause?ms=${LONGEST_MS}`, { app: 'web', agent })),
    );
    try {
      await until(async () => {
        const now = parseFigures(await front.figures());
        const active = { service: 'web', state: 'active' };
        return sum(now, 'connections', {}) === 12 && sum(now, 'upstream_connections', active) === 3;
      });
    } finally {
      for (const socket of idle) socket.destroy();
      agent.destroy();
      await slow;
    }
  });

  test('goes on where it was when the configuration is read again, or another one is live', async () => {
    const before = await front.figures();
    // As a run leaves it that has made the other folder live: the same configuration, at another place.
    await front.exec(
      'sh',
      '-c',
      'cd /etc/switchyard && cp -r b/. a/ && sed -i s,/b/,/a/, nginx.conf a/main.conf',
    );
    await front.reload();
    await many(10, () => front.ask('/', { app: 'two' }));
    expect(grown(before, await counted(), 'requests_total', { service: 'two' })).toBe(10);
  });

  test('is nothing that a client of the edge, or a container in its networks, is told', async () => {
    expect((await front.ask('/metrics', { headers: { host: 'nobody.example.com' } })).status).toBe(404);
    const { status } = spawnSync('docker', ['exec', front.nameOf('web'), 'node', '-e', ASK, front.address]);
    expect(status).toBe(3);
  });

  test('holds nobody up, and is bounded, when the program is gone or memory is full', async () => {
    await front.exec('sh', '-c', 'dd if=/dev/zero of=/dev/shm/full bs=1M count=100 2>/dev/null; true');
    const answers = await many(50, () => front.ask('/', { app: 'web' }));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    await front.exec('rm', '/dev/shm/full');
    // Where the program could not write, it begins anew, at a time that nothing tells.
    await sleep(LONGEST_MS / 2);
    const before = await front.figures();
    await many(5, () => front.ask('/', { app: 'two' }));
    expect(grown(before, await counted(), 'requests_total', { service: 'two' })).toBe(5);
  });
});

/** Ends with 3 where it is refused. */
const ASK = `fetch('http://' + process.argv[1] + ':8099/metrics').then(({ status }) => process.exit(status === 403 ? 3 : 0))`;

async function many<T>(times: number, work: () => Promise<T>): Promise<T[]> {
  const done: T[] = [];
  for (let time = 0; time < times; time++) done.push(await work());
  return done;
}

/** counted returns the figures when all that was sent so far is in them: the request that is sent last, and what came before. */
async function counted(): Promise<string> {
  const before = await front.figures();
  await front.ask('/', { app: LAST });
  let now = before;
  await until(async () => {
    now = await front.figures();
    return grown(before, now, 'requests_total', { service: LAST }) > 0;
  });
  return now;
}

function grown(before: string, now: string, name: string, labels: Record<string, string>): number {
  return sum(parseFigures(now), name, labels) - sum(parseFigures(before), name, labels);
}

function sum(samples: readonly Sample[], name: string, labels: Record<string, string>): number {
  return samples
    .filter((one) => one.name === `switchyard_${name}`)
    .filter((one) => Object.entries(labels).every(([key, value]) => one.labels[key] === value))
    .reduce((total, { value }) => total + value, 0);
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + LONGEST_MS;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`this is not so: ${isSo}\n${await front.figures()}`);
    await sleep(200);
  }
}

async function connected(host: string) {
  const socket = connect({ host, port: 80 });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return socket;
}
