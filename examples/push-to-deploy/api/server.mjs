import { createServer } from 'node:http';

const server = createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ path: request.url, articles: ['lamp', 'chair'] }));
});

server.listen(3000);
// What is in flight is finished, and nothing new is taken.
process.on('SIGTERM', () => server.close());
