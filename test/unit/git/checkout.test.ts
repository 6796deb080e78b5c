import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readCheckout } from '../../../src/git/checkout.ts';

const env = { PATH: process.env.PATH, HOME: tmpdir() };

test('a checkout says its commit, and what is not as that has it', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'switchyard-checkout-')));
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], {
      cwd: folder,
      env,
      encoding: 'utf8',
    });
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  git('init', '--quiet');
  for (const name of ['same', 'changed', 'gone', 'with "space"']) write(name, name);
  write('.gitignore', 'ignored\n');
  expect(await readCheckout({ workspace: folder, env })).toMatchObject({ commit: undefined });
  git('add', '--all');
  git('commit', '--quiet', '--message', 'one');
  const commit = git('rev-parse', 'HEAD').trim();
  expect(await readCheckout({ workspace: folder, env })).toMatchObject({ root: folder, commit, changed: [] });
  for (const name of ['changed', 'new', 'ignored', 'with "space"']) write(name, 'x');
  rmSync(join(folder, 'gone'));
  const { changed = [], committedAt } = (await readCheckout({ workspace: folder, env })) ?? {};
  expect([...changed].sort()).toEqual(['changed', 'gone', 'new', 'with "space"']);
  expect(committedAt).toBe(Number(git('log', '-1', '--format=%ct')));
});

test('where no repository is, none is found', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-nothing-'));
  expect(await readCheckout({ workspace: folder, env })).toBeUndefined();
});
