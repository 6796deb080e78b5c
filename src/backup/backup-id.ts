import { randomBytes } from 'node:crypto';

/** newBackupId returns the id of a backup that begins at `at`, by which backups are in the order of time. */
export function newBackupId(at: Date): string {
  const time = at
    .toISOString()
    .replaceAll(/[-:]|\.\d+/g, '')
    .toLowerCase();
  return `${time}-${randomBytes(2).toString('hex')}`;
}

/** resticTime returns a time as `restic backup --time` takes it, in UTC. Pure. */
export function resticTime(at: Date): string {
  return at.toISOString().replace('T', ' ').slice(0, 19);
}
