import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openTransport } from '../../../src/git/transport.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-transport-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (more: Record<string, string> = {}) =>
  openTransport(
    {
      tokens: new Map([
        ['github.com', 'abc'],
        ['bitbucket.org', 'def'],
        ['gitlab.com', 'deploy:ghi'],
      ]),
      sshKey: undefined,
      knownHosts: undefined,
    },
    { folder, env: { PATH: process.env.PATH, HOME: folder, GIT_CONFIG_NOSYSTEM: '1', ...more } },
  );

/** The settings that git is handed, the last one last. */
function settingsOf(env: Record<string, string>): [key: string, value: string][] {
  return Array.from({ length: Number(env.GIT_CONFIG_COUNT) }, (_, index) => [
    env[`GIT_CONFIG_KEY_${index}`] ?? '',
    env[`GIT_CONFIG_VALUE_${index}`] ?? '',
  ]);
}

const headerOf = (env: Record<string, string>) =>
  settingsOf(env)
    .findLast(([key]) => key.endsWith('.extraHeader'))?.[1]
    .replace('Authorization: basic ', '');
const decoded = (header = '') => Buffer.from(header, 'base64').toString();

describe('a token', () => {
  test('is sent to its host, encrypted, and not along with a redirect', async () => {
    const { connectionTo } = await open();
    const url = 'https://github.com/acme/api.git';
    const { env, hasCredentials } = connectionTo(url);
    expect([decoded(headerOf(env)), hasCredentials, env.GIT_ALLOW_PROTOCOL]).toEqual([
      'x-access-token:abc',
      true,
      'https',
    ]);
    expect(settingsOf(env)).toContainEqual([`http.${url}.followRedirects`, 'false']);
  });

  test.each([
    'https://example.com/acme/api.git',
    'https://github.com:8443/acme/api.git',
    'https://github.com.example.com/acme/api.git',
    'http://github.com/acme/api.git',
    'git@github.com:acme/api.git',
  ])('is not sent to %s', async (url) => {
    const { connectionTo } = await open();
    const { env, hasCredentials } = connectionTo(url);
    expect([hasCredentials, headerOf(env)]).toEqual([false, undefined]);
    expect(Object.values(env).join('\n')).not.toMatch(Buffer.from('x-access-token:abc').toString('base64'));
  });

  test('goes with the name that its host wants', async () => {
    const { connectionTo } = await open();
    expect(decoded(headerOf(connectionTo('https://bitbucket.org/acme/api.git').env))).toBe(
      'x-token-auth:def',
    );
    expect(decoded(headerOf(connectionTo('https://gitlab.com/acme/api.git').env))).toBe('deploy:ghi');
  });
});

test('of the machine’s configuration and environment only how a remote is reached holds', async () => {
  writeFileSync(
    join(folder, '.gitconfig'),
    '[http]\n\tproxy = http://proxy:3128\n[url "https://evil.example.com/"]\n\tinsteadOf = https://github.com/\n[core]\n\thooksPath = /evil\n\tsshCommand = evil\n[filter "lfs"]\n\tsmudge = evil\n',
  );
  const { connectionTo, local } = await open({
    'INPUT_GIT-TOKEN': 'abc',
    GIT_TRACE: '1',
    // What a careless machine may say, and what must not hold.
    GIT_SSH_COMMAND: 'ssh -o StrictHostKeyChecking=no',
    GIT_DIR: '/elsewhere',
    https_proxy: 'http://proxy:3128',
  });
  const { env } = connectionTo('git@github.com:acme/api.git');
  const keys = settingsOf(env).map(([key]) => key);
  expect(keys).toContain('http.proxy');
  expect(keys.filter((key) => /^(?:url|filter)\./.test(key))).toEqual([]);
  expect(env).toMatchObject({
    https_proxy: 'http://proxy:3128',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ALLOW_PROTOCOL: 'ssh',
  });
  expect(env.GIT_SSH_COMMAND).toMatch(/StrictHostKeyChecking=yes/);
  expect(Object.keys(env).filter((name) => /^(?:INPUT_|GIT_TRACE|GIT_DIR$)/.test(name))).toEqual([]);
  expect(settingsOf(local).filter(([, value]) => value.includes('evil'))).toEqual([]);
});
