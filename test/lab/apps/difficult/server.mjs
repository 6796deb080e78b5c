/**
 * An app as people have them, that a proxy has to put up with. Every answer is honest; what is difficult is how it treats
 * connections, headers and bodies.
 *
 * | variable | meaning |
 * | --- | --- |
 * | `PORT` | HTTP port, default 3000 |
 * | `IDLE_MS` | ends a connection that was idle for so long, to the millisecond; 0 (the default) never |
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
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const { PORT = '3000', IDLE_MS = '0' } = process.env;
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

server.on('upgrade', (_request, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  socket.on('error', () => {});
  socket.pipe(socket);
});

server.listen(Number(PORT), () => console.log(`listening on ${PORT}`));
process.once('SIGTERM', () => process.exit(0));

function run(query) {
  const id = query.get('id');
  runs[id] = (runs[id] ?? 0) + 1;
  return runs[id];
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
