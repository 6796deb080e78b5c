import { lstat, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../model/errors.ts';
import { VERSION_REF } from './fetch-version.ts';
import { runGitUntil } from './run-until.ts';
import { checkSubmodulePath, parseSubmodules, type Submodule } from './submodules.ts';
import type { Transport } from './transport.ts';

/** A version of a repository as files. */
export interface CheckedOut {
  commit: string;
  /** When it was made, in seconds since 1970. */
  committedAt: number;
  /** Other repositories that are part of it, and the commits of them. */
  submodules: (Submodule & { commit: string })[];
}

/** Where it is checked out from and to. */
export interface CheckOutPlace {
  url: string;
  gitDir: string;
  /** A folder without anything in it. */
  folder: string;
  /** A folder for what is temporary. */
  temporary: string;
}

/**
 * checkOut writes the files of the version in a bare repository into a folder: no hooks and no filters run, and files of
 * LFS stay what git has of them. The bare repository does not change. It throws a UserError for a version that is no
 * commit, and for paths that git takes for dangerous (`.git`, `..`).
 */
export async function checkOut(
  { url, gitDir, folder, temporary }: CheckOutPlace,
  transport: Transport,
  signal: AbortSignal,
): Promise<CheckedOut> {
  const scratch = await mkdtemp(join(temporary, 'index-'));
  try {
    const env = {
      ...transport.local,
      GIT_DIR: gitDir,
      GIT_WORK_TREE: folder,
      GIT_INDEX_FILE: join(scratch, 'index'),
    };
    const git = async (...args: string[]) => {
      const { exitCode, stdout, stderr } = await runGitUntil(args, { cwd: folder, env, signal });
      return { isDone: exitCode === 0, stdout: stdout.toString(), stderr };
    };
    const told = await git('log', '-1', '--no-show-signature', '--format=%H %ct', VERSION_REF, '--');
    const [, commit, time] = /^([0-9a-f]{40,64}) (\d+)/.exec(told.stdout) ?? [];
    if (commit === undefined) throw new UserError(`${url} has no commit there`, NO_COMMIT);
    const { isDone, stderr } = await git('read-tree', '--reset', '-u', commit);
    if (!isDone) throw new UserError(`${url} could not be checked out: ${stderr.trim()}`, NOT_CHECKED_OUT);
    const mentions = await lstat(join(folder, '.gitmodules')).catch(() => undefined);
    if (!mentions?.isFile()) return { commit, committedAt: Number(time), submodules: [] };
    const { stdout: listing } = await git('config', '--blob', `${commit}:.gitmodules`, '--list', '--null');
    const known = parseSubmodules(listing);
    if (known.length === 0) return { commit, committedAt: Number(time), submodules: [] };
    const paths = known.map(({ path }) => path);
    const { stdout: entries } = await git('ls-tree', '-z', '--full-tree', commit, '--', ...paths);
    const commits = new Map(
      entries.split('\0').flatMap((entry): [string, string][] => {
        const [, id = '', path = ''] = /^160000 commit ([0-9a-f]+)\t(.*)$/s.exec(entry) ?? [];
        return path === '' ? [] : [[path, id]];
      }),
    );
    const submodules = known.flatMap((one) => {
      const id = commits.get(one.path);
      return id === undefined ? [] : [{ ...one, commit: id }];
    });
    return { commit, committedAt: Number(time), submodules };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const NO_COMMIT = { hint: 'A tag can also lead to a file or a tree: write one that leads to a commit.' };
const NOT_CHECKED_OUT = {
  hint: 'git refuses paths by which a repository could write outside of its folder: they have to go there, or write another version.',
};

/**
 * submoduleFolder returns the folder of a submodule, which it makes sure of. It throws a UserError for a path that leads
 * out of the work tree, itself or by a link.
 */
export async function submoduleFolder(top: string, path: string): Promise<string> {
  checkSubmodulePath(path);
  let place = top;
  for (const part of path.split('/')) {
    place = join(place, part);
    await mkdir(place).catch(() => undefined);
    if (!(await lstat(place)).isDirectory()) {
      throw new UserError(`it has a submodule at ${JSON.stringify(path)}, where a file or a link is`);
    }
  }
  return place;
}
