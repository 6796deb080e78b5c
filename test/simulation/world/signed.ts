import { randomBytes } from 'node:crypto';
import { newPrivateKey } from '../../../src/acme/account.ts';
import { contextTag, der, derInteger, derTime, TAG } from '../../../src/acme/der.ts';
import {
  commonName,
  publicKeyInfo,
  signatureAlgorithm,
  signed,
  subjectAlternativeNames,
} from '../../../src/acme/signing-request.ts';
import type { KeyPair } from '../../../src/nginx/certificates.ts';

const DAY_MS = 86_400_000;

/**
 * signedCertificate returns a certificate for names that a CA of somebody's has signed, with its key. It was made 30 days
 * before `now`, in milliseconds since 1970, and has some days left: fewer than none, and it has expired.
 */
export async function signedCertificate(
  names: readonly string[],
  { now, daysLeft = 60 }: { now: number; daysLeft?: number },
): Promise<KeyPair> {
  const privateKey = await newPrivateKey();
  const ca = await newPrivateKey();
  const serial = randomBytes(16);
  serial[0] = 0x40;
  const info = der(
    TAG.sequence,
    der(contextTag(0, true), derInteger(Buffer.from([2]))),
    derInteger(serial),
    signatureAlgorithm(),
    commonName('Somebody’s CA'),
    der(TAG.sequence, derTime(now - 30 * DAY_MS), derTime(now + daysLeft * DAY_MS)),
    commonName(names[0] ?? ''),
    publicKeyInfo(privateKey),
    der(contextTag(3, true), der(TAG.sequence, subjectAlternativeNames(names))),
  );
  const lines =
    signed(info, ca)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  const chain = ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
  return { chain, privateKey };
}
