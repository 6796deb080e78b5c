import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openWorkTree } from '../../../src/git/work-tree.ts';

const LIMIT = 1_000;
let outside: string;
let root: string;

beforeEach(() => {
  outside = mkdtempSync(join(tmpdir(), 'switchyard-tree-'));
  root = join(outside, 'repository');
  mkdirSync(join(root, 'deploy/conf/sub'), { recursive: true });
  write('deploy/a.yml', 'a');
  write('deploy/conf/run.sh', 'run');
  chmodSync(join(root, 'deploy/conf/run.sh'), 0o755);
  write('deploy/conf/sub/b.yml', 'b');
  write('shared.yml', 'shared');
  writeFileSync(join(outside, 'strange'), 'strange');
  git('init', '--quiet');
  git('add', '.');
});
afterEach(() => rmSync(outside, { recursive: true }));

function write(path: string, text: string): void {
  writeFileSync(join(root, path), text);
}

function git(...args: string[]): void {
  execFileSync('git', args, { cwd: root });
}

const open = () => openWorkTree(join(root, 'deploy'), process.env);
const find = async (path: string) => (await open()).find(path, LIMIT);

describe('the files of a repository', () => {
  test('are found from the folder of the configuration', async () => {
    const known = { bytes: Buffer.from('a'), isExecutable: false, isSecret: false };
    expect(await find('./a.yml')).toEqual({ kind: 'file', file: known });
    expect(await find('../shared.yml')).toMatchObject({ file: { bytes: Buffer.from('shared') } });
    expect(await find('nowhere')).toBeUndefined();
    expect(await find('a.yml/below')).toBeUndefined();
  });

  test('of a folder come with their paths and modes', async () => {
    const entry = await find('conf');
    const files = entry?.kind === 'folder' ? [...entry.files] : [];
    expect(files.map(([path, { isExecutable }]) => [path, isExecutable])).toEqual([
      ['run.sh', true],
      ['sub/b.yml', false],
    ]);
  });

  test.each([
    ['is not tracked', () => write('deploy/new.env', 'x'), 'new.env', true],
    ['was changed since', () => write('deploy/a.yml', 'changed'), 'a.yml', true],
    ['was added', () => [write('deploy/new.env', 'x'), git('add', '.')], 'new.env', false],
  ])('are secret, or not, when one %s', async (_what, arrange, path, isSecret) => {
    arrange();
    expect(await find(path)).toMatchObject({ file: { isSecret } });
  });

  test('are all secret where there is no git', async () => {
    rmSync(join(root, '.git'), { recursive: true });
    expect(await find('a.yml')).toMatchObject({ file: { isSecret: true } });
    expect(() => execFileSync('git', ['rev-parse'], { cwd: root, stdio: 'ignore' })).toThrow();
  });

  test('may be links, as long as these stay inside', async () => {
    symlinkSync('../shared.yml', join(root, 'deploy/link.yml'));
    expect(await find('link.yml')).toMatchObject({ file: { bytes: Buffer.from('shared'), isSecret: false } });
    symlinkSync(join(outside, 'strange'), join(root, 'deploy/conf/out'));
    await expect(find('conf/out')).rejects.toThrow('conf/out is outside of the repository');
    await expect(find('conf')).rejects.toThrow('conf has a link that leaves the repository: out');
  });

  test('are none that lie outside, or are git’s own', async () => {
    await expect(find('../../strange')).rejects.toThrow('../../strange is outside of the repository');
    await expect(find(join(outside, 'strange'))).rejects.toThrow('is outside of the repository');
    await expect(find('../.git/config')).rejects.toThrow(".git/config is git's own");
    const entry = await find('..');
    const paths = entry?.kind === 'folder' ? [...entry.files.keys()] : [];
    expect(paths).toEqual(['deploy/a.yml', 'deploy/conf/run.sh', 'deploy/conf/sub/b.yml', 'shared.yml']);
  });

  test('are refused when they are too much, also by a link that leads in circles', async () => {
    write('deploy/large', 'x'.repeat(LIMIT + 1));
    await expect(find('large')).rejects.toThrow('large has too much in it');
    write('deploy/conf/half', 'x'.repeat(LIMIT - 1));
    await expect(find('conf')).rejects.toThrow('conf has too much in it');
    rmSync(join(root, 'deploy/conf/half'));
    symlinkSync('..', join(root, 'deploy/conf/sub/circle'));
    await expect(find('conf')).rejects.toThrow(/conf has (too much in it|folders in folders without end)/);
  });
});
