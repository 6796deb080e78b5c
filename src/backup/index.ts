/** What the command needs of this room; it is loaded by a run that has to do with backups. */
export { createBackups, restoreBackups, verifyBackups } from './backup.ts';
export { listBackups, pruneOldBackups, pullBackups } from './kept.ts';
