import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What a command inside a container has to do with: its three streams, and the connection that carries them. */
export interface CommandStreams {
  stdin: AsyncIterable<Buffer>;
  stdout(bytes: string | Buffer): Promise<void>;
  stderr(bytes: string | Buffer): Promise<void>;
  connection: Socket;
}

/** A command, as a test plays it: it returns its exit code, or undefined when nobody will ever know it. */
export type Command = (streams: CommandStreams) => Promise<number | undefined>;

/**
 * FakeEngine speaks as much of the Engine API as commands and archives need, over TCP. It hands a connection over as
 * the real one does: the request's body first, then `101 UPGRADED`, then frames one way and bare bytes the other.
 */
export class FakeEngine {
  /** What the next command does. */
  command: Command = async () => 0;
  /** Answers everything that is no command. */
  answer: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) => {
    refuse(response, 404, 'page not found');
  };
  /** What the engine was asked, as `GET /path`. */
  readonly asked: string[] = [];
  /** What each command was started with. */
  readonly started: unknown[] = [];
  /** Answers to "has it ended?", before the one that says so. */
  stillRunning = 0;
  #exitCode: number | undefined;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.on('upgrade', (request, connection, head) => {
      void this.#run(request, connection as Socket, head);
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** dial opens a connection as a client needs it. */
  async dial(): Promise<Duplex> {
    const socket = connect((this.#server.address() as AddressInfo).port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url } = request;
    this.asked.push(`${method} ${url}`);
    if (url === '/containers/db/exec') {
      this.started.push(JSON.parse((await request.toArray()).join('')));
      response.writeHead(201, { 'content-type': 'application/json' }).end('{"Id":"e1"}');
    } else if (url === '/exec/e1/json' && this.#exitCode !== undefined) {
      const isRunning = this.stillRunning-- > 0;
      response.end(JSON.stringify({ Running: isRunning, ExitCode: isRunning ? null : this.#exitCode }));
    } else if (url === '/exec/e1/json') {
      refuse(response, 404, 'No such exec instance: e1');
    } else this.answer(request, response);
  }

  async #run(request: IncomingMessage, connection: Socket, head: Buffer): Promise<void> {
    this.asked.push(`${request.method} ${request.url}`);
    this.#exitCode = undefined;
    connection.on('error', () => undefined);
    connection.unshift(head);
    const body = await take(connection, Number(request.headers['content-length']));
    this.started.push(JSON.parse(body.toString()));
    if (request.url !== '/exec/e1/start') {
      const words = JSON.stringify({ message: 'No such exec instance' });
      connection.end(`HTTP/1.1 404 Not Found\r\nContent-Length: ${words.length}\r\n\r\n${words}`);
      return;
    }
    connection.write(
      'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    );
    const send = async (stream: number, bytes: string | Buffer) => {
      if (!connection.write(frame(stream, bytes))) await once(connection, 'drain');
    };
    this.#exitCode = await this.command({
      stdin: connection,
      stdout: (bytes) => send(1, bytes),
      stderr: (bytes) => send(2, bytes),
      connection,
    }).catch(() => undefined);
    connection.end();
  }
}

/** frame returns bytes as the engine sends them: one byte of stream type, three of nothing, and the length before them. */
export function frame(stream: number, bytes: string | Buffer): Buffer {
  const payload = Buffer.from(bytes);
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status).end(JSON.stringify({ message }));
}

/** take reads so many bytes, and leaves the rest in the stream. */
async function take(stream: Socket, length: number): Promise<Buffer> {
  for (;;) {
    const bytes: Buffer | null = stream.read(length);
    if (bytes !== null) return bytes;
    await once(stream, 'readable');
  }
}
