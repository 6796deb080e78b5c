import { expect, test } from '@jest/globals';
import { gitCredentialsOf } from '../../../src/commands/git-credentials.ts';
import { buildSpec } from '../build/specs.ts';

/** credentials reads the inputs for builds from these addresses; it returns what is known, and what is hidden. */
function credentials(urls: string[], token?: string, sshKey?: string) {
  const hidden: string[] = [];
  const log = { hide: (value: string) => void hidden.push(value) };
  const { tokens, ...rest } = gitCredentialsOf(
    { 'git-token': token, 'git-ssh-key': sshKey, 'git-known-hosts': undefined },
    urls.map((url) => buildSpec({ git: { url } })),
    log as Parameters<typeof gitCredentialsOf>[2],
  );
  return { tokens: Object.fromEntries(tokens), hidden, ...rest };
}

const GITHUB = 'https://github.com/acme/api.git';
const GITLAB = 'https://gitlab.com/acme/web.git';

test('a token is for the one host that sources come from', () => {
  expect(credentials([GITHUB, 'https://GitHub.com/acme/web'], ' abc \n').tokens).toEqual({
    'github.com': 'abc',
  });
  expect(credentials(['git@github.com:acme/api.git', GITLAB], 'abc').tokens).toEqual({ 'gitlab.com': 'abc' });
  expect(credentials(['git@github.com:acme/api.git'], 'abc').tokens).toEqual({});
});

test('of several hosts each has its own', () => {
  const given = 'github.com=abc=\ngit.example.com:8443=name:def';
  expect(credentials([GITHUB, GITLAB], given).tokens).toEqual({
    'github.com': 'abc=',
    'git.example.com:8443': 'name:def',
  });
  expect(() => credentials([GITHUB, GITLAB], 'abc')).toThrow(
    'sources come from several hosts (github.com, gitlab.com)',
  );
  expect(() => credentials([GITHUB], 'github.com=abc\ndef')).toThrow('not each has a host');
});

test('a token of another host is sent to none', () => {
  expect(credentials([GITHUB], 'gitlab.com=abc').tokens).toEqual({ 'gitlab.com': 'abc' });
});

test('a token goes nowhere without encryption, but to this machine', () => {
  expect(() => credentials(['http://git.example.com/api.git'], 'abc')).toThrow(
    'git-token would be sent to git.example.com without encryption',
  );
  expect(credentials(['http://git.example.com/api.git']).tokens).toEqual({});
  expect(credentials(['http://127.0.0.1:3000/api.git'], 'abc').tokens).toEqual({ '127.0.0.1:3000': 'abc' });
});

test('what is secret is hidden', () => {
  expect(credentials([GITHUB], 'name:abc', 'a key').hidden).toEqual(['a key', 'name:abc', 'abc']);
});
