// An app that finds its redis by REDIS_URL: each request is a query on a connection of its own. What a POST brings is
// answered as the lab's load wants to hear it.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';

/** word is one argument of a command, as redis takes it. */
const word = (text) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
const command = (...words) => `*${words.length}\r\n${words.map(word).join('')}`;

/** count adds one to a key and returns what redis answers to that. */
async function count(key) {
  const url = new URL(process.env.REDIS_URL);
  const socket = connect({ host: url.hostname, port: Number(url.port) });
  const login = command('AUTH', ...[url.username, url.password].map(decodeURIComponent));
  const select = command('SELECT', url.pathname.slice(1));
  socket.setEncoding('utf8').write(login + select + command('INCR', key));
  let answer = '';
  try {
    while (answer.split('\r\n').length < 4) answer += (await once(socket, 'data'))[0];
  } finally {
    socket.destroy();
  }
  return answer.split('\r\n').slice(0, 3);
}

const server = createServer(async (request, response) => {
  if (request.url === '/health') return response.end('ok');
  try {
    const body = Buffer.concat(await request.toArray());
    const [login, select, counted] = await count('asked');
    const isCounted = login === '+OK' && select === '+OK' && counted.startsWith(':');
    response.writeHead(isCounted ? 200 : 500, { 'content-type': 'application/json' });
    const sha256 = createHash('sha256').update(body).digest('hex');
    response.end(
      JSON.stringify({ version: process.env.VERSION, login, counted, length: body.length, sha256 }),
    );
  } catch (error) {
    response.statusCode = 500;
    response.end(String(error));
  }
});
server.listen(3000);
process.on('SIGTERM', () => server.close(() => process.exit(0)));
