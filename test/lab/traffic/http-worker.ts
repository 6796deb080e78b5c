/** The load process behind `http.ts`. */

import { setTimeout as sleep } from 'node:timers/promises';
import { ClientRun } from './client-run.ts';
import type { HttpTrafficOptions } from './http.ts';
import { HttpConnection } from './http-connection.ts';
import { buildRequest, checkAnswer } from './http-request.ts';
import { workerOptions } from './load-worker.ts';
import { Loss } from './loss.ts';
import { nameOf, type Target } from './targets.ts';

const options = workerOptions<HttpTrafficOptions>();
const {
  targets,
  hostHeader,
  tls,
  clients = 64,
  keepAlive = true,
  methods = ['GET', 'POST'],
  path = '/work?ms=10',
  thinkMs: [shortestMs, longestMs] = [0, 40],
  timeoutMs = 30_000,
  maxSeconds = 600,
} = options;

const run = new ClientRun(maxSeconds);
const { tally } = run;
let turn = 0;

run.answer(Array.from({ length: clients }, runClient));

async function runClient(): Promise<void> {
  let connection: HttpConnection | undefined;
  for (;;) {
    await sleep(shortestMs + Math.random() * (longestMs - shortestMs));
    if (run.isStopping) break;
    connection = await sendOne(connection);
  }
  connection?.close();
}

/** Sends one request, over the given connection if it still serves; returns the connection for the next one. */
async function sendOne(former: HttpConnection | undefined): Promise<HttpConnection | undefined> {
  const method = methods[Math.floor(Math.random() * methods.length)] ?? 'GET';
  const startedAt = performance.now();
  let connection = former?.isReusable ? former : undefined;
  if (former !== connection) tally.endedByServer();
  const target = connection?.target ?? nextTarget();
  tally.sent();
  try {
    if (connection === undefined) {
      former?.close();
      connection = await HttpConnection.open(target, timeoutMs, tls);
      tally.connected(connection.isResumed);
    }
    const request = buildRequest({ method, path, target, hostHeader, keepAlive });
    const leftMs = timeoutMs - (performance.now() - startedAt);
    const version = checkAnswer(request, await connection.exchange(request.bytes, leftMs));
    tally.ok(version, performance.now() - startedAt);
  } catch (error) {
    if (!(error instanceof Loss)) throw error;
    tally.lost(error, method, nameOf(target));
  }
  if (connection?.isReusable && keepAlive) return connection;
  if (connection !== undefined && keepAlive) tally.endedByServer();
  connection?.close();
  return undefined;
}

function nextTarget(): Target {
  return targets[turn++ % targets.length]!;
}
