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
  const number = readdirSync(bareDir).length + 1;
  const origin = join(bareDir, `repository-${number}.git`);
  const dir = join(dirname(bareDir), 'work', `repository-${number}`);
  mkdirSync(origin);
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
