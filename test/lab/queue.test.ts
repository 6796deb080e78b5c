import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { maintenanceFlag, waitingFlag } from '../../src/nginx/standing-flags.ts';
import { size } from '../e2e/size.ts';
import { type Front, startFront } from './front.ts';

const SHOP = { project: 'shop', environment: 'production' };
/** So many clients send without a pause, every second one a POST. */
const CLIENTS = 32;
/** So many wait at once in the test of what that costs. */
const WAITING = size.isFull ? 1_000 : 300;

/** What became of a request over a raw socket, which never repeats anything. */
interface Sent {
  status: string;
  ms: number;
}

describe('requests that wait at a real edge', () => {
  let front: Front;
  const flag = (service: string) => `/etc/switchyard/flags/${waitingFlag(SHOP, service)}`;
  const hold = (service: string) => front.exec('touch', flag(service));
  const release = (service: string) => front.exec('rm', flag(service));

  beforeAll(async () => {
    front = await startFront('edge', [
      { name: 'app', route: { queueRequestsMs: 30_000 } },
      { name: 'brief', route: { queueRequestsMs: 1_500 } },
      { name: 'other', route: { queueRequestsMs: 5_000 } },
    ]);
  }, 120_000);

  afterAll(async () => {
    await front?.down();
  });

  test('an app is stopped and started again under load, and nobody loses a request', async () => {
    const loads = Array.from({ length: CLIENTS }, (_, index) => new Load(front, index));
    await sleep(1_000);
    await hold('app');
    // What is on its way ends first, as the drain of a deploy sees to it.
    await sleep(500);
    await front.stop('app');
    await sleep(1_500);
    await front.start('app');
    await answers(front, 'app');
    const began = Date.now();
    await release('app');
    await sleep(2_500);
    const sent = (await Promise.all(loads.map((load) => load.end()))).flat();
    const lost = sent.filter(({ status }) => status !== '200');
    const longestMs = Math.max(...sent.map(({ ms }) => ms));
    console.log(`${sent.length} sent, ${lost.length} lost, the longest took ${longestMs} ms`);
    expect(lost).toEqual([]);
    expect(longestMs).toBeGreaterThan(1_500);
    expect(longestMs).toBeLessThan(Date.now() - began + 10_000);
  });

  test('a POST reaches the app once, with its body, however long it has waited', async () => {
    await hold('app');
    const answered = front.ask('/run?id=patient', { method: 'POST', body: 'patient' });
    const large = front.ask('/echo', { method: 'POST', body: 'x'.repeat(3_000_000) });
    await sleep(1_500);
    expect(JSON.parse(await direct(front, '/runs'))).not.toHaveProperty('patient');
    await release('app');
    expect([(await answered).status, (await large).status]).toEqual([200, 200]);
    expect(JSON.parse(await direct(front, '/runs'))).toMatchObject({ patient: 1 });
  });

  test('who waits longer than it is promised gets 503 with Retry-After, and none of it reached the app', async () => {
    await hold('brief');
    const begun = Date.now();
    const answer = await front.ask('/run?id=late', { app: 'brief', method: 'POST', body: 'late' });
    const ms = Date.now() - begun;
    await release('brief');
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    expect(ms).toBeGreaterThan(1_400);
    expect(ms).toBeLessThan(10_000);
    expect((await front.ask('/runs', { app: 'brief' })).body).not.toContain('late');
  });

  test('only its own requests wait, and the path that they ask at is nobody else’s', async () => {
    await hold('app');
    expect((await front.ask('/echo', { app: 'other' })).status).toBe(200);
    await release('app');
    expect((await front.ask('/.well-known/switchyard/wait')).status).toBe(404);
  });

  test('maintenance answers at once, also while others wait', async () => {
    await hold('other');
    await front.exec('touch', `/etc/switchyard/flags/${maintenanceFlag(SHOP, 'other')}`);
    const { status, body } = await front.ask('/', { app: 'other' });
    await front.exec('rm', `/etc/switchyard/flags/${maintenanceFlag(SHOP, 'other')}`);
    await release('other');
    expect([status, body]).toEqual([503, expect.stringContaining('We will be right back')]);
  });

  test('many wait for little: memory, processor and the time until they go on', async () => {
    await hold('app');
    const before = await costs(front);
    const sockets = await Promise.all(Array.from({ length: WAITING }, (_, index) => open(front, index)));
    // A hundred clients lose their patience.
    const gone = Math.floor(WAITING / 10);
    await sleep(3_000);
    for (const socket of sockets.slice(0, gone)) socket.destroy();
    await sleep(2_000);
    const during = await costs(front);
    const released = Date.now();
    const all = Promise.all(sockets.slice(gone).map(answerOn));
    await release('app');
    const statuses = await all;
    const ms = Date.now() - released;
    const ticks = ((during.ticks - before.ticks) / 5).toFixed(0);
    console.log(
      `${WAITING} waiting: ${((during.kb - before.kb) / WAITING).toFixed(0)} KB each, ${ticks} % of a processor, all answered ${ms} ms after`,
    );
    expect(statuses.filter((status) => status !== '200')).toEqual([]);
    expect((during.kb - before.kb) / WAITING).toBeLessThan(150);
  });

  test('nothing of it is in the log', async () => {
    const lines = (await front.log()).split('\n').filter((line) => /\[(?:error|alert|emerg)\]/.test(line));
    expect(lines.filter((line) => /wait|127\.0\.0\.1|auth/.test(line))).toEqual([]);
  });
});

/** Load sends one request after the other over raw connections that it keeps, until `end`. */
class Load {
  readonly #sent: Sent[] = [];
  readonly #running: Promise<void>;
  #isOver = false;

  constructor(front: Front, index: number) {
    this.#running = this.#run(front, index);
  }

  async end(): Promise<Sent[]> {
    this.#isOver = true;
    await this.#running;
    return this.#sent;
  }

  async #run(front: Front, index: number): Promise<void> {
    while (!this.#isOver) {
      const begun = Date.now();
      const socket = await open(front, index);
      this.#sent.push({ status: await answerOn(socket), ms: Date.now() - begun });
      socket.destroy();
    }
  }
}

async function open(front: Front, index: number): Promise<Socket> {
  const socket = connect(80, front.address);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(
    index % 2 === 0
      ? 'GET /echo HTTP/1.1\r\nHost: app.example.com\r\n\r\n'
      : 'POST /echo HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: 5\r\n\r\nhello',
  );
  return socket;
}

/** Returns the status that came, or how it ended without one. */
async function answerOn(socket: Socket): Promise<string> {
  const answered = once(socket, 'data').then(
    ([piece]) => /^HTTP\/1\.1 (\d+)/.exec(String(piece))?.[1] ?? 'nonsense',
  );
  const closed = once(socket, 'close').then(() => 'closed');
  return await Promise.race([answered, closed]);
}

/** What the app itself says, past the edge. */
async function direct(front: Front, path: string): Promise<string> {
  const sent = request({ host: front.addressOf('app'), port: 3_000, path, agent: false });
  sent.end();
  const [response] = await once(sent, 'response');
  let body = '';
  for await (const piece of response) body += String(piece);
  return body;
}

/** Waits until an app answers by itself. */
async function answers(front: Front, app: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(3_000, front.addressOf(app));
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (isUp) break;
    await sleep(100);
  }
  // nginx asks for the name once a second, which the flag of a switch spares a deploy.
  await sleep(1_500);
}

/** What the processes of nginx have used: kilobytes, and hundredths of a second. */
async function costs(front: Front): Promise<{ kb: number; ticks: number }> {
  const script =
    'for p in $(pidof nginx); do awk "/VmRSS/{print \\$2}" /proc/$p/status; awk "{print \\"t\\" \\$14+\\$15}" /proc/$p/stat; done';
  const lines = (await front.exec('sh', '-c', script)).split('\n');
  const sum = (of: readonly string[]) => of.reduce((total, one) => total + Number(one), 0);
  return {
    kb: sum(lines.filter((line) => /^\d+$/.test(line))),
    ticks: sum(lines.filter((line) => line.startsWith('t')).map((line) => line.slice(1))),
  };
}
