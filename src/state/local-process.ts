import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

/** Which process it is, well enough for another one on the same machine to see whether it lives. */
export interface ProcessIdentity {
  host: string;
  pid: number;
  /**
   * The start of the machine and its space of process ids. Hosted runners share host names, and
   * containers share a machine; only where this is equal does a process id mean the same process.
   * Undefined where the system does not tell (not Linux).
   */
  boot?: string | undefined;
}

/** The running process, and what it can see of others on its machine. */
export interface LocalProcess {
  identity: ProcessIdentity;
  /** isRunning tells whether a process of this machine has this id; true when in doubt. */
  isRunning(pid: number): boolean;
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
  return { identity: { host: hostname(), pid: process.pid, boot }, isRunning };
}

/** isGone tells whether `other` was a process of the very machine of `self` and has ended; false when in doubt. */
export function isGone(other: ProcessIdentity, { identity, isRunning }: LocalProcess): boolean {
  const isSameMachine =
    identity.boot !== undefined && other.boot === identity.boot && other.host === identity.host;
  return isSameMachine && !isRunning(other.pid);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
