/*
 * Somebody who asks for the way to an app again and again, without a pause, as each connection does that begins. When it is
 * told to stop it says how often there was none.
 */
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { setImmediate as turn } from 'node:timers/promises';

const { HOST = 'web', PORT = '3000' } = process.env;
// Asked for once: what a name means is not what this is about.
const { address } = await lookup(HOST);
const lost = [];
let connections = 0;
let isOver = false;
process.on('SIGTERM', () => {
  isOver = true;
});

/** Connecting by UDP is asking the kernel for the way, and nothing else. */
function once(socket) {
  return new Promise((resolve) => {
    socket.connect(Number(PORT), address, (error) => {
      if (error) lost.push(error.code);
      else socket.disconnect();
      connections += 1;
      resolve();
    });
  });
}

const socket = createSocket('udp4');
console.log('connected');
while (!isOver) {
  for (let count = 0; count < 20; count += 1) await once(socket);
  await turn();
}
socket.close();
console.log(JSON.stringify({ sent: { connections }, lost: lost.slice(0, 5) }));
