import { getExecOutput } from '@actions/exec';
import { which } from '@actions/io';
import { messageOf, UserError } from '../model/errors.ts';

/** What a git process left behind. */
export interface GitOutput {
  exitCode: number;
  stdout: Buffer;
  stderr: string;
}

/**
 * runGit runs `git` with `args` in the folder `cwd`, `env` as its whole environment and `input` on its
 * standard input. A failing git is an exit code and not an exception; a missing git is a UserError.
 */
export async function runGit(
  args: readonly string[],
  options: { cwd: string; env: Record<string, string>; input?: Buffer },
): Promise<GitOutput> {
  const chunks: Buffer[] = [];
  try {
    const { exitCode, stderr } = await getExecOutput(await findGit(), [...args], {
      cwd: options.cwd,
      env: options.env,
      // Only for commands that read to the end: writing to a process that has ended is an EPIPE that
      // @actions/exec lets nobody catch.
      ...(options.input && { input: options.input }),
      silent: true,
      ignoreReturnCode: true,
      // Bytes, because `cat-file --batch` counts in bytes and a decoded string does not.
      listeners: { stdout: (chunk) => chunks.push(chunk) },
    });
    return { exitCode, stdout: Buffer.concat(chunks), stderr };
  } catch (error) {
    if (/Unable to locate executable file|ENOENT/.test(messageOf(error))) {
      throw missingGit(error);
    }
    throw error;
  }
}

/** Where git was found, by the PATH that it was looked for on. */
const found = new Map<string | undefined, Promise<string>>();

/** A runner's PATH has some twenty folders: they are looked through once, and not for each of a dozen processes. */
function findGit(): Promise<string> {
  const { PATH } = process.env;
  const known = found.get(PATH) ?? which('git', true);
  found.set(PATH, known);
  return known;
}

/** missingGit returns the error for a machine without git. */
export function missingGit(cause: unknown): UserError {
  return new UserError('git was not found on this machine', {
    hint: 'State is kept on a git branch: install git 2.32 or newer (`apt-get install git`).',
    cause,
  });
}
