import type { Socket } from 'node:net';
import { Loss, lossOf } from './loss.ts';
import { ResponseParser } from './response-parser.ts';
import { openSocket } from './socket.ts';
import { Stream } from './stream.ts';
import { nameOf } from './targets.ts';

/** EventStream reads server-sent events and wants every one, in order, unchanged and from the same version. */
export class EventStream extends Stream {
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #parser = new ResponseParser((piece) => this.#onBody(piece));
  #text = '';
  #received = 0;
  #lastAt = 0;
  #isFinishing = false;

  override start(): void {
    this.#run().catch((error: Error) => this.breaks(lossOf(error, 'opening')));
  }

  override finish(): void {
    this.#isFinishing = true;
    if (this.#text === '' && this.isAlive) this.ends();
  }

  protected override free(): void {
    clearInterval(this.#timer);
    this.#socket?.destroy();
  }

  get #count(): number {
    return Math.ceil((this.settings.maxSeconds * 1_000) / this.settings.everyMs) + 1;
  }

  async #run(): Promise<void> {
    const { everyMs, silenceMs, hostHeader, tls } = this.settings;
    const socket = await openSocket(this.target, silenceMs, tls);
    this.#socket = socket;
    this.#lastAt = performance.now();
    socket.on('data', (piece: Buffer) => this.#onData(piece));
    socket.on('end', () => this.breaks(new Loss('closed', `FIN after event ${this.#received}`)));
    socket.on('error', (error) => this.breaks(lossOf(error, `waiting for event ${this.#received + 1}`)));
    socket.on('close', () => this.breaks(new Loss('closed', `gone after event ${this.#received}`)));
    const host = hostHeader ?? nameOf(this.target);
    socket.write(
      `GET /events?count=${this.#count}&every=${everyMs} HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\n\r\n`,
    );
    this.#timer = setInterval(() => {
      if (performance.now() - this.#lastAt < silenceMs + everyMs) return;
      this.breaks(new Loss('timeout', `no event after event ${this.#received} within ${silenceMs} ms`));
    }, everyMs);
  }

  #onData(piece: Buffer): void {
    try {
      this.#parser.push(piece);
    } catch (error) {
      this.breaks(lossOf(error as Error, 'parsing'));
      return;
    }
    const { head, isComplete } = this.#parser;
    if (head !== undefined && head.status !== 200) {
      this.breaks(new Loss(`status ${head.status}`, 'no event stream'));
    } else if (isComplete && this.#received === this.#count) {
      this.ends();
    } else if (isComplete) {
      this.breaks(
        new Loss('closed', `the server ended the stream after event ${this.#received} of ${this.#count}`),
      );
    }
  }

  #onBody(piece: Buffer): void {
    if (this.#parser.head?.status !== 200) return;
    this.#text += piece.toString('latin1');
    for (let end = this.#text.indexOf('\n\n'); end >= 0; end = this.#text.indexOf('\n\n')) {
      this.#onEvent(this.#text.slice(0, end));
      this.#text = this.#text.slice(end + 2);
    }
    if (this.#isFinishing && this.isAlive && this.#text === '') this.ends();
  }

  #onEvent(event: string): void {
    const number = this.#received + 1;
    const version = this.version ?? /^data: 1 (.*)$/m.exec(event)?.[1];
    if (event !== `id: ${number}\ndata: ${number} ${version}`) {
      this.breaks(new Loss('mismatch', `event ${number} is ${JSON.stringify(event.slice(0, 80))}`));
      return;
    }
    this.#received = number;
    this.#lastAt = performance.now();
    this.bytes += event.length + 2;
    if (this.version === undefined && version !== undefined) this.lives(version);
  }
}
