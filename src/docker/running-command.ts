import { once } from 'node:events';
import { type Duplex, Readable } from 'node:stream';
import { isTunnelBroken, messageOf } from '../model/errors.ts';
import { FrameReader } from './multiplex.ts';

/** Of what a command writes to stderr, so much of its end is kept. */
const STDERR_BYTES = 64 * 1024;

/** How a command in a container ended. */
export interface CommandEnd {
  /** 137 where it was killed, also with its container. */
  exitCode: number;
  /** The end of what it wrote there, 64 KiB at most. */
  stderr: string;
}

/** A command that runs inside a container. */
export interface RunningCommand {
  /**
   * What it prints, while it runs. It has to be read, or the command waits for its reader. It ends when the command has
   * ended, whatever its exit code, and fails where something of it may be missing.
   */
  stdout: Readable;
  /**
   * Rejects when nobody knows how the command ended: its connection broke (see isTunnelBroken), its input failed, its
   * output was given up, or it was called off.
   */
  ended: Promise<CommandEnd>;
}

/** What a running command needs beside its connection. */
interface Surroundings {
  input: Readable | undefined;
  signal: AbortSignal | undefined;
  /** Asks the engine how a command ended whose output has come to its end. */
  exitCode(): Promise<number>;
  /** Turns what cut the connection off into an error for people. */
  explain(error: unknown): unknown;
}

/**
 * runningCommand makes a command of the connection that the engine has handed over for it. It sends all of `input`, and
 * its end, and takes apart what comes back.
 */
export function runningCommand(
  connection: Duplex,
  { input, signal, exitCode, explain }: Surroundings,
): RunningCommand {
  const { promise: ended, resolve, reject } = Promise.withResolvers<CommandEnd>();
  // Who reads stdout hears of a failure there, and need not look here.
  ended.catch(() => undefined);
  const stderr = new Tail(STDERR_BYTES);
  const conclude = async () => resolve({ exitCode: await exitCode(), stderr: stderr.toString() });

  async function* output(): AsyncGenerator<Buffer, undefined> {
    const frames = new FrameReader();
    try {
      for await (const chunk of connection) {
        for (const { stream, bytes } of frames.read(chunk)) {
          if (stream === 'stdout') yield bytes;
          else stderr.add(bytes);
        }
      }
      if (!frames.isBetweenFrames) throw new Error('the output of a command was cut off');
    } catch (error) {
      if (stdout.destroyed) return undefined;
      // A command may close its side before it has read its input: then the engine knows how it ended.
      if (!isTunnelBroken(error)) await conclude().catch(() => undefined);
      throw explain(broken(error));
    }
    await conclude();
    return undefined;
  }

  const printed = output();
  const giveUp = () => stdout.destroy(signal?.reason);
  const stdout = new Readable({
    read() {
      printed.next().then(
        ({ value }) => this.push(value ?? null),
        (error) => this.destroy(error),
      );
    },
    destroy(error, done) {
      signal?.removeEventListener('abort', giveUp);
      connection.destroy();
      reject(error ?? new Error('the output of a command was given up'));
      done(error);
    },
  });
  if (signal?.aborted) giveUp();
  else signal?.addEventListener('abort', giveUp);
  // The output fails with it; until somebody reads that, nobody else listens.
  connection.on('error', () => undefined);
  if (input !== undefined) send(input, connection).catch((error: Error) => stdout.destroy(error));
  return { stdout, ended };
}

/** The end of what was added, of so many bytes at most. */
class Tail {
  readonly #most: number;
  readonly #pieces: Buffer[] = [];
  #length = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(bytes: Buffer): void {
    this.#pieces.push(bytes);
    this.#length += bytes.length;
    while (this.#length - (this.#pieces[0]?.length ?? 0) >= this.#most) {
      this.#length -= this.#pieces.shift()?.length ?? 0;
    }
  }

  toString(): string {
    return Buffer.concat(this.#pieces).subarray(-this.#most).toString();
  }
}

/** Sends all of `input` and its end, as long as the connection takes it; rejects with what makes the input fail. */
async function send(input: Readable, connection: Duplex): Promise<void> {
  const closed = new AbortController();
  connection.once('close', () => {
    closed.abort();
    input.destroy();
  });
  try {
    for await (const chunk of input) {
      // Unlike `pipeline` it writes nothing to a command that has ended: the error would throw its last words away.
      if (!connection.writable) return;
      if (!connection.write(chunk)) await once(connection, 'drain', { signal: closed.signal });
    }
    connection.end();
  } catch (error) {
    if (!connection.destroyed) throw error;
  }
}

function broken(error: unknown): Error {
  return Object.assign(new Error(messageOf(error), { cause: error }), { isTunnelBroken: true });
}
