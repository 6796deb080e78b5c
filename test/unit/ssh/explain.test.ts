import { describe, expect, test } from '@jest/globals';
import { UserError } from '../../../src/model/errors.ts';
import { explainConnectFailure } from '../../../src/ssh/explain.ts';
import { fingerprint, parseHostKey } from '../../../src/ssh/keys.ts';
import type { SshTarget } from '../../../src/ssh/target.ts';

const LINE = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
const { blob } = parseHostKey(LINE);
const { blob: other } = parseHostKey(
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDVjJzH1bAIyBDY8T2SP6SsTTdVzw7GvZrPHqVyXaUfw',
);
const target: SshTarget = {
  name: '203.0.113.10',
  host: '203.0.113.10',
  port: 22,
  user: 'deploy',
  hostKeys: [LINE],
};
const jump = { host: 'gate.example.com', port: 22, user: 'deploy', hostKeys: [LINE] };
const failed = (message: string, facts: object = {}) => Object.assign(new Error(message), facts);

describe('every failure to connect is a sentence with the server, the cause and the next step', () => {
  test.each([
    [
      'ENOTFOUND',
      failed('getaddrinfo ENOTFOUND', { code: 'ENOTFOUND' }),
      'the host name does not resolve',
      'Check "host"',
    ],
    [
      'EAI_AGAIN',
      failed('getaddrinfo EAI_AGAIN', { code: 'EAI_AGAIN' }),
      'the host name does not resolve',
      'Check "host"',
    ],
    [
      'ECONNREFUSED',
      failed('connect', { code: 'ECONNREFUSED' }),
      'the connection was refused',
      'Is sshd running',
    ],
    ['ETIMEDOUT', failed('no answer', { code: 'ETIMEDOUT' }), 'the server did not answer', 'firewall'],
    ['EHOSTUNREACH', failed('connect', { code: 'EHOSTUNREACH' }), 'the server did not answer', 'firewall'],
    [
      'a slow handshake',
      failed('Timed out while waiting for handshake'),
      'the SSH handshake took too long',
      'Is it an SSH server',
    ],
    [
      'a key that is not allowed',
      failed('All configured authentication methods failed', { level: 'client-authentication' }),
      'the server did not accept the SSH key',
      'authorized_keys of deploy',
    ],
    [
      'a key with a passphrase',
      failed('Cannot parse privateKey: Encrypted OpenSSH private key detected, but no passphrase given'),
      'the SSH private key has a passphrase',
      'ssh-keygen -p',
    ],
    [
      'a key that is damaged',
      failed('Cannot parse privateKey: Malformed OpenSSH private key'),
      'the SSH private key cannot be read (Cannot parse',
      'Is it whole',
    ],
    [
      'an address of IPv6 on a runner without it',
      failed('connect', { code: 'ENETUNREACH', address: '2001:db8::1' }),
      'this runner has no IPv6',
      "GitHub's own runners have none",
    ],
    [
      'a network that nothing leads to',
      failed('connect', { code: 'ENETUNREACH', address: '10.0.0.1' }),
      'this runner has no way to the network of the server',
      '"jump" host',
    ],
    [
      'a server without the given type of key',
      failed('Handshake failed: no matching host key format'),
      'the server has no host key of the types given in host_key',
      'ssh-keyscan -p 22 203.0.113.10',
    ],
    ['anything else', failed('something odd'), 'the SSH connection failed (something odd)', 'Try "ssh"'],
  ])('%s', (_name, error, message, hint) => {
    const explained = explainConnectFailure(target, error);
    expect(explained).toBeInstanceOf(UserError);
    expect(explained.message).toContain(`deploy@203.0.113.10:22: ${message}`);
    expect(explained.hint).toContain(hint);
    expect(explained.cause).toBe(error);
  });

  test('no host key configured: the fingerprint to compare, and the line to add', () => {
    const explained = explainConnectFailure(
      { ...target, hostKeys: [] },
      failed('Host denied (verification failed)'),
      blob,
    );
    expect(explained.message).toContain(`no host_key is configured; the server shows ${fingerprint(blob)}`);
    expect(explained.hint).toContain(`host_key: "${LINE}"`);
  });

  test('another host key than the configured one: a warning, not an instruction', () => {
    const explained = explainConnectFailure(target, failed('Host denied (verification failed)'), other);
    expect(explained.message).toContain(
      `the host key is not the configured one: host_key says ${fingerprint(blob)}, the server shows ${fingerprint(other)}`,
    );
    expect(explained.hint).toMatch(/^Somebody may be in between\. Only if the server was set up anew/);
  });

  test('a typo in host_key is told apart from the key of a stranger', () => {
    const line = `${LINE.slice(0, -1)}m`;
    const explained = explainConnectFailure(
      { ...target, hostKeys: [line] },
      failed('Host denied (verification failed)'),
      blob,
    );
    expect(explained.message).toContain(
      `host_key has a typo: it is nearly the server's (host_key says ${fingerprint(parseHostKey(line).blob)}, the server shows ${fingerprint(blob)})`,
    );
    expect(explained.hint).toContain(`host_key: "${LINE}"`);
  });

  test('a server with a name is called by it, and its address follows', () => {
    const named = { ...target, name: 'web-1' };
    expect(explainConnectFailure(named, failed('something odd')).message).toMatch(
      /^web-1 \(deploy@203\.0\.113\.10:22\): the SSH connection failed/,
    );
    const denied = failed('Host denied (verification failed)');
    expect(explainConnectFailure(named, denied, other).message).toMatch(
      /^web-1 \(203\.0\.113\.10:22\): the host key is not the configured one/,
    );
  });

  test('a mistake that is explained already stays as it is', () => {
    const error = new UserError('host_key "x" is no SSH public key');
    expect(explainConnectFailure(target, error)).toBe(error);
  });

  test.each([
    [1, 'open failed: administratively prohibited', 'sshd of gate.example.com forbids TCP forwarding'],
    [2, 'Connection refused', 'the connection was refused'],
    [2, 'No route to host', 'the server did not answer'],
    [2, 'Network is unreachable', 'this runner has no way to the network'],
    [2, 'Name or service not known', 'the host name does not resolve'],
  ])('through a jump host, reason %i "%s"', (reason, text, message) => {
    const explained = explainConnectFailure({ ...target, jump }, failed(text, { reason }));
    expect(explained.message).toContain(`through gate.example.com: ${message}`);
  });
});
