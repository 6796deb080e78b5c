import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';

/** Where streams are opened that are silent in their middle. */
export interface SilentTarget {
  host: string;
  port: number;
  /** The Host that is asked for. */
  hostHeader: string;
  /** How long the app is silent between two events; whatever the client does not send or read, it decides itself. */
  appSilenceMs: number;
  /** A path that tells the SHA-256 of what is sent to it. */
  uploadPath: string;
}

/** What is silent: by the word that people have for it. */
export type SilentKind = 'WebSocket' | 'server-sent events' | 'download' | 'upload';

/** Streams that are open and silent. */
export interface SilentStreams {
  /** goOn ends the silence, and resolves to whether each went on to its end, byte for byte. */
  goOn(): Promise<Record<SilentKind, boolean>>;
  /** close gives them up; those that are over are left alone. */
  close(): void;
}

/** A stream that is silent until it is told to go on. */
interface Silent {
  /** It resolves to whether all came as it should. */
  goOn(): Promise<boolean>;
  close(): void;
}

/** More than all buffers on the way take, so that an app waits for whoever does not read. */
const DOWNLOAD_BYTES = 64 * 1024 ** 2;
const UPLOAD_BYTES = 4 * 1024 ** 2;
const PATTERN = '0123456789';

/** openSilentStreams opens a stream of each kind, each with something said on it before it falls silent. */
export async function openSilentStreams(target: SilentTarget): Promise<SilentStreams> {
  const [webSocket, events, download, upload] = await Promise.all([
    openWebSocket(target),
    openEvents(target),
    openDownload(target),
    openUpload(target),
  ]);
  const outcome = (stream: Silent) => stream.goOn().catch(() => false);
  return {
    close: () => {
      for (const stream of [webSocket, events, download, upload]) stream.close();
    },
    goOn: async () => ({
      WebSocket: await outcome(webSocket),
      'server-sent events': await outcome(events),
      download: await outcome(download),
      upload: await outcome(upload),
    }),
  };
}

async function openWebSocket({ host, port, hostHeader }: SilentTarget): Promise<Silent> {
  const socket = new WebSocket(`ws://${host}:${port}/ws`, { headers: { Host: hostHeader } });
  const said: string[] = [];
  socket.on('message', (data: Buffer) => said.push(data.toString()));
  socket.on('error', () => undefined);
  const echoed = async (text: string) => {
    socket.send(text);
    while (!said.includes(text)) {
      if (socket.readyState !== WebSocket.OPEN) return false;
      await Promise.race([once(socket, 'message'), once(socket, 'close')]);
    }
    return true;
  };
  await once(socket, 'open');
  if (!(await echoed('before'))) throw new Error('the WebSocket was closed at once');
  const close = () => socket.terminate();
  return { goOn: () => echoed('after').finally(close), close };
}

async function openEvents(target: SilentTarget): Promise<Silent> {
  const socket = await ask(target, `GET /events?count=2&every=${target.appSilenceMs}`, '');
  const answer = readAll(socket).catch(() => Buffer.alloc(0));
  const goOn = async () => {
    const text = (await answer).toString();
    return /^HTTP\/1\.1 200 /.test(text) && (text.match(/^data: /gm) ?? []).length === 2 && isComplete(text);
  };
  return { goOn, close: () => socket.destroy() };
}

/** The last piece of a body in pieces. */
function isComplete(text: string): boolean {
  return text.endsWith('0\r\n\r\n');
}

async function openDownload(target: SilentTarget): Promise<Silent> {
  const socket = await ask(target, `GET /download?bytes=${DOWNLOAD_BYTES}`, '');
  await once(socket, 'readable');
  const goOn = async () => {
    const answer = await readAll(socket);
    const body = answer.subarray(answer.indexOf('\r\n\r\n') + 4);
    return body.equals(Buffer.alloc(DOWNLOAD_BYTES, PATTERN));
  };
  return { goOn, close: () => socket.destroy() };
}

async function openUpload(target: SilentTarget): Promise<Silent> {
  const body = Buffer.alloc(UPLOAD_BYTES, PATTERN);
  const socket = await ask(target, `POST ${target.uploadPath}`, `Content-Length: ${body.length}\r\n`);
  socket.write(body.subarray(0, 1_000));
  const goOn = async () => {
    socket.write(body.subarray(1_000));
    const answer = (await readAll(socket)).toString();
    return answer.includes(createHash('sha256').update(body).digest('hex'));
  };
  return { goOn, close: () => socket.destroy() };
}

/** Sends the head of a request on a connection of its own. */
async function ask(
  { host, port, hostHeader }: SilentTarget,
  request: string,
  headers: string,
): Promise<Socket> {
  const socket = connect({ host, port });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(`${request} HTTP/1.1\r\nHost: ${hostHeader}\r\nConnection: close\r\n${headers}\r\n`);
  return socket;
}

/** Reads until the other end closes. */
async function readAll(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
