import { spawn } from 'node:child_process';
import { buffer, text } from 'node:stream/consumers';
import { type GitOutput, missingGit } from './run-git.ts';

/**
 * runGitUntil is runGit for what may take long: `signal` ends the process. @actions/exec knows no way to end what it has
 * begun. It throws a UserError when git is missing, and the reason of `signal` when that is aborted.
 */
export async function runGitUntil(
  args: readonly string[],
  { cwd, env, signal }: { cwd: string; env: Record<string, string>; signal: AbortSignal },
): Promise<GitOutput> {
  signal.throwIfAborted();
  const child = spawn('git', args, { cwd, env, signal, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      reject(signal.aborted ? signal.reason : error.code === 'ENOENT' ? missingGit(error) : error);
    });
    child.on('close', (code) => (signal.aborted ? reject(signal.reason) : resolve(code ?? 1)));
  });
  const [exitCode, stdout, stderr] = await Promise.all([ended, buffer(child.stdout), text(child.stderr)]);
  return { exitCode, stdout, stderr };
}
