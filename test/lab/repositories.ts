import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { mustRun } from './command.ts';

/** A git work tree with one commit on `main`, pushed to a bare repository on disk. */
export interface Repository {
  /** The work tree. */
  dir: string;
  /** The bare repository that is its remote `origin`. */
  origin: string;
}

/** newRepository makes the next repository below `bareDir` and its work tree beside it. `files` is path → text. */
export async function newRepository(bareDir: string, files: Record<string, string>): Promise<Repository> {
  const name = takeName(bareDir);
  const origin = join(bareDir, `${name}.git`);
  const dir = join(dirname(bareDir), 'work', name);
  mkdirSync(dir, { recursive: true });
  const git = (...args: string[]) => mustRun(['git', ...args], { cwd: dir });
  await mustRun(['git', 'init', '--quiet', '--bare', '--initial-branch', 'main', origin]);
  await git('init', '--quiet', '--initial-branch', 'main');
  for (const [key, value] of [
    ['user.name', 'Lab'],
    ['user.email', 'lab@example.com'],
    ['commit.gpgSign', 'false'],
    ['core.autocrlf', 'false'],
  ] as const) {
    await git('config', key, value);
  }
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
  await git('add', '--all');
  await git('commit', '--quiet', '--allow-empty', '--no-verify', '--message', 'The shop as it is');
  await git('remote', 'add', 'origin', origin);
  await git('push', '--quiet', '--no-verify', '--set-upstream', 'origin', 'main');
  return { dir, origin };
}

/** takeName makes the folder of the next bare repository; test files that run side by side get different ones. */
function takeName(bareDir: string): string {
  for (let number = readdirSync(bareDir).length + 1; ; number += 1) {
    const name = `repository-${number}`;
    try {
      mkdirSync(join(bareDir, `${name}.git`));
      return name;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}
