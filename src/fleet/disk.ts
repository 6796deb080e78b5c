import { statfs } from 'node:fs/promises';

/**
 * A fixed line for a server's shell: says how full the file system of the folder is that stands on stdin. xargs hands
 * it over as one argument, so that nothing of it is read by a shell.
 */
export const DISK_COMMAND = 'xargs -0 env LC_ALL=C df -Pk --';

/** parseFree returns the free bytes that DISK_COMMAND has printed, undefined for anything else. */
export function parseFree(stdout: string): number | undefined {
  // Blocks of 1024 bytes: all, used, available; then the share in use.
  const available = /\s\d+\s+\d+\s+(\d+)\s+\d+%\s/.exec(stdout.split('\n')[1] ?? '')?.[1];
  return available === undefined ? undefined : Number(available) * 1024;
}

/** freeHere returns the free bytes of the file system that holds a folder of this machine, undefined when there is none. */
export async function freeHere(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
