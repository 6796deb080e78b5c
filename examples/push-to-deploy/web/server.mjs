import { createServer } from 'node:http';

const { SWITCHYARD_API_HOST: host, SWITCHYARD_API_PORT: port } = process.env;

const server = createServer(async (request, response) => {
  if (request.url === '/health') return response.end('ok');
  const answer = await fetch(`http://${host}:${port}/api/articles`).catch(() => undefined);
  const { articles = [] } = answer?.ok ? await answer.json() : {};
  response.end(`The shop has ${articles.join(', ') || 'nothing'}.\n`);
});

server.listen(3000);
// What is in flight is finished, and nothing new is taken.
process.on('SIGTERM', () => server.close());
