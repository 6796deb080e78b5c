import { expect, test } from '@jest/globals';
import { basic, resolveRemote } from '../../../src/git/remote.ts';

const github = { token: 'T', serverUrl: 'https://github.com' };
const resolve = (
  settings: Record<string, string>,
  credentials: { token: string | undefined; serverUrl: string } = github,
) =>
  resolveRemote(
    Object.entries(settings).map(([key, value]) => ({ key, value })),
    '/repo/.git',
    credentials,
  );
const plain = { user: undefined, authorization: undefined };

test('the remote is origin, or the only one, or the repository itself', () => {
  expect(resolve({})).toEqual({ name: undefined, url: '/repo/.git', ...plain });
  expect(resolve({ 'remote.up.url': '/srv/a.git' })).toEqual({ name: 'up', url: '/srv/a.git', ...plain });
  expect(resolve({ 'remote.a.url': '/a', 'remote.origin.url': '/o' }).name).toBe('origin');
  expect(() => resolve({ 'remote.b.url': '/b', 'remote.a.url': '/a' })).toThrow(/the remotes a, b/);
});

test('the address is the one git pushes to', () => {
  const rules = {
    'url.ssh://git@short/.insteadof': 'gh:',
    'url.ssh://git@long/.insteadof': 'gh:o/',
    'url.ssh://git@push/.pushinsteadof': 'pp:',
    'url.ssh://git@fetch/.insteadof': 'pp:',
  };
  const url = (remote: Record<string, string>): string => resolve({ ...rules, ...remote }).url;
  expect(url({ 'remote.origin.url': 'gh:x/r' })).toBe('ssh://git@short/x/r');
  expect(url({ 'remote.origin.url': 'gh:o/r' })).toBe('ssh://git@long/r');
  expect(url({ 'remote.origin.url': 'pp:r' })).toBe('ssh://git@push/r');
  expect(url({ 'remote.origin.url': '/a', 'remote.origin.pushurl': 'pp:r' })).toBe('ssh://git@fetch/r');
  expect(url({ 'remote.origin.url': 'git@github.com:o/r.git' })).toBe('git@github.com:o/r.git');
});

test('credentials leave the address, and a token goes to its own server only', () => {
  const at = (url: string, token: string | undefined = 'T') =>
    resolve({ 'remote.origin.url': url }, { token, serverUrl: 'https://github.com' });
  const url = 'https://github.com/o/r';
  expect(at(url)).toMatchObject({ url, authorization: basic('x-access-token', 'T') });
  expect(at('https://me:pw@github.com/o/r')).toMatchObject({
    url,
    authorization: basic('x-access-token', 'T'),
  });
  expect(at('https://me:p%40w@github.com/o/r', '')).toMatchObject({ url, authorization: basic('me', 'p@w') });
  expect(at('https://me@github.com/o/r', '')).toMatchObject({ url, user: 'me', authorization: undefined });
  expect(at('https://github.com.evil.org/o/r').authorization).toBeUndefined();
  expect(at('http://github.com/o/r').authorization).toBeUndefined();
});
