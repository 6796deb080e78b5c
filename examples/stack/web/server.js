import { createServer } from 'node:http';

const { SWITCHYARD_API_HOST: host, SWITCHYARD_API_PORT: port } = process.env;

const server = createServer(async (request, response) => {
  if (request.url === '/health') return response.end('ok');
  const answer = await fetch(`http://${host}:${port}/api/orders`).catch(() => undefined);
  const { orders = [] } = answer?.ok ? await answer.json() : {};
  response.end(`Ordered so far: ${orders.join(', ') || 'nothing'}\n`);
});
server.listen(3000);

// What has been asked is answered before it ends.
process.on('SIGTERM', () => server.close(() => process.exit()));
