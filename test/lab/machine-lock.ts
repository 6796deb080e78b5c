import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * withMachineLock runs `work` while nobody else on this machine runs work under the same name. A lock whose holder
 * is dead is taken over. It waits for as long as the holder lives.
 */
export async function withMachineLock<T>(
  name: string,
  log: (line: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  const file = fileOf(name);
  await waitFor(() => take(file), file, log);
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/**
 * holdForProcess makes a name this process's own until {@link release} or the end of the process, and waits while
 * it is another living process's. Holding it twice is the same as once.
 */
export async function holdForProcess(name: string, log: (line: string) => void): Promise<void> {
  const file = fileOf(name);
  await waitFor(() => read(file) === identity(process.pid) || take(file), file, log);
}

/** tryHold makes a name this process's own until {@link release} or the end of the process; false when somebody holds it. */
export function tryHold(name: string): boolean {
  return take(fileOf(name));
}

/** release ends {@link holdForProcess} and {@link tryHold}; nothing happens if the name is not this process's. */
export function release(name: string): void {
  if (read(fileOf(name)) === identity(process.pid)) rmSync(fileOf(name), { force: true });
}

async function waitFor(attempt: () => boolean, file: string, log: (line: string) => void): Promise<void> {
  let told = false;
  while (!attempt()) {
    const holder = read(file);
    if (holder === undefined) continue;
    if (!told) log(`Waiting for process ${holder}, which holds ${file}`);
    told = true;
    await sleep(200);
  }
}

function take(file: string): boolean {
  // Linked into place, so that the lock never exists without its holder in it.
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, identity(process.pid) ?? '');
  try {
    linkSync(mine, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(mine, { force: true });
  }
  const holder = read(file);
  if (holder !== undefined && identity(Number.parseInt(holder, 10)) !== holder) rmSync(file, { force: true });
  return false;
}

/** identity names a living process by number and start time, since numbers are used again; undefined if it is dead. */
function identity(pid: number): string | undefined {
  // Field 22, counted behind the program's name, which may hold spaces.
  const startTime = read(`/proc/${pid}/stat`)?.replace(/^.*\)/s, '').split(' ')[20];
  return startTime && `${pid} started at tick ${startTime}`;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function fileOf(name: string): string {
  return join(tmpdir(), `switchyard-lab-${name}.lock`);
}
