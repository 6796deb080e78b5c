import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { Loss, lossOf } from './loss.ts';
import { type ResponseHead, ResponseParser } from './response-parser.ts';
import { openSocket } from './socket.ts';
import { nameOf, type Target } from './targets.ts';
import type { ClientTls } from './tls.ts';

/** A whole answer, whatever its status. */
export interface Answer extends ResponseHead {
  body: Buffer;
}

interface Exchange {
  parser: ResponseParser;
  settle: (result: ResponseHead | Loss) => void;
}

/** HttpConnection is one raw connection that carries one request after the other and repeats none. */
export class HttpConnection {
  readonly target: Target;
  readonly #socket: Socket;
  #exchange: Exchange | undefined;
  #served = 0;
  #isReusable = true;
  #failure: Loss | undefined;

  private constructor(target: Target, socket: Socket) {
    this.target = target;
    this.#socket = socket;
    socket.on('data', (piece) => this.#onData(piece));
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error) => this.#fail(lossOf(error, this.#state())));
    socket.on('close', () => this.#fail(new Loss('closed', `gone ${this.#state()}`)));
  }

  /** open connects; throws a Loss when that fails or takes longer than `timeoutMs`. */
  static async open(target: Target, timeoutMs: number, tls?: ClientTls): Promise<HttpConnection> {
    return new HttpConnection(target, await openSocket(target, timeoutMs, tls));
  }

  /** True where TLS went on with a session of an earlier connection. */
  get isResumed(): boolean {
    return this.#socket instanceof TLSSocket && this.#socket.isSessionReused();
  }

  /** False once the server announced its close, closed an idle connection, or broke it: a client then opens another. */
  get isReusable(): boolean {
    return this.#isReusable;
  }

  /**
   * exchange sends the bytes of one request and reads the whole answer.
   * @param sent called when the kernel has taken the last byte of the request, or never will
   * @throws Loss when the answer does not arrive whole within `timeoutMs`
   */
  exchange(request: Buffer, timeoutMs: number, sent?: () => void): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        sent?.();
        reject(this.#failure);
        return;
      }
      const body: Buffer[] = [];
      const parser = new ResponseParser((piece) => body.push(piece));
      const timer = setTimeout(() => {
        this.#fail(new Loss('timeout', `no whole answer in ${Math.round(timeoutMs)} ms: ${parser.progress}`));
      }, timeoutMs);
      const settle = (result: ResponseHead | Loss): void => {
        clearTimeout(timer);
        this.#exchange = undefined;
        this.#served += 1;
        if (result instanceof Loss) reject(result);
        else resolve({ ...result, body: Buffer.concat(body) });
      };
      this.#exchange = { parser, settle };
      this.#socket.write(request, () => sent?.());
    });
  }

  /** close ends the connection as a polite client does. */
  close(): void {
    this.#isReusable = false;
    this.#socket.end();
    // Whatever the server does with our FIN, the descriptor must not outlive the request for long.
    setTimeout(() => this.#socket.destroy(), 1_000).unref();
  }

  #onData(piece: Buffer): void {
    const { parser } = this.#exchange ?? {};
    if (parser === undefined) {
      this.#isReusable = false; // bytes without a request, such as an idle timeout's 408
      return;
    }
    try {
      parser.push(piece);
      this.#settleIfComplete(parser);
    } catch (error) {
      this.#fail(lossOf(error as Error, 'parsing'));
    }
  }

  #onEnd(): void {
    const { parser } = this.#exchange ?? {};
    if (parser !== undefined) {
      parser.end();
      this.#settleIfComplete(parser);
    }
    this.#fail(new Loss('closed', `FIN ${this.#state()}`));
  }

  #settleIfComplete(parser: ResponseParser): void {
    if (!parser.isComplete || parser.head === undefined) return;
    if (parser.excessBytes > 0) throw new Loss('mismatch', `${parser.excessBytes} bytes after the answer`);
    if (parser.head.closesAfter) this.#isReusable = false;
    this.#exchange?.settle(parser.head);
  }

  #fail(loss: Loss): void {
    this.#isReusable = false;
    this.#failure ??= loss;
    this.#exchange?.settle(loss);
    this.#socket.destroy();
  }

  #state(): string {
    const use = this.#served === 0 ? 'a fresh connection' : `a connection reused ${this.#served} times`;
    return `on ${use} to ${nameOf(this.target)}: ${this.#exchange?.parser.progress ?? 'idle'}`;
  }
}
