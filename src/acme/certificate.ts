import { randomBytes, X509Certificate } from 'node:crypto';
import { type CertificateFacts, certificateFacts } from '../model/certificate.ts';
import { systemClock } from '../model/clock.ts';
import { UserError } from '../model/errors.ts';
import { newPrivateKey } from './account.ts';
import { contextTag, der, derInteger, derTime, readDer, TAG } from './der.ts';
import {
  commonName,
  publicKeyInfo,
  signatureAlgorithm,
  signed,
  subjectAlternativeNames,
} from './signing-request.ts';

/** IssuedCertificate is a certificate with what it takes to serve with it. */
export interface IssuedCertificate {
  names: string[];
  /** PEM, the certificate itself first, then those that lead to the root. */
  chain: string;
  /** PEM (PKCS#8), P-256. */
  privateKey: string;
  /** Milliseconds since 1970. */
  notBefore: number;
  /** Milliseconds since 1970. */
  notAfter: number;
  /** Hexadecimal, in capitals. */
  serial: string;
}

const DAY_MS = 86_400_000;
/** Clocks of clients go wrong: a certificate of our own is valid since a while. */
const BACKDATED_MS = DAY_MS;

/**
 * readCertificate reads the first certificate of a PEM text, and whether it vouches for itself. It throws a UserError when
 * there is none that can be read.
 */
export function readCertificate(pem: string): CertificateFacts & { isSelfSigned: boolean } {
  const certificate = parse(pem);
  const isSelfSigned =
    certificate.issuer === certificate.subject && certificate.verify(certificate.publicKey);
  return { ...certificateFacts(certificate), isSelfSigned };
}

/** selfSigned makes a certificate that vouches for itself, with a new key, for `names`. */
export async function selfSigned(
  names: readonly string[],
  { days, now = systemClock.now() }: { days: number; now?: number },
): Promise<IssuedCertificate> {
  const privateKey = await newPrivateKey();
  // Positive and of one length.
  const serial = randomBytes(16);
  serial[0] = (serial.readUInt8(0) & 0x3f) | 0x40;
  const issuer = commonName('Switchyard self-signed');
  const extensions = der(TAG.sequence, subjectAlternativeNames(names));
  const info = der(
    TAG.sequence,
    der(contextTag(0, true), derInteger(Buffer.from([2]))),
    derInteger(serial),
    signatureAlgorithm(),
    issuer,
    der(TAG.sequence, derTime(now - BACKDATED_MS), derTime(now + days * DAY_MS)),
    issuer,
    publicKeyInfo(privateKey),
    der(contextTag(3, true), extensions),
  );
  return issued(pemOf(signed(info, privateKey)), privateKey);
}

/** issued returns a chain in PEM and its private key with what the certificate says. */
export function issued(chain: string, privateKey: string): IssuedCertificate {
  const { names, notBefore, notAfter, serial } = certificateFacts(parse(chain));
  return { names, chain, privateKey, notBefore, notAfter, serial };
}

/** derOf returns the first certificate of a PEM text in DER. */
export function derOf(pem: string): Buffer {
  return parse(pem).raw;
}

/**
 * renewalId returns by what an authority knows a certificate in matters of its renewal (RFC 9773 §4.1): the id of the key
 * that it was signed with, and its serial. undefined for one that does not name that key.
 */
export function renewalId(pem: string): string | undefined {
  const info = readDer(readDer(derOf(pem))[0]?.content ?? Buffer.alloc(0))[0];
  const fields = readDer(info?.content ?? Buffer.alloc(0));
  const serial = fields.find(({ tag }) => tag === TAG.integer)?.content;
  const list = fields.find(({ tag }) => tag === contextTag(3, true))?.content;
  const keyId =
    list &&
    authorityKeyId(readDer(readDer(list)[0]?.content ?? Buffer.alloc(0)).map(({ content }) => content));
  if (serial === undefined || keyId === undefined) return undefined;
  return `${keyId.toString('base64url')}.${serial.toString('base64url')}`;
}

/** Looks for the extension 2.5.29.35, and in it for its field 0, the id of the key (RFC 5280 §4.2.1.1). */
function authorityKeyId(extensions: readonly Buffer[]): Buffer | undefined {
  const wanted = Buffer.from([0x55, 0x1d, 0x23]);
  for (const extension of extensions) {
    const parts = readDer(extension);
    if (!parts[0]?.content.equals(wanted)) continue;
    const value = readDer(parts.at(-1)?.content ?? Buffer.alloc(0))[0]?.content;
    return value && readDer(value).find(({ tag }) => tag === contextTag(0, false))?.content;
  }
  return undefined;
}

function parse(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new UserError(
      'a certificate cannot be read: it is not a certificate in PEM ("BEGIN CERTIFICATE")',
      {
        hint: 'Is the file whole? "openssl x509 -noout -text -in" and the file shows what it says, or what is wrong.',
        cause,
      },
    );
  }
}

function pemOf(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
