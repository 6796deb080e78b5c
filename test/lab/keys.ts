import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mustRun } from './command.ts';

/** An SSH key pair in OpenSSH's text forms. */
export interface KeyPair {
  privateKey: string;
  /** Algorithm and key, without a comment: `ssh-ed25519 AAAA…`. */
  publicKey: string;
}

/** makeKey makes a key pair without a passphrase. */
export async function makeKey(type: 'ed25519' | 'ecdsa'): Promise<KeyPair> {
  const dir = mkdtempSync(join(tmpdir(), 'switchyard-lab-key-'));
  try {
    const file = join(dir, 'key');
    await mustRun(['ssh-keygen', '-q', '-t', type, '-N', '', '-C', '', '-f', file]);
    return { privateKey: readFileSync(file, 'utf8'), publicKey: readFileSync(`${file}.pub`, 'utf8').trim() };
  } finally {
    rmSync(dir, { recursive: true });
  }
}
