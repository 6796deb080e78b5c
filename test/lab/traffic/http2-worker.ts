/** The load process behind `http2.ts`. */

import { setTimeout as sleep } from 'node:timers/promises';
import { ClientRun } from './client-run.ts';
import { eventsVersion } from './events.ts';
import { checkAnswer, newRequest, type TrafficRequest } from './http-request.ts';
import type { Http2TrafficOptions } from './http2.ts';
import { type Http2Answer, Http2Connection } from './http2-connection.ts';
import { workerOptions } from './load-worker.ts';
import { Loss } from './loss.ts';
import { nameOf, type Target } from './targets.ts';

const {
  targets,
  authority,
  tls,
  connections = 8,
  streams = 8,
  eventStreams = 1,
  methods = ['GET', 'POST'],
  path = '/work?ms=10',
  thinkMs: [shortestMs, longestMs] = [0, 40],
  timeoutMs = 30_000,
  maxSeconds = 600,
} = workerOptions<Http2TrafficOptions>();

const EVENTS = 5;
const EVENTS_PATH = `/events?count=${EVENTS}&every=200`;

/** What one client asks for, and how it knows the version that has answered. */
interface Wish {
  path: string;
  name: () => { request: TrafficRequest; shown: string };
  versionOf: (request: TrafficRequest, answer: Http2Answer) => string;
}

const REQUEST: Wish = {
  path,
  name: () => {
    const method = methods[Math.floor(Math.random() * methods.length)] ?? 'GET';
    return { request: newRequest(method), shown: method };
  },
  versionOf: checkAnswer,
};
const READING: Wish = {
  path: EVENTS_PATH,
  name: () => ({ request: newRequest('GET'), shown: 'EVENTS' }),
  versionOf: (request, answer) => {
    checkAnswer(request, answer);
    return eventsVersion(answer.body.toString(), EVENTS);
  },
};

const run = new ClientRun(maxSeconds);
const { tally } = run;

run.answer(Array.from({ length: connections }, (_, index) => runConnection(index)));

/** Lets some clients share one connection; when the server ends it they share another one. */
async function runConnection(index: number): Promise<void> {
  const target = targets[index % targets.length]!;
  let shared: Promise<Http2Connection> | undefined;
  let last: Http2Connection | undefined;
  const connection = async (): Promise<Http2Connection> => {
    if (last?.isReusable === false) {
      tally.endedByServer();
      last.close();
      last = undefined;
      shared = undefined;
    }
    shared ??= open(target).then(
      (opened) => {
        last = opened;
        return opened;
      },
      (error) => {
        shared = undefined;
        throw error;
      },
    );
    return await shared;
  };
  const clients = [
    ...Array.from({ length: streams }, () => REQUEST),
    ...Array.from({ length: eventStreams }, () => READING),
  ];
  await Promise.all(clients.map((wish) => runClient(wish, target, connection)));
  if (last?.isReusable === false) tally.endedByServer();
  last?.close();
}

async function open(target: Target): Promise<Http2Connection> {
  const opened = await Http2Connection.open(target, tls, timeoutMs);
  tally.connected(opened.isResumed);
  return opened;
}

async function runClient(
  wish: Wish,
  target: Target,
  connection: () => Promise<Http2Connection>,
): Promise<void> {
  for (;;) {
    await sleep(shortestMs + Math.random() * (longestMs - shortestMs));
    if (run.isStopping) return;
    const startedAt = performance.now();
    const { request, shown } = wish.name();
    tally.sent();
    try {
      const over = await connection();
      const leftMs = timeoutMs - (performance.now() - startedAt);
      const answer = await over.exchange(request, { authority, path: wish.path }, leftMs);
      tally.ok(wish.versionOf(request, answer), performance.now() - startedAt);
    } catch (error) {
      if (!(error instanceof Loss)) throw error;
      tally.lost(error, shown, nameOf(target));
    }
  }
}
