import { isIPv6 } from 'node:net';
import { messageOf, UserError } from '../model/errors.ts';
import { fingerprint, hostKeyLine, parseHostKey } from './keys.ts';
import type { SshTarget } from './target.ts';

/** The reason "administratively prohibited" of a refused channel (RFC 4254 §5.1). */
const PROHIBITED = 1;

/**
 * explainConnectFailure turns what went wrong while connecting into a UserError that names the server, the
 * cause and the next step. `seenKey` is the host key that the server showed, if it came that far.
 */
export function explainConnectFailure(target: SshTarget, error: unknown, seenKey?: Buffer): UserError {
  if (error instanceof UserError) return error;
  const way = target.jump === undefined ? '' : ` through ${target.jump.host}`;
  const server = named(target, `${target.user}@${target.host}:${target.port}${way}`);
  const { level, reason } = error as { level?: string; reason?: number };
  const message = messageOf(error);
  const code = codeOf(error);
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
  if (/passphrase|encrypted/i.test(message)) {
    return fail(
      'the SSH private key has a passphrase',
      "Nobody can type it in a workflow: make a key without one, or take it off (ssh-keygen -p -N '' -f and the file).",
    );
  }
  if (/privateKey|private key/i.test(message)) {
    return fail(
      `the SSH private key cannot be read (${message})`,
      'Is it whole, from "-----BEGIN" to "-----END"? "ssh-keygen -y -f" and the file shows its public half, or says what is wrong.',
    );
  }
  if (target.jump !== undefined && reason === PROHIBITED) {
    return fail(
      `sshd of ${target.jump.host} forbids TCP forwarding`,
      'Set "AllowTcpForwarding local" (or "yes") for this user in sshd_config of the jump host, and reload sshd.',
    );
  }
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return fail('the host name does not resolve', 'Check "host" in the configuration.');
    case 'ECONNREFUSED':
      return fail('the connection was refused', 'Is sshd running on that port? Check "host" and "port".');
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
      return fail(
        'the server did not answer',
        'Is it running, and does its firewall let this runner in? A "jump" host may be needed. The input "exclude-servers" deploys without it.',
      );
  }
  if (code === 'ENETUNREACH' || code === 'EADDRNOTAVAIL') {
    const isSix = isIPv6((error as { address?: string }).address ?? target.host);
    return isSix
      ? fail(
          'this runner has no IPv6, and the address of the server is one',
          'GitHub\'s own runners have none: give an IPv4 address as "host", a "jump" host that has both, or use a self-hosted runner.',
        )
      : fail(
          'this runner has no way to the network of the server',
          'Is the address one of a private network? A "jump" host, or a self-hosted runner in that network, reaches it.',
        );
  }
  if (/timed out/i.test(message)) {
    return fail('the SSH handshake took too long', 'Is it an SSH server that listens there?');
  }
  return fail(`the SSH connection failed (${message})`, 'Try "ssh" to this server from the same network.');
}

/** isKeyRefused tells whether an error of connecting says that a server is there, and does not accept the key of this user. */
export function isKeyRefused(error: unknown): boolean {
  return error instanceof UserError && (error.cause as { level?: string })?.level === 'client-authentication';
}

/** isConnectionRefused tells whether an error of connecting says that nobody listens at the port. */
export function isConnectionRefused(error: unknown): boolean {
  return error instanceof UserError && (error.cause as { code?: string })?.code === 'ECONNREFUSED';
}

/** named puts the server's name before where it was looked for, unless that says it already. */
function named({ name, host }: SshTarget, address: string): string {
  return name === host ? address : `${name} (${address})`;
}

/** codeOf returns the system's name for a failure; a jump host reports it in the words of its own system. */
function codeOf(error: unknown): string | undefined {
  const { code, reason } = error as { code?: string; reason?: number };
  if (reason === undefined) return code;
  const message = messageOf(error);
  if (/refused/i.test(message)) return 'ECONNREFUSED';
  if (/network is unreachable/i.test(message)) return 'ENETUNREACH';
  if (/timed out|no route|unreachable/i.test(message)) return 'EHOSTUNREACH';
  return /name|resolve|address associated/i.test(message) ? 'ENOTFOUND' : code;
}

function hostKeyRefused(target: SshTarget, key: Buffer, cause: unknown): UserError {
  const server = named(target, `${target.host}:${target.port}`);
  if (target.hostKeys.length === 0) {
    return new UserError(`${server}: no host_key is configured; the server shows ${fingerprint(key)}`, {
      hint: `Compare the fingerprint with the server's own, then add to it: host_key: "${hostKeyLine(key)}"`,
      cause,
    });
  }
  const configured = target.hostKeys.map(parseHostKey);
  const known = configured.map(({ blob }) => fingerprint(blob)).join(' or ');
  const both = `host_key says ${known}, the server shows ${fingerprint(key)}`;
  if (configured.some(({ blob }) => isTypo(hostKeyLine(blob), hostKeyLine(key)))) {
    return new UserError(`${server}: host_key has a typo: it is nearly the server's (${both})`, {
      hint: `Nobody can make a key that is nearly another one. Write: host_key: "${hostKeyLine(key)}"`,
      cause,
    });
  }
  return new UserError(`${server}: the host key is not the configured one: ${both}`, {
    hint: `Somebody may be in between. Only if the server was set up anew: host_key: "${hostKeyLine(key)}"`,
    cause,
  });
}

/** Two keys that are made apart share no more of their letters than chance gives. */
const MOST_TYPOS = 3;

function isTypo(line: string, shown: string): boolean {
  const differing = [...line].filter((letter, at) => letter !== shown[at]).length;
  return line.length === shown.length && differing <= MOST_TYPOS;
}
