import type { Loss } from './loss.ts';
import { nameOf, type Target } from './targets.ts';
import type { ClientTls } from './tls.ts';

export type StreamKind = 'websocket' | 'events' | 'tcp';

/** One long-lived connection that did not live as long, or carry what, it should. */
export interface BrokenStream {
  kind: StreamKind;
  target: string;
  /** When it was noticed, in milliseconds since 1970. */
  at: number;
  why: string;
}

/** What all streams of one run share. */
export interface StreamSettings {
  hostHeader?: string | undefined;
  /** WebSockets and events speak TLS. */
  tls?: ClientTls | undefined;
  /** Pause between two messages, in milliseconds. */
  everyMs: number;
  /** A stream on which nothing due came for so long is broken, in milliseconds. */
  silenceMs: number;
  maxSeconds: number;
}

/** Stream is one long-lived connection: opened, alive, and then either ended as it should or broken. */
export abstract class Stream {
  readonly kind: StreamKind;
  readonly target: Target;
  /** Version of the app at the other end; undefined until the stream was alive. */
  version: string | undefined;
  /** Bytes received and found right. */
  bytes = 0;
  protected readonly settings: StreamSettings;
  #state: 'opening' | 'alive' | 'ended' | 'broken' = 'opening';
  readonly #opened = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<void>();
  readonly #onBroken: (broken: BrokenStream) => void;

  constructor(
    kind: StreamKind,
    target: Target,
    settings: StreamSettings,
    onBroken: (broken: BrokenStream) => void,
  ) {
    this.kind = kind;
    this.target = target;
    this.settings = settings;
    this.#onBroken = onBroken;
  }

  /** start begins to open the stream; whatever fails, now or later, goes through `breaks`. */
  abstract start(): void;

  /** finish lets the current message arrive, then closes politely. */
  abstract finish(): void;

  /** free gives up the connection, in whatever state it is. */
  protected abstract free(): void;

  get isAlive(): boolean {
    return this.#state === 'alive';
  }

  get isOver(): boolean {
    return this.#state === 'ended' || this.#state === 'broken';
  }

  /** Resolves when the stream is alive, or broken. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** Resolves when the stream has ended or is broken. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  protected lives(version: string): void {
    if (this.#state !== 'opening') return;
    this.#state = 'alive';
    this.version = version;
    this.#opened.resolve();
  }

  protected ends(): void {
    if (this.isOver) return;
    this.#state = 'ended';
    this.#over.resolve();
    this.free();
  }

  protected breaks(loss: Loss): void {
    if (this.isOver) return;
    const when = this.#state === 'opening' ? ' (while opening)' : '';
    this.#state = 'broken';
    this.#onBroken({
      kind: this.kind,
      target: nameOf(this.target),
      at: loss.at,
      why: `${loss.message}${when}`,
    });
    this.#opened.resolve();
    this.#over.resolve();
    this.free();
  }
}
