import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { publicJwk, thumbprint } from './jws.ts';

/** AcmeAccountKey is what an authority knows an account by; there is nothing else to keep of it. */
export interface AcmeAccountKey {
  /** PEM (PKCS#8), P-256. */
  privateKey: string;
}

/** newAccountKey makes a key; the account itself is made, or found, by the first order with it. */
export async function newAccountKey(): Promise<AcmeAccountKey> {
  return { privateKey: await newPrivateKey() };
}

/** thumbprintOf returns the second half of every answer to HTTP-01: `<token>.<thumbprint>` (RFC 8555 §8.1). */
export function thumbprintOf({ privateKey }: AcmeAccountKey): string {
  return thumbprint(publicJwk(privateKey));
}

/** newPrivateKey returns a new private key of P-256 as PEM (PKCS#8). */
export async function newPrivateKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return privateKey;
}
