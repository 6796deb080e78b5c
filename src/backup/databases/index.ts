import type { DatabaseKind } from '../../model/backup.ts';
import { UserError } from '../../model/errors.ts';
import { postgres } from './postgres.ts';
import type { DatabaseProgram } from './program.ts';
import { redis } from './redis.ts';

const PROGRAMS: Partial<Record<DatabaseKind, DatabaseProgram>> = { postgres, redis };

/** databaseProgram returns how a kind of database is dumped and restored. It throws a UserError for one that is not yet. */
export function databaseProgram(kind: DatabaseKind): DatabaseProgram {
  const found = PROGRAMS[kind];
  if (found !== undefined) return found;
  throw new UserError(`backups of ${kind} by its own program are not made yet`, {
    hint: 'Back up its volume, stopped meanwhile: backup: { volumes: [data], stopped: true }.',
  });
}
