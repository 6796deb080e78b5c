/** The load process behind `streams.ts`. */
import { EchoStream } from './echo-stream.ts';
import { EventStream } from './event-stream.ts';
import { answerParent, tellParent, workerOptions } from './load-worker.ts';
import type { BrokenStream, Stream, StreamKind, StreamSettings } from './stream.ts';
import type { AliveStreams, StreamsOptions, StreamsResult } from './streams.ts';
import type { Target } from './targets.ts';
import { WebSocketStream } from './websocket-stream.ts';

const options = workerOptions<StreamsOptions>();
const { targets, websockets = 0, events = 0, tcp, maxSeconds = 600 } = options;
const settings: StreamSettings = {
  hostHeader: options.hostHeader,
  tls: options.tls,
  everyMs: options.everyMs ?? 200,
  silenceMs: options.silenceMs ?? 10_000,
  maxSeconds,
};

/** As in `held-worker.ts`: more at once overflow a listener's queue. */
const OPENED_AT_ONCE = 50;

const broken: BrokenStream[] = [];
const streams: Stream[] = [
  ...make(websockets, WebSocketStream, 'websocket', targets),
  ...make(events, EventStream, 'events', targets),
  ...make(tcp?.count ?? 0, EchoStream, 'tcp', tcp === undefined ? [] : [tcp]),
];
const opened = open();
let result: Promise<StreamsResult> | undefined;

setTimeout(finishOnce, maxSeconds * 1_000).unref();
answerParent({ opened: () => opened, alive: countAlive, finish: finishOnce });

function make(
  count: number,
  Kind: new (...parts: ConstructorParameters<typeof Stream>) => Stream,
  kind: StreamKind,
  at: Target[],
): Stream[] {
  return Array.from({ length: count }, (_, i) => new Kind(kind, at[i % at.length]!, settings, onBroken));
}

function onBroken(stream: BrokenStream): void {
  broken.push(stream);
  tellParent({ event: 'broken', value: stream });
}

async function open(): Promise<void> {
  for (let first = 0; first < streams.length; first += OPENED_AT_ONCE) {
    const batch = streams.slice(first, first + OPENED_AT_ONCE);
    for (const stream of batch) stream.start();
    await Promise.all(batch.map((stream) => stream.opened));
  }
}

function countAlive(): AliveStreams {
  const count = (kind: StreamKind): number =>
    streams.filter((stream) => stream.isAlive && stream.kind === kind).length;
  const [webSockets, eventStreams, tcpStreams] = [count('websocket'), count('events'), count('tcp')];
  return {
    websocket: webSockets,
    events: eventStreams,
    tcp: tcpStreams,
    total: webSockets + eventStreams + tcpStreams,
  };
}

function finishOnce(): Promise<StreamsResult> {
  result ??= finish();
  return result;
}

async function finish(): Promise<StreamsResult> {
  await opened;
  const alive = countAlive().total;
  for (const stream of streams) stream.finish();
  await Promise.all(streams.map((stream) => stream.over));
  const versionsAtOpen: Record<string, number> = {};
  for (const { version } of streams) {
    if (version !== undefined) versionsAtOpen[version] = (versionsAtOpen[version] ?? 0) + 1;
  }
  const sum = (of: (stream: Stream) => number): number =>
    streams.reduce((total, stream) => total + of(stream), 0);
  return {
    opened: sum(({ version }) => (version === undefined ? 0 : 1)),
    alive,
    broken,
    bytes: sum(({ bytes }) => bytes),
    versionsAtOpen,
  };
}
