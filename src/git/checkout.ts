import { realpathSync } from 'node:fs';
import { quietEnvironment } from './environment.ts';
import { runGit } from './run-git.ts';
import type { RepositoryPlace } from './workspace.ts';

/** What is checked out. */
export interface Checkout {
  /** The real path of the top of the work tree. */
  root: string;
  /** Undefined before the first commit. */
  commit: string | undefined;
  /** When it was made, in seconds since 1970. */
  committedAt: number | undefined;
  /** Paths from the top of what is not as the commit has it: changed, new and gone. What git ignores is none of it. */
  changed: readonly string[];
}

/** readCheckout asks git what is checked out; undefined where there is no repository. It throws a UserError when git is missing. */
export async function readCheckout({
  workspace,
  env: given,
}: RepositoryPlace): Promise<Checkout | undefined> {
  const env = quietEnvironment(given);
  const git = async (...args: string[]) => (await runGit(args, { cwd: workspace, env })).stdout.toString();
  const top = (await git('rev-parse', '--show-toplevel')).replace(/\n$/, '');
  if (top === '') return undefined;
  const [head, status] = await Promise.all([
    git('log', '-1', '--format=%H %ct', 'HEAD'),
    git('-C', top, 'status', '--porcelain=v1', '-z', '--untracked-files=all', '--no-renames'),
  ]);
  const [, commit, time] = /^([0-9a-f]{40,64}) (\d+)/.exec(head) ?? [];
  return {
    root: realpathSync(top),
    commit,
    committedAt: time === undefined ? undefined : Number(time),
    changed: status
      .split('\0')
      .map((entry) => entry.slice(3))
      .filter((path) => path !== ''),
  };
}
