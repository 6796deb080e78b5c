import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

/** Which process this is, well enough for another one on the same machine to see whether it lives. */
export interface LocalProcess {
  host: string;
  pid: number;
  /**
   * The start of the machine and its space of process ids. Hosted runners share host names, and
   * containers share a machine; only where this is equal does a process id mean the same process.
   * Undefined where the system does not tell (not Linux).
   */
  boot: string | undefined;
}

/** thisProcess returns the running process. */
export async function thisProcess(): Promise<LocalProcess> {
  let boot: string | undefined;
  try {
    const id = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    boot = `${id} ${await readlink('/proc/self/ns/pid')}`;
  } catch {
    boot = undefined;
  }
  return { host: hostname(), pid: process.pid, boot };
}

/** isGone tells whether `other` was a process of this very machine and has ended; false when in doubt. */
export function isGone(
  other: { host: string; pid: number; boot?: string | undefined },
  self: LocalProcess,
): boolean {
  if (self.boot === undefined || other.boot !== self.boot || other.host !== self.host) return false;
  try {
    process.kill(other.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
