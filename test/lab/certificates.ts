import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyPair } from '../../src/nginx/certificates.ts';
import { mustRun } from './command.ts';

/** makeCertificate returns a new certificate for names, made by openssl: signed by itself, or by `signer`. */
export async function makeCertificate(
  names: readonly string[],
  { signer, days = 30 }: { signer?: KeyPair; days?: number } = {},
): Promise<KeyPair> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-certificate-'));
  const at = (name: string) => join(folder, name);
  try {
    if (signer !== undefined) {
      writeFileSync(at('signer.crt'), signer.chain);
      writeFileSync(at('signer.key'), signer.privateKey);
    }
    await mustRun([
      'openssl',
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      String(days),
      '-subj',
      `/CN=${names[0]}`,
      '-addext',
      `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}`,
      ...(signer === undefined ? [] : ['-CA', at('signer.crt'), '-CAkey', at('signer.key')]),
      '-keyout',
      at('own.key'),
      '-out',
      at('own.crt'),
    ]);
    const read = (name: string) => readFileSync(at(name), 'utf8');
    return { chain: read('own.crt'), privateKey: read('own.key') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
