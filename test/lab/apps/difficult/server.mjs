/**
 * An app as people have them, that a proxy has to put up with. Every answer is honest; what is difficult is how it treats
 * connections, headers and bodies.
 *
 * | variable | meaning |
 * | --- | --- |
 * | `PORT` | HTTP port, default 3000 |
 * | `IDLE_MS` | ends a connection that was idle for so long, to the millisecond; 0 (the default) never |
 * | `START_MS` | listens only so long after it was started, default 0 |
 * | `HOSTS` | answers 400 to all hosts but these, with commas; unset takes all |
 * | `DEAF` | `1`: as the first process of its container it does not hear SIGTERM |
 * | `LEAK` | `1`: it never closes a connection that the other end has closed |
 * | `LISTEN` | the address that it listens on, default all; `::` takes no IPv4 |
 * | `WHO` | answers whatever it is asked with this name, the URL that it was asked for and its `X-Forwarded-Prefix` |
 *
 * | path | does |
 * | --- | --- |
 * | `/run?id=…` | counts how often it was asked to run this |
 * | `/runs` | tells the counts |
 * | `/die?id=…` | counts as `/run`, and ends the connection without an answer |
 * | `/echo` | tells what arrived: method, URL, headers as they came, length and hash of the body, when its first byte came |
 * | `/headers?bytes=n` | answers with a header of that length |
 * | `/refuse` | answers 413 before the body has come, and reads no more of it |
 * | `/download?bytes=n` | answers with so many bytes |
 * | `/pause?ms=n` | sends a byte, nothing for so long, and then the rest |
 * | `/events?count=n&every=ms` | so many server-sent events, so far apart |
 * | `/hints` | answers 103 Early Hints twice, and then 200 |
 * | `/trailers` | answers in pieces, with a trailer behind them |
 * | `/say?status=n&body=b&Name=value` | answers with this status, body and these headers |
 * | `/dots` | answers with a header whose name has a dot |
 * | `/ws` | a WebSocket that echoes short texts |
 * | `/data` | keeps what it is given under the name of its host, as some databases do, and tells what it has |
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

const { PORT = '3000', IDLE_MS = '0', START_MS = '0', HOSTS, DEAF, LEAK, LISTEN, WHO } = process.env;
const hosts = HOSTS?.split(',');
const idleMs = Number(IDLE_MS);
const runs = {};

const routes = {
  '/run': (_request, response, query) => answer(response, { runs: run(query) }),
  '/runs': (_request, response) => answer(response, runs),
  '/die': (request, _response, query) => {
    run(query);
    request.socket.destroy();
  },
  '/echo': echo,
  '/headers': (_request, response, query) => {
    response.setHeader('X-Long', 'x'.repeat(Number(query.get('bytes'))));
    answer(response, {});
  },
  '/refuse': (_request, response) => {
    response.writeHead(413, { Connection: 'close', 'Content-Length': 0 });
    response.end();
  },
  '/download': (_request, response, query) =>
    response.end(Buffer.alloc(Number(query.get('bytes')), '0123456789')),
  '/events': async (_request, response, query) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    const count = Number(query.get('count'));
    for (let n = 1; n <= count; n += 1) {
      response.write(`data: ${n}\n\n`);
      if (n < count) await sleep(Number(query.get('every')));
    }
    response.end();
  },
  '/hints': async (_request, response) => {
    for (const link of ['</a.css>; rel=preload; as=style', '</b.js>; rel=preload; as=script']) {
      response.writeEarlyHints({ link });
      await sleep(50);
    }
    answer(response, { hinted: true });
  },
  '/trailers': (_request, response) => {
    response.writeHead(200, { Trailer: 'X-Checksum' });
    response.write('first ');
    response.addTrailers({ 'X-Checksum': 'right' });
    response.end('last');
  },
  '/say': (_request, response, query) => {
    const { status = '200', body = '', ...headers } = Object.fromEntries(query);
    response.writeHead(Number(status), headers);
    response.end(body);
  },
  '/dots': (_request, response) => {
    response.setHeader('X.Own', 'dotted');
    answer(response, {});
  },
  '/data': data,
  '/pause': async (_request, response, query) => {
    response.write('<');
    await sleep(Number(query.get('ms')));
    response.end('>');
  },
};

const server = createServer({ maxHeaderSize: 256 * 1024 }, async (request, response) => {
  clearTimeout(request.socket.idle);
  if (idleMs > 0) {
    response.once('finish', () => {
      request.socket.idle = setTimeout(() => request.socket.destroy(), idleMs);
    });
  }
  if (hosts !== undefined && !hosts.includes(request.headers.host)) {
    response.writeHead(400).end('DisallowedHost\n');
    return;
  }
  if (WHO !== undefined) {
    await request.resume().toArray();
    answer(response, { who: WHO, url: request.url, prefix: request.headers['x-forwarded-prefix'] });
    return;
  }
  const { pathname, searchParams } = new URL(request.url, 'http://app');
  const route = routes[pathname] ?? ((_request, found) => answer(found, {}));
  try {
    await route(request, response, searchParams);
  } catch {
    response.destroy(); // the client went away in the middle of its body
  }
});
server.keepAliveTimeout = 0;
server.requestTimeout = 0;
server.headersTimeout = 0;
if (LEAK === '1') {
  server.on('connection', (socket) => {
    socket.end = () => socket;
  });
}

server.on('upgrade', (request, socket) => {
  if (request.headers.upgrade === 'websocket') {
    echoWebSocket(request, socket);
    return;
  }
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  socket.on('error', () => {});
  socket.pipe(socket);
});

setTimeout(
  () =>
    server.listen({ port: Number(PORT), host: LISTEN, ipv6Only: LISTEN === '::' }, () =>
      console.log(`listening on ${PORT}`),
    ),
  Number(START_MS),
);
// Without a handler the kernel keeps the signal from the first process of a container.
if (DEAF !== '1') process.once('SIGTERM', () => process.exit(0));

function run(query) {
  const id = query.get('id');
  runs[id] = (runs[id] ?? 0) + 1;
  return runs[id];
}

/** Short frames of text are echoed (RFC 6455 §5.2), and nothing else is understood. */
function echoWebSocket(request, socket) {
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(key).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.on('error', () => {});
  socket.on('data', (frame) => {
    const length = frame[1] & 0x7f;
    const mask = frame.subarray(2, 6);
    const text = frame.subarray(6, 6 + length).map((byte, index) => byte ^ mask[index % 4]);
    socket.write(Buffer.concat([Buffer.from([0x81, length]), text]));
  });
}

/** Another host's data is not looked at. */
function data(_request, response, query) {
  const folder = `/data/${hostname()}`;
  mkdirSync(folder, { recursive: true });
  const put = query.get('put');
  if (put !== null) writeFileSync(`${folder}/value`, put);
  try {
    answer(response, { host: hostname(), value: readFileSync(`${folder}/value`, 'utf8') });
  } catch {
    answer(response, { host: hostname(), value: null });
  }
}

async function echo(request, response) {
  const hash = createHash('sha256');
  let length = 0;
  let firstByteAt = null;
  for await (const piece of request) {
    firstByteAt ??= Date.now();
    hash.update(piece);
    length += piece.length;
  }
  const { method, url, rawHeaders } = request;
  answer(response, {
    method,
    url,
    headers: pairs(rawHeaders),
    length,
    sha256: hash.digest('hex'),
    firstByteAt,
  });
}

function pairs(rawHeaders) {
  return rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [[name, rawHeaders[index + 1]]] : []));
}

function answer(response, value) {
  const body = `${JSON.stringify(value)}\n`;
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}
