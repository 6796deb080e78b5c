import { WebSocket } from 'ws';
import { randomPortion } from './http-request.ts';
import { Loss, lossOf } from './loss.ts';
import { Stream } from './stream.ts';
import { nameOf } from './targets.ts';
import { tlsOptions } from './tls.ts';

interface Message {
  data: Buffer;
  isBinary: boolean;
  sentAt: number;
}

/** WebSocketStream sends numbered messages, text and binary in turn, and wants each back unchanged and in order. */
export class WebSocketStream extends Stream {
  #socket: WebSocket | undefined;
  readonly #owed: Message[] = [];
  #lastNumber = 0;
  #timer: NodeJS.Timeout | undefined;
  #isFinishing = false;
  #startedAt = 0;

  override start(): void {
    const { hostHeader, silenceMs, tls } = this.settings;
    const scheme = tls === undefined ? 'ws' : 'wss';
    const socket = new WebSocket(`${scheme}://${nameOf(this.target)}/ws`, {
      ...(tls && tlsOptions(this.target, tls, 'http/1.1')),
      headers: hostHeader === undefined ? {} : { Host: hostHeader },
      handshakeTimeout: silenceMs,
      perMessageDeflate: false,
    });
    this.#socket = socket;
    this.#startedAt = performance.now();
    socket.on('unexpected-response', (_request, { statusCode = 0 }) => {
      this.breaks(new Loss(`status ${statusCode}`, 'no WebSocket'));
    });
    socket.on('message', (data: Buffer, isBinary) => this.#onMessage(data, isBinary));
    socket.on('error', (error) => this.breaks(lossOf(error, 'connected')));
    socket.on('close', (code, reason) => {
      if (this.#isFinishing && code === 1000 && this.#owed.length === 0) this.ends();
      else this.breaks(new Loss('closed', `code ${code} ${reason}, ${this.#owed.length} echoes owed`));
    });
    this.#timer = setInterval(() => this.#onTick(), this.settings.everyMs);
  }

  override finish(): void {
    this.#isFinishing = true;
    this.#closeIfDone();
  }

  protected override free(): void {
    clearInterval(this.#timer);
    this.#socket?.terminate();
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (this.version === undefined) {
      const greeting = data.toString();
      if (isBinary || !greeting.startsWith('hello ')) {
        this.breaks(new Loss('mismatch', `greeted with ${JSON.stringify(greeting.slice(0, 80))}`));
      } else this.lives(greeting.slice('hello '.length));
      return;
    }
    const owed = this.#owed.shift();
    if (owed === undefined || owed.isBinary !== isBinary || !owed.data.equals(data)) {
      this.breaks(new Loss('mismatch', `message ${this.#lastNumber - this.#owed.length} came back changed`));
      return;
    }
    this.bytes += data.length;
    this.#closeIfDone();
  }

  #onTick(): void {
    const now = performance.now();
    const { silenceMs } = this.settings;
    if (this.#owed[0] !== undefined && now - this.#owed[0].sentAt > silenceMs) {
      this.breaks(new Loss('timeout', `no echo within ${silenceMs} ms`));
    } else if (this.version === undefined && now - this.#startedAt > silenceMs) {
      this.breaks(new Loss('timeout', `no greeting within ${silenceMs} ms`));
    }
    if (!this.isAlive || this.#isFinishing) return;
    const number = ++this.#lastNumber;
    const isBinary = number % 2 === 0;
    const noise = randomPortion();
    const text = `${number} ${noise.toString('base64')}`;
    const data = isBinary ? Buffer.concat([Buffer.from(`${number} `), noise]) : Buffer.from(text);
    this.#owed.push({ data, isBinary, sentAt: now });
    this.#socket?.send(data, { binary: isBinary });
  }

  #closeIfDone(): void {
    if (this.#isFinishing && this.isAlive && this.#owed.length === 0) this.#socket?.close(1000);
  }
}
