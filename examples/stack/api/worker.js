import { connectQueue, db } from './stores.js';

const queue = await connectQueue();
let isEnding = false;
process.on('SIGTERM', () => (isEnding = true));

// An order stays in a list of its own until it is in the database: a worker that dies loses none.
while (!isEnding) {
  const item = await queue.blMove('orders', 'taken', 'LEFT', 'RIGHT', 1);
  if (item === null) continue;
  await db.query('INSERT INTO orders (item) VALUES ($1)', [item]);
  await queue.lRem('taken', 1, item);
}
process.exit();
