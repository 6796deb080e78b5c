import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { findRepository } from '../../../src/git/repository.ts';
import { readWorkspace } from '../../../src/git/workspace.ts';

let folder: string;
const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=ann', '-c', 'user.email=ann@example.com', ...args], { cwd: folder });
const read = (...path: string[]) => readWorkspace({ workspace: join(folder, ...path), env: process.env });

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'switchyard-workspace-')));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a workspace has one top, from every folder of it and by every name of it', async () => {
  git('init', '--quiet', 'shop');
  mkdirSync(join(folder, 'shop', 'web'));
  symlinkSync('shop', join(folder, 'alias'));
  symlinkSync('shop/web', join(folder, 'web'));
  for (const place of [['shop'], ['shop', 'web'], ['alias', 'web'], ['web']]) {
    expect(await read(...place)).toMatchObject({
      top: join(folder, 'shop'),
      gitDir: join(folder, 'shop', '.git'),
      commonDir: join(folder, 'shop', '.git'),
      objectFormat: 'sha1',
    });
  }
});

test('a work tree beside another has a git folder of its own, and shares one', async () => {
  git('init', '--quiet', 'shop');
  git('-C', 'shop', 'commit', '--quiet', '--allow-empty', '--message', 'first');
  git('-C', 'shop', 'worktree', 'add', '--quiet', '../beside');
  expect(await read('beside')).toMatchObject({
    top: join(folder, 'beside'),
    gitDir: join(folder, 'shop', '.git', 'worktrees', 'beside'),
    commonDir: join(folder, 'shop', '.git'),
  });
});

test('a bare repository has no top, and what is none says why', async () => {
  git('init', '--quiet', '--bare', 'shop.git');
  expect(await read('shop.git')).toMatchObject({ top: undefined, gitDir: join(folder, 'shop.git') });
  expect(await read()).toEqual({ complaint: expect.stringContaining('not a git repository') });
});

test('what was seen once is not asked for again', async () => {
  git('init', '--quiet', 'shop');
  git('-C', 'shop', 'remote', 'add', 'origin', 'https://github.com/acme/shop.git');
  const seen = read('shop');
  await seen;
  rmSync(join(folder, 'shop'), { recursive: true });
  expect(await findRepository({ workspace: join(folder, 'shop'), env: process.env }, seen)).toBe(
    'github.com/acme/shop',
  );
});
