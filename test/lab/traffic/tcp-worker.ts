/** The load process behind `tcp.ts`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ClientRun } from './client-run.ts';
import { EchoConnection } from './echo-connection.ts';
import { randomPortion } from './http-request.ts';
import { workerOptions } from './load-worker.ts';
import { Loss } from './loss.ts';
import { nameOf } from './targets.ts';
import type { TcpTrafficOptions } from './tcp.ts';

const {
  targets,
  clients = 16,
  thinkMs: [shortestMs, longestMs] = [20, 60],
  timeoutMs = 30_000,
  maxSeconds = 600,
} = workerOptions<TcpTrafficOptions>();

const run = new ClientRun(maxSeconds);
const { tally } = run;
let turn = 0;

run.answer(Array.from({ length: clients }, runClient));

async function runClient(): Promise<void> {
  for (;;) {
    await sleep(shortestMs + Math.random() * (longestMs - shortestMs));
    if (run.isStopping) return;
    await connectOnce();
  }
}

async function connectOnce(): Promise<void> {
  const target = targets[turn++ % targets.length]!;
  const startedAt = performance.now();
  let connection: EchoConnection | undefined;
  tally.sent();
  try {
    connection = await EchoConnection.open(target, timeoutMs);
    tally.connected();
    await connection.echo(randomPortion(), timeoutMs);
    await connection.close(timeoutMs);
    tally.ok(connection.version, performance.now() - startedAt);
  } catch (error) {
    if (!(error instanceof Loss)) throw error;
    connection?.destroy();
    tally.lost(error, 'TCP', nameOf(target));
  }
}
