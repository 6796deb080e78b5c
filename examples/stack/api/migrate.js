import { db } from './stores.js';

await db.query('CREATE TABLE IF NOT EXISTS orders (id bigserial PRIMARY KEY, item text NOT NULL)');
await db.end();
