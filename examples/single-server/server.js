import { createServer } from 'node:http';

const server = createServer((request, response) => {
  response.end(`Welcome to ${request.headers.host}\n`);
});
server.listen(3000);

// What has been asked is answered before it ends.
process.on('SIGTERM', () => server.close(() => process.exit()));
