import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { FromWorker, ToWorker } from './load-worker.ts';

interface Question {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

/**
 * LoadProcess runs a worker file of this folder in a Node process of its own, so that the test's event loop
 * neither slows the load nor hides a pause from it. It keeps the test's process alive only while a question waits.
 */
export class LoadProcess {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #questions = new Map<number, Question>();
  readonly #ready: Promise<void>;
  #lastId = 0;
  #stderr = '';
  #death: Error | undefined;

  /** `worker` is a file name of this folder; `options` must survive JSON; `onEvent` hears what the worker tells. */
  constructor(worker: string, options: object, onEvent?: (event: string, value: unknown) => void) {
    this.#name = worker;
    const file = fileURLToPath(new URL(worker, import.meta.url));
    // NODE_OPTIONS carries jest's flags, which are not meant for the worker.
    const { NODE_OPTIONS: _, ...env } = process.env;
    this.#child = spawn(process.execPath, [file, JSON.stringify(options)], {
      env,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#ready = promise;
    promise.catch(() => {}); // told to whoever asks
    this.#child.stderr?.on('data', (piece: Buffer) => {
      this.#stderr = (this.#stderr + piece.toString()).slice(-4_000);
    });
    this.#child.on('message', (message: FromWorker) => {
      if ('ready' in message) resolve();
      else if ('event' in message) onEvent?.(message.event, message.value);
      else this.#settle(message);
    });
    this.#child.on('error', (error) => this.#die(error, reject));
    this.#child.on('close', (code, signal) => {
      this.#die(new Error(`${this.#name} ended early (${signal ?? code}): ${this.#stderr.trim()}`), reject);
    });
    (this.#child.stderr as Socket | null)?.unref();
    this.#hold(false);
  }

  /** ask puts a question to the worker; rejects with its error, or when the worker has ended. */
  async ask<Value>(question: string): Promise<Value> {
    if (this.#death !== undefined) throw this.#death;
    const id = ++this.#lastId;
    const answer = new Promise<unknown>((resolve, reject) => this.#questions.set(id, { resolve, reject }));
    answer.catch(() => {}); // reaches the caller below, or through #ready
    this.#hold(true);
    await this.#ready;
    const message: ToWorker = { id, question };
    this.#child.send(message, () => {});
    return (await answer) as Value;
  }

  /** end lets the worker go and waits until it is gone. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#hold(true);
    const gone = once(this.#child, 'exit');
    if (this.#child.connected) this.#child.disconnect();
    await gone;
  }

  #settle(message: { id: number } & ({ value: unknown } | { error: string })): void {
    const question = this.#questions.get(message.id);
    this.#questions.delete(message.id);
    if (this.#questions.size === 0) this.#hold(false);
    if ('error' in message) question?.reject(new Error(`${this.#name}: ${message.error}`));
    else question?.resolve(message.value);
  }

  #die(error: Error, rejectReady: (error: Error) => void): void {
    this.#death ??= error;
    rejectReady(error);
    for (const question of this.#questions.values()) question.reject(error);
    this.#questions.clear();
  }

  #hold(isHeld: boolean): void {
    if (isHeld) {
      this.#child.ref();
      this.#child.channel?.ref();
    } else {
      this.#child.unref();
      this.#child.channel?.unref();
    }
  }
}
