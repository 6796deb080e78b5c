import { LoadProcess } from './load-process.ts';
import type { BrokenStream, StreamKind } from './stream.ts';
import { requireOwnTargets, type Target } from './targets.ts';
import type { ClientTls } from './tls.ts';

/** Which streams to hold. */
export interface StreamsOptions {
  /** For WebSockets and events, taken in turn; loopback and private addresses only. */
  targets: Target[];
  /** Value of the Host header; default the target's own address. */
  hostHeader?: string;
  /** WebSockets and events speak TLS; default: plain HTTP. */
  tls?: ClientTls;
  /** WebSocket clients on `/ws`; default 0. */
  websockets?: number;
  /** Readers of server-sent events on `/events`; default 0. */
  events?: number;
  /** TCP echo clients; default none. */
  tcp?: Target & { count: number };
  /** Pause between two messages of a stream, in milliseconds; default 200. */
  everyMs?: number;
  /** A stream on which something due stays away for so long is broken, in milliseconds; default 10,000. */
  silenceMs?: number;
  /** After so many seconds the streams finish by themselves; default 600. */
  maxSeconds?: number;
}

/** Streams alive at one moment. */
export type AliveStreams = Record<StreamKind | 'total', number>;

/** What finished streams found. A run without loss has `alive` equal to `opened` and nothing `broken`. */
export interface StreamsResult {
  /** Streams that came to life: connected and greeted. */
  opened: number;
  /** Streams that were alive when they were asked to finish. */
  alive: number;
  /** Streams that failed to open, broke, carried a wrong byte, or did not close as they should. */
  broken: BrokenStream[];
  /** Bytes received and found right. */
  bytes: number;
  /** Streams by the version that greeted them. */
  versionsAtOpen: Record<string, number>;
}

/** Open streams. */
export interface Streams {
  /** alive counts the streams of this moment. */
  alive(): Promise<AliveStreams>;
  /** onBroken calls the listener for every broken stream, those that broke before included. */
  onBroken(listener: (broken: BrokenStream) => void): void;
  /** finish lets every stream end after its current message, ends the load process and returns what was found. */
  finish(): Promise<StreamsResult>;
}

/**
 * openStreams opens long-lived connections from a process of its own and checks all they carry byte for byte.
 * It resolves when every stream is alive or has failed to open; look at the result, nothing is thrown for those.
 * @throws Error when a target is not ours
 */
export async function openStreams(options: StreamsOptions): Promise<Streams> {
  requireOwnTargets([...options.targets, ...(options.tcp === undefined ? [] : [options.tcp])]);
  const broken: BrokenStream[] = [];
  const listeners: ((broken: BrokenStream) => void)[] = [];
  const load = new LoadProcess('streams-worker.ts', options, (_event, value) => {
    broken.push(value as BrokenStream);
    for (const listener of listeners) listener(value as BrokenStream);
  });
  await load.ask('opened');
  let result: Promise<StreamsResult> | undefined;
  const finish = async (): Promise<StreamsResult> => {
    const found = await load.ask<StreamsResult>('finish');
    await load.end();
    return found;
  };
  return {
    alive: () => load.ask('alive'),
    onBroken: (listener) => {
      broken.forEach(listener);
      listeners.push(listener);
    },
    finish: () => {
      result ??= finish();
      return result;
    },
  };
}
