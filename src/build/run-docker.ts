import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { isFullDisk, ROOM_ON_RUNNER } from '../docker/full-disk.ts';
import { UserError } from '../model/errors.ts';

/** What running the client of Docker needs. */
export interface DockerRun {
  env: Readonly<Record<string, string>>;
  /** Ends it when aborted. */
  signal: AbortSignal;
  /** Told of each line as it comes, of both streams. */
  onLine?(line: string): void;
}

/** What it left behind. */
export interface DockerOutput {
  code: number;
  lines: string[];
}

/**
 * runDocker runs `docker` with these words, which no shell reads, and returns how it ended. It is a child of its own and
 * not one of @actions/exec, which knows no way to end what it has begun: a cancelled run must not go on building. It throws
 * a UserError when there is no such program, and the reason of `signal` when that is aborted.
 */
export async function runDocker(
  args: readonly string[],
  { env, signal, onLine }: DockerRun,
): Promise<DockerOutput> {
  signal.throwIfAborted();
  const child = spawn('docker', args, { env, signal, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const take = (line: string) => {
    lines.push(line);
    onLine?.(line);
  };
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', take);
  return await new Promise((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (signal.aborted) return reject(signal.reason);
      reject(error.code === 'ENOENT' ? missingDocker(error) : error);
    });
    child.on('close', (code) => {
      if (signal.aborted) reject(signal.reason);
      else resolve({ code: code ?? 1, lines });
    });
  });
}

/**
 * streamDocker runs `docker` with these words, and hands what it prints to `read` while it does. It throws what reading
 * throws, a UserError with the last words of a docker that fails, and the reason of `signal` when that is aborted.
 */
export async function streamDocker<T>(
  args: readonly string[],
  { env, signal }: DockerRun,
  read: (output: Readable) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const child = spawn('docker', args, { env, signal, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  try {
    const [result, code] = await Promise.all([read(child.stdout), ended]);
    if (code === 0) return result;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    // A docker that fails ends its output early, and says itself why.
    if (said === '') throw error;
  }
  throw new UserError(`docker ${args[0]} failed: ${said.trim().split('\n').at(-1)}`, {
    hint: isFullDisk(said) ? ROOM_ON_RUNNER : 'These are its own words.',
  });
}

function missingDocker(cause: unknown): UserError {
  return new UserError('there is no docker on this machine', {
    hint: 'Images are built by the client of Docker: use a runner that has it, or install Docker before this step.',
    cause,
  });
}
