import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TextBlob } from './beginnings.ts';
import { type ByteRange, parseRange } from './byte-range.ts';
import type { Blob } from './layout.ts';

/** What is served, of a file or not. */
export type ServedBlob = Blob | TextBlob;

/** What is served, by digest. */
export interface ServedImage {
  manifests: ReadonlyMap<string, ServedBlob>;
  blobs: ReadonlyMap<string, ServedBlob>;
}

/** An error as the specification has it. */
type ErrorCode = 'UNSUPPORTED' | 'NAME_UNKNOWN' | 'MANIFEST_UNKNOWN' | 'BLOB_UNKNOWN';

/** So much of a file is read at once: large enough that a fast connection need not wait for the disk. */
const CHUNK_BYTES = 512 * 1024;

/** Nobody guesses a name of so many bytes. */
const TOKEN_BYTES = 16;

/**
 * LayoutRegistry serves one image as an OCI registry that can only be read, to whoever knows the name that it made up for
 * it: others who reach it see an empty one. It listens nowhere, and is handed its connections.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 */
export class LayoutRegistry {
  /** The first part of the name that the image has here. */
  readonly token = randomBytes(TOKEN_BYTES).toString('hex');
  readonly #repository: string;
  readonly #served: ServedImage;
  readonly #server: Server;
  readonly #connections = new Set<Duplex>();
  #sentBytes = 0;

  /** `name` is what people know the image by, without registry, tag and digest. */
  constructor(served: ServedImage, name: string) {
    this.#served = served;
    this.#repository = `${this.token}/${name}`;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** How many bytes of files were sent so far, manifests included. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** accept serves what comes over a connection. */
  accept(stream: Duplex): void {
    this.#connections.add(stream);
    stream.once('close', () => this.#connections.delete(stream));
    stream.on('error', () => stream.destroy());
    this.#server.emit('connection', stream);
  }

  /** close ends all connections: engines keep them for the next request. */
  close(): void {
    for (const stream of this.#connections) stream.destroy();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('docker-distribution-api-version', 'registry/2.0');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return refuse(response, 405, 'UNSUPPORTED', 'this registry can only be read');
    }
    const path = (request.url ?? '').split('?')[0]!;
    if (path === '/v2/' || path === '/v2') return send(request, response, '{}');
    const [, repository, kind, digest = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path) ?? [];
    if (repository !== this.#repository)
      return refuse(response, 404, 'NAME_UNKNOWN', 'there is no such name');
    const known = kind === 'blobs' ? this.#served.blobs : this.#served.manifests;
    const blob = known.get(digest);
    if (blob === undefined) {
      const code = kind === 'blobs' ? 'BLOB_UNKNOWN' : 'MANIFEST_UNKNOWN';
      return refuse(response, 404, code, 'the image has no such part');
    }
    await this.#sendBlob(blob, request, response);
  }

  async #sendBlob(blob: ServedBlob, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { digest, mediaType, size } = blob;
    const range = parseRange(request.headers.range, size);
    response.setHeader('docker-content-digest', digest);
    response.setHeader('etag', `"${digest}"`);
    response.setHeader('accept-ranges', 'bytes');
    if (range === 'unsatisfiable') {
      response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
      return;
    }
    const { start, end }: ByteRange = range ?? { start: 0, end: size - 1 };
    response.writeHead(range === undefined ? 200 : 206, {
      'content-type': mediaType,
      'content-length': end - start + 1,
      ...(range !== undefined && { 'content-range': `bytes ${start}-${end}/${size}` }),
    });
    if (request.method === 'HEAD' || size === 0) {
      response.end();
      return;
    }
    if ('content' in blob) {
      response.end(blob.content.subarray(start, end + 1));
      return;
    }
    const file = createReadStream(blob.path, { start, end, highWaterMark: CHUNK_BYTES });
    file.on('data', (chunk) => {
      this.#sentBytes += chunk.length;
    });
    // Whoever has gone is told nothing: an engine comes back and asks for the rest.
    await pipeline(file, response).catch(() => response.destroy());
  }
}

function send({ method }: IncomingMessage, response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(method === 'HEAD' ? undefined : text);
}

function refuse(response: ServerResponse, status: number, code: ErrorCode, message: string): void {
  const text = JSON.stringify({ errors: [{ code, message }] });
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
