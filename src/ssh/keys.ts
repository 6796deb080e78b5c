import { createHash } from 'node:crypto';
import ssh2 from 'ssh2';
import { UserError } from '../model/errors.ts';
import { readPkcs8 } from './pkcs8.ts';

/** A host key as `known_hosts` and `*.pub` files write it: type and base64 blob. */
export interface HostKey {
  type: string;
  /** The key blob of RFC 4253 §6.6. */
  blob: Buffer;
}

/** parseHostKey reads `ssh-ed25519 AAAA… [comment]`; it throws a UserError when that is no key. */
export function parseHostKey(line: string): HostKey {
  const [type, base64] = line.trim().split(/\s+/);
  const blob = Buffer.from(base64 ?? '', 'base64');
  if (type === undefined || blob.length < 8 || blobType(blob) !== type) {
    throw new UserError(`host_key "${line.slice(0, 40)}" is no SSH public key`, {
      hint: 'Write type and key as in a .pub file: "ssh-ed25519 AAAA…".',
    });
  }
  return { type, blob };
}

/** blobType returns the type name that a key blob begins with. */
export function blobType(blob: Buffer): string {
  const length = blob.readUInt32BE(0);
  return blob.subarray(4, 4 + length).toString('latin1');
}

/** hostKeyLine returns what to write as `host_key` for a blob. */
export function hostKeyLine(blob: Buffer): string {
  return `${blobType(blob)} ${blob.toString('base64')}`;
}

/** fingerprint returns the SHA-256 fingerprint as OpenSSH prints it: `SHA256:…` without padding. */
export function fingerprint(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/**
 * signatureAlgorithms returns the algorithm names to negotiate for a key type: an RSA key signs with
 * SHA-2 (RFC 8332), all others under their own name.
 */
export function signatureAlgorithms(type: string): string[] {
  return type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type];
}

/**
 * normalisePrivateKey mends what secrets commonly do to a key: CRLF line ends, a lost final newline,
 * blanks around, a literal `\n` for each line end; and turns PKCS#8 into what SSH reads. It throws a UserError when the
 * result is no private key, or has a passphrase.
 */
export function normalisePrivateKey(text: string): string {
  let key = text.replaceAll('\r\n', '\n').replaceAll('\r', '\n').trim();
  if (!key.includes('\n')) key = key.replaceAll('\\n', '\n');
  key = key
    .split('\n')
    .map((line) => line.trim())
    .join('\n');
  if (key === '') {
    throw new UserError('the SSH private key is empty', {
      hint: 'Pass it as the input ssh-private-key: "ssh-private-key: ${{ secrets.SSH_PRIVATE_KEY }}".',
    });
  }
  if (/^(?:ssh|ecdsa|sk)-\S+ AAAA/.test(key)) {
    throw new UserError('the SSH private key is the public half of one', {
      hint: 'Set the secret from the file without ".pub": "gh secret set SSH_PRIVATE_KEY <" and that file.',
    });
  }
  if (!/^-----BEGIN [A-Z ]*PRIVATE KEY-----\n[\s\S]+\n-----END [A-Z ]*PRIVATE KEY-----$/.test(key)) {
    throw new UserError('the SSH private key is not in PEM or OpenSSH format', {
      hint: 'The input ssh-private-key takes the whole file, from "-----BEGIN" to "-----END", without a passphrase.',
    });
  }
  if (key.startsWith('-----BEGIN ENCRYPTED PRIVATE KEY-----')) {
    throw new UserError('the SSH private key has a passphrase', {
      hint: 'Nobody can type it in a workflow: make a key without one, or take it off ("ssh-keygen -p -N \'\' -f" and the file).',
    });
  }
  return key.startsWith('-----BEGIN PRIVATE KEY-----') ? readPkcs8(`${key}\n`) : `${key}\n`;
}

/** publicKeyLine returns the public half of a normalised private key, as `authorized_keys` has it. It throws a UserError where it cannot be read. */
export function publicKeyLine(privateKey: string): string {
  const key = ssh2.utils.parseKey(privateKey);
  if (key instanceof Error) {
    throw new UserError(`the SSH private key cannot be read (${key.message})`, {
      hint: 'Is it whole, from "-----BEGIN" to "-----END"? "ssh-keygen -y -f" and the file shows its public half, or says what is wrong.',
    });
  }
  return hostKeyLine(key.getPublicSSH());
}
