import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { findRepository, repositoryAddress } from '../../../src/git/repository.ts';

describe('the address of a repository', () => {
  test.each([
    'https://github.com/acme/shop',
    'https://github.com/acme/shop.git',
    'https://github.com/Acme/Shop/',
    'https://x-access-token:ghs_1@github.com/acme/shop.git',
    'https://octocat@github.com:443/acme/shop',
    'git@github.com:acme/shop.git',
    'github.com:acme/shop',
    'ssh://git@github.com/acme/shop.git',
    'ssh://git@github.com:22/acme/shop.git',
    'ssh://git@ssh.github.com:443/acme/shop.git',
    'git@github.com:/acme/shop.git',
  ])('is the same for everybody: %s', (url) => {
    expect(repositoryAddress(url, '/home/ann')).toBe('github.com/acme/shop');
  });

  test.each([
    ['https://git.example.com:3000/acme/shop.git', 'git.example.com/acme/shop'],
    ['https://gitlab.com/acme/team/shop', 'gitlab.com/acme/team/shop'],
    ['git@[2001:db8::1]:acme/shop.git', '[2001:db8::1]/acme/shop'],
    ['/srv/git/Shop.git', '/srv/git/Shop'],
    ['file:///srv/git/a%20shop.git', '/srv/git/a shop'],
    ['../shop.git', '/home/shop'],
    ['./nested:name', '/home/ann/nested:name'],
  ])('of %s is %s', (url, address) => {
    expect(repositoryAddress(url, '/home/ann')).toBe(address);
  });
});

describe('a repository', () => {
  let folder: string;
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=ann', '-c', 'user.email=ann@example.com', ...args], {
      cwd: folder,
      encoding: 'utf8',
    }).trim();
  const found = (workspace = folder) => findRepository({ workspace, env: process.env });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-repository-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('is known by its remote, without the credentials in it, from every folder', async () => {
    git('init', '--quiet');
    git('remote', 'add', 'origin', 'https://x-access-token:secret@github.com/acme/shop.git');
    mkdirSync(join(folder, 'web'));
    expect(await found(join(folder, 'web'))).toBe('github.com/acme/shop');
  });

  test('without a remote is known by its first commit', async () => {
    git('init', '--quiet');
    git('commit', '--quiet', '--allow-empty', '--message', 'first');
    const first = git('rev-parse', 'HEAD');
    git('commit', '--quiet', '--allow-empty', '--message', 'second');
    expect(await found()).toBe(`commit:${first}`);
  });

  test('without any commit is known by its folder', async () => {
    git('init', '--quiet');
    expect(await found()).toBe(realpathSync(folder));
  });

  test('that is none has no name', async () => {
    expect(await found()).toBe('');
  });
});
