import { Loss } from './loss.ts';

/** Status and headers of an answer; header names in lower case, repeated ones joined with `, `. */
export interface ResponseHead {
  status: number;
  headers: Map<string, string>;
  /** The server will close after this answer: announced, or implied by HTTP/1.0 or a body without a length. */
  closesAfter: boolean;
}

const LONGEST_HEAD = 65_536;
type Stage = 'head' | 'fixed' | 'size' | 'chunk' | 'chunk end' | 'trailer' | 'until close' | 'done';

/**
 * ResponseParser reads one HTTP/1.1 answer from pieces of any size, without Node's own client, which would
 * hide or repeat what a count of losses must see. `push` and `end` throw a `malformed` Loss on what is no HTTP.
 */
export class ResponseParser {
  head: ResponseHead | undefined;
  /** Bytes of body seen so far. */
  bodyBytes = 0;
  readonly #onBody: (piece: Buffer) => void;
  #stage: Stage = 'head';
  #rest: Buffer = Buffer.alloc(0);
  #left = 0;

  /** `onBody` receives the decoded body piece by piece. */
  constructor(onBody: (piece: Buffer) => void) {
    this.#onBody = onBody;
  }

  get isComplete(): boolean {
    return this.#stage === 'done';
  }

  /** Bytes received beyond the end of the answer: nobody asked for them. */
  get excessBytes(): number {
    return this.isComplete ? this.#rest.length : 0;
  }

  /** How far the answer has come, for a message about its loss. */
  get progress(): string {
    if (this.head === undefined)
      return this.#rest.length === 0 ? 'nothing received' : 'part of the head received';
    const left = this.#stage === 'fixed' ? `, ${this.#left} missing` : '';
    return `status ${this.head.status}, ${this.bodyBytes} bytes of body received${left}`;
  }

  push(piece: Buffer): void {
    this.#rest = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    while (this.#step());
  }

  /** end says that the server sent FIN: the end of a body without a length, nothing for any other. */
  end(): void {
    if (this.#stage === 'until close') this.#stage = 'done';
  }

  /** Does one step; false when it needs more bytes. */
  #step(): boolean {
    switch (this.#stage) {
      case 'head':
        return this.#readHead();
      case 'fixed':
        return this.#readBody('done');
      case 'chunk':
        return this.#readBody('chunk end');
      case 'size':
        return this.#readSize();
      case 'chunk end':
        return this.#readChunkEnd();
      case 'trailer':
        return this.#readTrailer();
      case 'until close':
        this.#left = this.#rest.length;
        return this.#readBody('until close');
      case 'done':
        return false;
    }
  }

  #readHead(): boolean {
    const end = this.#rest.indexOf('\r\n\r\n');
    if (end < 0) {
      if (this.#rest.length > LONGEST_HEAD) throw new Loss('malformed', 'the head of the answer never ends');
      return false;
    }
    const lines = this.#rest.toString('latin1', 0, end).split('\r\n');
    this.#rest = this.#rest.subarray(end + 4);
    const [, minor, code] = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: |$)/.exec(lines[0] ?? '') ?? [];
    if (code === undefined)
      throw new Loss('malformed', `status line ${JSON.stringify(lines[0]?.slice(0, 80))}`);
    const status = Number(code);
    if (status < 200 && status !== 101) return true; // an interim answer; the real one follows
    this.#start(status, minor === '1', headersOf(lines.slice(1)));
    return true;
  }

  #start(status: number, isHttp11: boolean, headers: Map<string, string>): void {
    const connection = (headers.get('connection') ?? '').toLowerCase().split(/\s*,\s*/);
    const isChunked = /(?:^|,)\s*chunked$/i.test(headers.get('transfer-encoding') ?? '');
    const length = headers.get('content-length');
    let closesAfter = connection.includes('close') || (!isHttp11 && !connection.includes('keep-alive'));
    if (status === 101 || status === 204 || status === 304) this.#stage = 'done';
    else if (isChunked) this.#stage = 'size';
    else if (length !== undefined) {
      if (!/^\d+$/.test(length)) throw new Loss('malformed', `Content-Length ${JSON.stringify(length)}`);
      this.#left = Number(length);
      this.#stage = this.#left === 0 ? 'done' : 'fixed';
    } else {
      this.#stage = 'until close';
      closesAfter = true;
    }
    this.head = { status, headers, closesAfter };
  }

  #readBody(next: Stage): boolean {
    if (this.#rest.length === 0) return false;
    const piece = this.#rest.subarray(0, this.#left);
    this.#rest = this.#rest.subarray(piece.length);
    this.#left -= piece.length;
    this.bodyBytes += piece.length;
    this.#onBody(piece);
    if (this.#left === 0) this.#stage = next;
    return true;
  }

  #readSize(): boolean {
    const line = this.#readLine();
    if (line === undefined) return false;
    const [, size] = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i.exec(line) ?? [];
    if (size === undefined) throw new Loss('malformed', `chunk size ${JSON.stringify(line.slice(0, 80))}`);
    this.#left = Number.parseInt(size, 16);
    this.#stage = this.#left === 0 ? 'trailer' : 'chunk';
    return true;
  }

  #readChunkEnd(): boolean {
    const line = this.#readLine();
    if (line === undefined) return false;
    if (line !== '') throw new Loss('malformed', 'a chunk is longer than its size says');
    this.#stage = 'size';
    return true;
  }

  #readTrailer(): boolean {
    const line = this.#readLine();
    if (line === undefined) return false;
    if (line === '') this.#stage = 'done';
    return true;
  }

  #readLine(): string | undefined {
    const end = this.#rest.indexOf('\r\n');
    if (end < 0) {
      if (this.#rest.length > LONGEST_HEAD) throw new Loss('malformed', 'a line of the answer never ends');
      return undefined;
    }
    const line = this.#rest.toString('latin1', 0, end);
    this.#rest = this.#rest.subarray(end + 2);
    return line;
  }
}

function headersOf(lines: string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon <= 0) throw new Loss('malformed', `header line ${JSON.stringify(line.slice(0, 80))}`);
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}
