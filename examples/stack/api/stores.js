import pg from 'pg';
import { createClient } from 'redis';

/** Connections end when a database is replaced, and are made again with the next query. */
export const db = new pg.Pool({ connectionString: process.env.DATABASE_URL });
db.on('error', (error) => console.error(error.message));

/** connectQueue returns a client of Redis that connects again by itself. */
export async function connectQueue() {
  const queue = createClient({ url: process.env.REDIS_URL });
  queue.on('error', (error) => console.error(error.message));
  return await queue.connect();
}
