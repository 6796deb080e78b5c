import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ScratchRepository } from '../../../src/git/scratch-repository.ts';

let directory: string;
let env: NodeJS.ProcessEnv;
let path: string | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'switchyard-test-'));
  env = { ...process.env, HOME: directory, RUNNER_TEMP: directory, GIT_CONFIG_NOSYSTEM: '1' };
  path = process.env.PATH;
  execFileSync('git', ['init', '--quiet', '--bare', directory], { env });
});
afterEach(() => {
  process.env.PATH = path;
  rmSync(directory, { recursive: true, force: true });
});

const open = () =>
  ScratchRepository.open({
    workspace: directory,
    branch: 's',
    token: undefined,
    serverUrl: 'https://github.com',
    env,
  });
const at = { name: 'a', email: 'b', at: new Date(0) };

test('two refs move together or not at all', async () => {
  const repository = await open();
  const draft = { parent: undefined, message: 'm', files: new Map([['a/b', '1']]) };
  const [commit] = await repository.write([draft], at);
  const to = commit?.id ?? '';
  expect(await repository.push([{ ref: 'refs/heads/a', expected: undefined, to }])).toBe('moved');
  const both = [
    {
      ref: 'refs/heads/a',
      expected: undefined,
      to: (await repository.write([{ ...draft, message: 'n' }], at))[0]?.id ?? '',
    },
    { ref: 'refs/heads/b', expected: undefined, to },
  ];
  expect(await repository.push(both)).toEqual({ raced: expect.stringContaining('stale info') });
  await repository.fetch(['refs/heads/a', 'refs/heads/b']);
  const [a, b, file, none] = await repository.read([
    'refs/heads/a',
    'refs/heads/b',
    'refs/heads/a:a/b',
    'refs/heads/a:x',
  ]);
  expect([a?.id, b, file?.content.toString(), none]).toEqual([to, undefined, '1', undefined]);
  await repository.close();
  await expect(repository.fetch(['refs/heads/a'])).rejects.toThrow('closed');
});

test('a ref that the remote no longer has is forgotten', async () => {
  const repository = await open();
  const [commit] = await repository.write([{ parent: undefined, message: 'm', files: new Map() }], at);
  await repository.push([{ ref: 'refs/heads/a', expected: undefined, to: commit?.id ?? '' }]);
  await repository.fetch(['refs/heads/a']);
  execFileSync('git', ['-C', directory, 'update-ref', '-d', 'refs/heads/a'], { env });
  await repository.fetch(['refs/heads/a']);
  expect(await repository.read(['refs/heads/a'])).toEqual([undefined]);
  await repository.close();
});

test('a missing git is said in a sentence, and leaves no folder', async () => {
  process.env.PATH = '/nonexistent';
  await expect(open()).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringContaining('git was not found'),
  });
  expect(readdirSync(directory).filter((name) => name.startsWith('switchyard-git-'))).toEqual([]);
});
