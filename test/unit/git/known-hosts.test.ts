import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { knownHosts } from '../../../src/git/known-hosts.ts';

/** As the services publish them. */
const FINGERPRINTS = {
  'github.com,[ssh.github.com]:443': '+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU',
  'gitlab.com,[altssh.gitlab.com]:443': 'eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8',
  'bitbucket.org,[altssh.bitbucket.org]:443': 'ybgmFkzwOSotHTHLJgHO0QN8L0xErw6vd0VhFA9m3SM',
  'codeberg.org': 'mIlxA9k46MmM6qdJOdMnAQpzGxF4WIVVL+fj+wZbw0g',
};

test('the host keys of well-known services are the published ones', () => {
  const lines = knownHosts(undefined).trimEnd().split('\n');
  const found = lines.map((line) => {
    const [hosts = '', type, key = ''] = line.split(' ');
    expect(type).toBe('ssh-ed25519');
    const hash = createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64');
    return [hosts, hash.replace(/=$/, '')];
  });
  expect(Object.fromEntries(found)).toEqual(FINGERPRINTS);
});

test('lines of a run stand beside them, whatever they end with', () => {
  const lines = knownHosts('git.example.com ssh-ed25519 AAAA\r\n\r\n[other]:22 ssh-rsa BBBB').split('\n');
  expect(lines.slice(-3)).toEqual(['git.example.com ssh-ed25519 AAAA', '[other]:22 ssh-rsa BBBB', '']);
});
