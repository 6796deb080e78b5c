import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { connectQueue, db } from './stores.js';

const queue = await connectQueue();

const server = createServer(async (request, response) => {
  if (request.url === '/api/health') return response.end('ok');
  try {
    if (request.method === 'POST') {
      await queue.rPush('orders', await text(request));
      return response.writeHead(202).end();
    }
    const { rows } = await db.query('SELECT item FROM orders ORDER BY id');
    response.end(JSON.stringify({ orders: rows.map(({ item }) => item) }));
  } catch (error) {
    console.error(error.message);
    response.writeHead(503).end();
  }
});
server.listen(3000);

// What has been asked is answered before it ends.
process.on('SIGTERM', () => server.close(() => process.exit()));
