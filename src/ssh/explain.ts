import { messageOf, UserError } from '../model/errors.ts';
import { fingerprint, hostKeyLine } from './keys.ts';
import type { SshTarget } from './target.ts';

/**
 * explainConnectFailure turns what went wrong while connecting into a UserError that names the server, the
 * cause and the next step. `seenKey` is the host key that the server showed, if it came that far.
 */
export function explainConnectFailure(target: SshTarget, error: unknown, seenKey?: Buffer): UserError {
  if (error instanceof UserError) return error;
  const server = `${target.user}@${target.host}:${target.port}`;
  const { code, level } = error as { code?: string; level?: string };
  const message = messageOf(error);
  const fail = (what: string, hint: string) => new UserError(`${server}: ${what}`, { hint, cause: error });

  if (seenKey !== undefined && message.includes('Host denied')) return hostKeyRefused(target, seenKey, error);
  if (/no matching host key/i.test(message)) {
    return fail(
      'the server has no host key of the types given in host_key',
      `Compare with "ssh-keyscan -p ${target.port} ${target.host}", run from a network you trust.`,
    );
  }
  if (level === 'client-authentication') {
    return fail(
      'the server did not accept the SSH key',
      `Add the public half of ssh-private-key to ~/.ssh/authorized_keys of ${target.user} on that server.`,
    );
  }
  if (/privateKey|private key|passphrase/i.test(message)) {
    return fail(`the SSH private key cannot be read (${message})`, 'It must be a key without a passphrase.');
  }
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return fail('the host name does not resolve', 'Check "host" in the configuration.');
    case 'ECONNREFUSED':
      return fail('the connection was refused', 'Is sshd running on that port? Check "host" and "port".');
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return fail(
        'the server did not answer',
        'Is it running, and does its firewall let this runner in? A "jump" host may be needed.',
      );
  }
  if (/timed out/i.test(message)) {
    return fail('the SSH handshake took too long', 'Is it an SSH server that listens there?');
  }
  return fail(`the SSH connection failed (${message})`, 'Try "ssh" to this server from the same network.');
}

function hostKeyRefused(target: SshTarget, key: Buffer, cause: unknown): UserError {
  const server = `${target.host}:${target.port}`;
  if (target.hostKeys.length === 0) {
    return new UserError(`${server}: no host_key is configured; the server shows ${fingerprint(key)}`, {
      hint: `Compare the fingerprint with the server's own, then add to it: host_key: "${hostKeyLine(key)}"`,
      cause,
    });
  }
  return new UserError(
    `${server}: the host key is not the configured one; the server shows ${fingerprint(key)}`,
    {
      hint: `Somebody may be in between. Only if the server was set up anew: host_key: "${hostKeyLine(key)}"`,
      cause,
    },
  );
}
