/**
 * The shop's front: it greets, counts visits in the cache, and answers every order (a POST) with a receipt.
 * No packages: what is of interest here is how such a service is deployed.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { Cache } from './cache.mjs';

const VERSION = process.env.VERSION ?? 'dev';
const GREETING = 'Welcome to the shop';

// The stable address of the cache, from `depends_on: [cache]` in switchyard.yml.
const cache = new Cache(process.env.SWITCHYARD_CACHE_HOST, process.env.SWITCHYARD_CACHE_PORT);

const server = createServer(async (request, response) => {
  if (request.url === '/health') return health(response);
  if (request.method === 'POST') return order(request, response);
  answer(response, 200, { greeting: GREETING, version: VERSION, visits: await cache.count('visits') });
});

/** Ready when the cache is: a front that cannot reach it must not get traffic. */
function health(response) {
  answer(response, cache.isConnected ? 200 : 503, { cache: cache.isConnected ? 'connected' : 'not reached' });
}

async function order(request, response) {
  const hash = createHash('sha256');
  let length = 0;
  try {
    for await (const piece of request) {
      hash.update(piece);
      length += piece.length;
    }
  } catch {
    return response.destroy(); // the customer went away
  }
  answer(response, 200, { version: VERSION, length, sha256: hash.digest('hex') });
}

function answer(response, status, value) {
  const body = `${JSON.stringify(value)}\n`;
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}

// Switchyard moves the traffic away first; what is still in flight at SIGTERM is answered.
process.once('SIGTERM', () => server.close(() => process.exit(0)));
server.listen(3000, () => console.log(`shop ${VERSION} listens on 3000`));
