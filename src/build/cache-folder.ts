import { rename, rm, stat } from 'node:fs/promises';
import type { CachePlan } from './cache.ts';

/**
 * renewFolder puts what a build has written in place of what it has read. BuildKit takes nothing out of a folder that it
 * writes into, which would grow with each build.
 */
export async function renewFolder({ written, read }: NonNullable<CachePlan['folders']>): Promise<void> {
  const isWritten = await stat(written).then(
    () => true,
    () => false,
  );
  if (!isWritten) return;
  await rm(read, { recursive: true, force: true });
  await rename(written, read);
}
