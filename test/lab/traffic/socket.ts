import { connect, type Socket } from 'node:net';
import { Loss, lossOf } from './loss.ts';
import type { Target } from './targets.ts';
import { type ClientTls, openTlsSocket } from './tls.ts';

/**
 * openSocket connects to a target, with Nagle's algorithm off.
 * @param timeoutMs gives up after so many milliseconds
 * @param tls speaks it; default: plain TCP
 * @throws Loss `refused`, `unreachable`, `timeout`, …
 */
export function openSocket(target: Target, timeoutMs: number, tls?: ClientTls): Promise<Socket> {
  if (tls !== undefined) return openTlsSocket(target, tls, timeoutMs);
  const { host, port } = target;
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    const fail = (loss: Loss): void => {
      clearTimeout(timer);
      socket.on('error', () => {}); // a late second error has nothing to add
      socket.destroy();
      reject(loss);
    };
    const timer = setTimeout(() => fail(new Loss('timeout', `no connection in ${timeoutMs} ms`)), timeoutMs);
    const onError = (error: Error): void => fail(lossOf(error, 'connecting'));
    socket.once('error', onError);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', onError);
      resolve(socket);
    });
  });
}

/** SocketReader reads a socket in portions: a line, so many bytes, or its end. One read at a time. */
export class SocketReader {
  #received: Buffer = Buffer.alloc(0);
  #ended: Loss | undefined;
  #wake: () => void = () => {};

  /** `onEnd` hears once of the end of the connection, polite (`closed`) or not. */
  constructor(socket: Socket, onEnd: (loss: Loss) => void) {
    socket.on('data', (piece: Buffer) => {
      this.#received = Buffer.concat([this.#received, piece]);
      this.#wake();
    });
    const end = (loss: Loss): void => {
      if (this.#ended !== undefined) return;
      this.#ended = loss;
      onEnd(loss);
      this.#wake();
    };
    socket.on('end', () => end(new Loss('closed', 'FIN from the server')));
    socket.on('error', (error) => end(lossOf(error, 'connected')));
    socket.on('close', () => end(new Loss('closed', 'the connection is gone')));
  }

  /** line reads up to and without the next newline; throws a Loss if the connection ends or time is up before. */
  async line(timeoutMs: number): Promise<string> {
    await this.#until(() => this.#received.includes('\n'), timeoutMs, 'a whole line');
    const end = this.#received.indexOf('\n');
    return this.#take(end + 1).toString('utf8', 0, end);
  }

  /** exactly reads `length` bytes; throws a Loss if the connection ends or time is up before. */
  async exactly(length: number, timeoutMs: number): Promise<Buffer> {
    await this.#until(() => this.#received.length >= length, timeoutMs, `${length} bytes`);
    return this.#take(length);
  }

  /** end waits for the server's FIN; throws a Loss on a RST, on further bytes, or when time is up. */
  async end(timeoutMs: number): Promise<void> {
    await this.#until(() => this.#ended !== undefined, timeoutMs, 'the end');
    if (this.#ended !== undefined && this.#ended.kind !== 'closed') throw this.#ended;
    if (this.#received.length > 0)
      throw new Loss('mismatch', `${this.#received.length} bytes that nobody asked for`);
  }

  async #until(isThere: () => boolean, timeoutMs: number, what: string): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!isThere()) {
      if (this.#ended !== undefined) {
        const { kind, detail } = this.#ended;
        throw new Loss(kind, `${detail}, ${this.#received.length} bytes received of ${what}`);
      }
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) throw new Loss('timeout', `not ${what} within ${timeoutMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #take(length: number): Buffer {
    const portion = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return portion;
  }
}
