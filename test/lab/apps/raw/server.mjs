/**
 * An app that believes nobody: it answers one request on each connection, and keeps every byte that came, so that what a
 * proxy passes on can be read as any app would read it. Port 3001 answers with a JSON array of what came since it was last
 * asked: one text for each connection.
 */
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';

/** So long after the last byte a request is taken for whole, whatever it says about its length. */
const SILENCE_MS = 150;
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n';

let came = [];

createTcpServer((socket) => {
  let text = '';
  let timer;
  let isKept = false;
  // Before the answer, since who has it asks at once for what came.
  const keep = () => {
    if (!isKept && text !== '') came.push(() => text);
    isKept = true;
  };
  socket.on('error', () => {});
  socket.on('data', (piece) => {
    text += piece.toString('latin1');
    clearTimeout(timer);
    timer = setTimeout(() => {
      keep();
      socket.end(ANSWER);
    }, SILENCE_MS);
  });
  socket.on('close', keep);
}).listen(3000);

createServer((_request, response) => {
  response.end(JSON.stringify(came.map((text) => text())));
  came = [];
}).listen(3001);

process.once('SIGTERM', () => process.exit(0));
