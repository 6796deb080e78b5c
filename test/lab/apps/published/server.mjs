import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/*
 * An app that does not speak HTTP. By tcp on 1883 and by udp on 5353 it says its own name and what it was told. On 9000 it
 * says what it has seen: the datagrams, and when the last connection to 1883 came.
 */
const { NAME = 'nobody', ANSWER_MS = '0' } = process.env;
const seen = { datagrams: 0, connectedAt: 0, connections: 0 };

createServer((socket) => {
  seen.connectedAt = Date.now();
  seen.connections += 1;
  socket.on('error', () => undefined);
  socket.on('data', (told) => socket.write(`${NAME} ${told}`));
}).listen(1883);

const udp = createSocket('udp4');
udp.on('message', (told, from) => {
  seen.datagrams += 1;
  if (told.toString().startsWith('?'))
    setTimeout(() => udp.send(`${NAME} ${told}`, from.port, from.address), Number(ANSWER_MS));
});
udp.bind(5353);

createServer((socket) => socket.on('error', () => undefined).end(JSON.stringify(seen))).listen(9000);
process.on('SIGTERM', () => process.exit(0));
