/*
 * Those who depend on a service, in the network of its environment: they reach it by the sidecar's name, which they ask for
 * with each connection, and never try anything twice. When they are told to stop they say what they have lost.
 */
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const { HOST = 'nginx', HTTP_PORT = '5100', TCP_PORT = '5101', HELD_MS = '4000' } = process.env;
const LATE_MS = 10_000;
const sent = {};
const lost = [];
let isOver = false;

function once(agent, method) {
  return new Promise((resolve, reject) => {
    const to = { host: HOST, port: Number(HTTP_PORT), path: '/work?ms=5', method, agent };
    const asked = request(to, (answer) => {
      answer.resume();
      answer.on('error', reject);
      answer.on('end', () =>
        answer.statusCode === 200 ? resolve() : reject(new Error(`answered ${answer.statusCode}`)),
      );
    });
    asked.setTimeout(LATE_MS, () => asked.destroy(new Error('no answer in time')));
    asked.on('error', reject);
    asked.end(method === 'POST' ? 'a body' : undefined);
  });
}

/** Greeting, and then an echo every 50 ms for so long. */
function tcp(forMs) {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(TCP_PORT), HOST);
    const endsAt = Date.now() + forMs;
    let heard = '';
    let isDone = false;
    socket.setTimeout(LATE_MS, () => socket.destroy(new Error('no echo in time')));
    socket.on('error', reject);
    socket.on('close', () => (isDone ? resolve() : reject(new Error('it was closed'))));
    socket.on('data', async (piece) => {
      heard += piece;
      if (!heard.endsWith('\n')) return;
      heard = '';
      if (Date.now() >= endsAt) {
        isDone = true;
        socket.end();
        return;
      }
      await sleep(forMs > 0 ? 50 : 0);
      socket.write('echo\n');
    });
  });
}

function webSocket(forMs) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://${HOST}:${HTTP_PORT}/ws`);
    const endsAt = Date.now() + forMs;
    let isDone = false;
    socket.addEventListener('error', () => reject(new Error('it failed')));
    socket.addEventListener('close', () => (isDone ? resolve() : reject(new Error('it was closed'))));
    socket.addEventListener('open', () => socket.send('echo'));
    socket.addEventListener('message', async () => {
      if (Date.now() >= endsAt) {
        isDone = true;
        socket.close();
        return;
      }
      await sleep(50);
      socket.send('echo');
    });
  });
}

async function go(kind, count, work, pauseMs) {
  await Promise.all(
    Array.from({ length: count }, async () => {
      const one = work();
      while (!isOver) {
        sent[kind] = (sent[kind] ?? 0) + 1;
        await one().catch((error) => lost.push(`${kind}: ${error.code ?? ''} ${error.message}`));
        await sleep(Math.random() * pauseMs);
      }
    }),
  );
}

process.on('SIGTERM', () => {
  isOver = true;
});
const held = Number(HELD_MS);
await Promise.all([
  go('new connection', 4, () => () => once(false, 'GET'), 20),
  go('post', 2, () => () => once(false, 'POST'), 20),
  go('keep-alive', 6, keepAlive, 40),
  go('tcp', 4, () => () => tcp(0), 20),
  go('held tcp', 4, () => () => tcp(held), 10),
  go('websocket', 4, () => () => webSocket(held), 10),
]);
console.log(JSON.stringify({ sent, lost }));
process.exit(0);

function keepAlive() {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return () => once(agent, Math.random() < 0.5 ? 'GET' : 'POST');
}
