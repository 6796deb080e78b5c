import type { DatabaseKind } from '../../model/backup.ts';
import { mariadb, mysql } from './mariadb.ts';
import { postgres } from './postgres.ts';
import type { DatabaseProgram } from './program.ts';
import { redis } from './redis.ts';

/** How each kind of database is dumped and restored. */
export const PROGRAMS: Readonly<Record<DatabaseKind, DatabaseProgram>> = { postgres, redis, mariadb, mysql };
