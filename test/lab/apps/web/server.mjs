/**
 * The web app that is deployed: a small, honest service, so that whatever gets lost was lost by the platform.
 *
 * | variable | meaning |
 * | --- | --- |
 * | `PORT` | HTTP port, default 3000; 0 takes a free one (see the log line) |
 * | `VERSION` | what every answer calls itself, default `dev` |
 * | `HEALTH` | `ok` (default), `never` (503 for ever), `crash` (three lines, then exit 1), `slow` (503 for `SLOW_MS`) |
 * | `TCP_PORT` | if set: an echo listener that greets with `hello VERSION` |
 * | `SIDE` | if set: shown by `/` and `/version` |
 * | `LEAK` | `1`: it never closes a connection that the other end has closed |
 * | `FAULTS` | so many of a hundred requests for work are answered with 500, evenly; default 0 |
 * | `DELAY_MS` | so much longer each request for work takes, default 0 |
 * | `EXPOSE_ENV` | `1`: `/env` shows all variables |
 * | `JOURNAL` | if set: a file in which every request for work is a line, `POST its-id`; `/journal` shows it |
 */
import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocketServer } from 'ws';

const {
  PORT = '3000',
  VERSION = 'dev',
  HEALTH = 'ok',
  SLOW_MS = '5000',
  TCP_PORT,
  SIDE,
  LEAK,
  FAULTS = '0',
  DELAY_MS = '0',
  EXPOSE_ENV,
  JOURNAL,
} = process.env;
const LONGEST_WAIT_MS = 600_000;
const STREAM_END_MS = 2_000;
const LARGEST_DOWNLOAD = 256 * 1024 ** 2;

if (HEALTH === 'crash') {
  console.log(`web ${VERSION} starting`);
  console.error('reading the configuration');
  console.error('Error: this version crashes at start (HEALTH=crash)');
  process.exit(1);
}

const startedAt = Date.now();
let isStopping = false;
let running = 0;
let works = 0;
/** Functions that end the open streams: event streams, WebSockets, TCP connections. */
const streams = new Set();

const routes = {
  '/': (_request, response) => answer(response, 200, identity()),
  '/version': (_request, response) => answer(response, 200, identity()),
  '/health': health,
  '/work': (request, response, query) => work(request, response, number(query, 'ms', 10)),
  '/slow': (request, response, query) => work(request, response, number(query, 'ms', 3_000)),
  '/upload': upload,
  '/download': (_request, response, query) =>
    response.end(Buffer.alloc(number(query, 'bytes', 1_000, LARGEST_DOWNLOAD), '0123456789')),
  '/headers': (request, response) => answer(response, 200, request.headers),
  '/env': (_request, response) =>
    EXPOSE_ENV === '1' ? answer(response, 200, process.env) : answer(response, 404, { error: 'not exposed' }),
  '/journal': (_request, response) =>
    response.end(JOURNAL === undefined ? '' : readFileSync(JOURNAL, { flag: 'a+' })),
  '/events': events,
};

const http = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://app');
  const route = routes[pathname] ?? (() => answer(response, 404, { error: 'not found' }));
  const traffic = request.headers['x-traffic-id'];
  if (traffic) response.setHeader('X-Traffic-Id', traffic);
  if (route !== events) {
    running += 1;
    response.once('close', () => {
      running -= 1;
    });
  }
  try {
    await route(request, response, searchParams);
  } catch {
    response.destroy(); // the client went away in the middle of its body
  }
});
http.requestTimeout = 0; // an upload may take as long as it takes
if (LEAK === '1') {
  http.keepAliveTimeout = 0;
  http.on('connection', (socket) => {
    socket.end = () => socket;
  });
}

const webSockets = new WebSocketServer({ server: http, path: '/ws' });
webSockets.on('connection', (socket) => {
  holdStream(socket, () => socket.close(1001, 'stopping'));
  socket.on('error', () => {});
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.send(`hello ${VERSION}`);
});

http.listen(Number(PORT), () => console.log(`web ${VERSION} listening on ${http.address().port}`));

const tcp = TCP_PORT === undefined ? undefined : createTcpServer(greetAndEcho);
tcp?.listen(Number(TCP_PORT), () => console.log(`web ${VERSION} echoing on ${tcp.address().port}`));

process.once('SIGTERM', stop);
process.once('SIGINT', stop);

async function stop(signal) {
  console.log(`web ${VERSION} stopping (${signal}): ${running} requests in flight, ${streams.size} streams`);
  isStopping = true;
  http.close();
  tcp?.close();
  while (running > 0) await sleep(10);
  for (const end of streams) end();
  const deadline = Date.now() + STREAM_END_MS;
  while (streams.size > 0 && Date.now() < deadline) await sleep(10);
  console.log(`web ${VERSION} stopped`);
  process.exit(0);
}

function identity() {
  return { version: VERSION, host: hostname(), ...(SIDE === undefined ? {} : { side: SIDE }) };
}

function health(_request, response) {
  const isHealthy = HEALTH === 'ok' || (HEALTH === 'slow' && Date.now() - startedAt >= Number(SLOW_MS));
  answer(response, isHealthy ? 200 : 503, { status: isHealthy ? 'ok' : 'unhealthy', version: VERSION });
}

async function work(request, response, ms) {
  const hash = createHash('sha256');
  let length = 0;
  for await (const piece of request) {
    hash.update(piece);
    length += piece.length;
  }
  if (JOURNAL !== undefined) {
    appendFileSync(JOURNAL, `${request.method} ${request.headers['x-traffic-id']}\n`);
  }
  await sleep(ms + Number(DELAY_MS));
  works += 1;
  if ((works * Number(FAULTS)) % 100 < Number(FAULTS)) return answer(response, 500, { version: VERSION });
  answer(response, 200, { version: VERSION, length, sha256: hash.digest('hex') });
}

async function upload(request, response) {
  let length = 0;
  for await (const piece of request) length += piece.length;
  answer(response, 200, { version: VERSION, length });
}

async function events(_request, response, query) {
  const count = number(query, 'count', 10, Number.MAX_SAFE_INTEGER);
  const every = number(query, 'every', 200);
  holdStream(response, () => response.end());
  // X-Accel-Buffering: nginx would otherwise collect events until a buffer is full.
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache',
    'X-Accel-Buffering': 'no',
  });
  for (let n = 1; n <= count && !response.writableEnded && !response.destroyed; n += 1) {
    response.write(`id: ${n}\ndata: ${n} ${VERSION}\n\n`);
    if (n < count) await sleep(every);
  }
  response.end();
}

function greetAndEcho(socket) {
  holdStream(socket, () => socket.end());
  socket.on('error', () => {});
  socket.write(`hello ${VERSION}\n`);
  socket.pipe(socket);
}

function holdStream(stream, end) {
  streams.add(end);
  stream.once('close', () => streams.delete(end));
}

function answer(response, status, value) {
  const body = `${JSON.stringify(value)}\n`;
  // Tells a keep-alive client to open its next connection elsewhere, before this process is gone.
  if (isStopping) response.setHeader('Connection', 'close');
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}

function number(query, name, fallback, most = LONGEST_WAIT_MS) {
  const value = Number(query.get(name) ?? fallback);
  return Number.isFinite(value) && value >= 0 ? Math.min(value, most) : fallback;
}
