/** The load process behind `held.ts`. */
import type { HeldRequestsOptions } from './held.ts';
import { HttpConnection } from './http-connection.ts';
import { buildRequest, checkAnswer } from './http-request.ts';
import { answerParent, workerOptions } from './load-worker.ts';
import { Loss } from './loss.ts';
import { Tally } from './tally.ts';
import { nameOf } from './targets.ts';

const {
  targets,
  hostHeader,
  tls,
  count = 1_000,
  method = 'GET',
  path = '/slow?ms=3000',
  timeoutMs = 30_000,
} = workerOptions<HeldRequestsOptions>();

/** More at once overflow a listener's queue (511 in Node and nginx), and the kernel repeats a SYN only after 1 s. */
const OPENED_AT_ONCE = 100;

const tally = new Tally();
const { promise: allSent, resolve: markAllSent } = Promise.withResolvers<void>();
const finished = run();
answerParent({
  snapshot: () => tally.snapshot(),
  allSent: () => allSent,
  finished: async () => {
    await finished;
    return tally.result();
  },
});

async function run(): Promise<void> {
  const connections: HttpConnection[] = [];
  for (let opened = 0; opened < count; opened += OPENED_AT_ONCE) {
    const batch = Array.from({ length: Math.min(OPENED_AT_ONCE, count - opened) }, (_, i) =>
      open(opened + i),
    );
    connections.push(...(await Promise.all(batch)).filter((connection) => connection !== undefined));
  }
  let unsent = connections.length;
  if (unsent === 0) markAllSent();
  const countDown = (): void => {
    unsent -= 1;
    if (unsent === 0) markAllSent();
  };
  await Promise.all(connections.map((connection) => sendOne(connection, countDown)));
  tally.end();
}

async function open(index: number): Promise<HttpConnection | undefined> {
  const target = targets[index % targets.length]!;
  tally.sent();
  try {
    const connection = await HttpConnection.open(target, timeoutMs, tls);
    tally.connected();
    return connection;
  } catch (error) {
    if (!(error instanceof Loss)) throw error;
    tally.lost(error, method, nameOf(target));
    return undefined;
  }
}

async function sendOne(connection: HttpConnection, sent: () => void): Promise<void> {
  const startedAt = performance.now();
  try {
    const { target } = connection;
    const request = buildRequest({ method, path, target, hostHeader, keepAlive: true });
    const version = checkAnswer(request, await connection.exchange(request.bytes, timeoutMs, sent));
    tally.ok(version, performance.now() - startedAt);
  } catch (error) {
    if (!(error instanceof Loss)) throw error;
    tally.lost(error, method, nameOf(connection.target));
  }
  connection.close();
}
