import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { contextTag, der, derBits, derInteger, derObjectId, TAG } from './der.ts';

/** Object identifiers of what requests and certificates say. */
const ID = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  extensionRequest: '1.2.840.113549.1.9.14',
  subjectAlternativeName: '2.5.29.17',
} as const;

/**
 * signingRequest returns a PKCS#10 request (RFC 2986) in DER for `names`, signed with the private key (P-256, PEM). Its
 * subject is empty: the names are in the extension, where authorities read them.
 */
export function signingRequest(names: readonly string[], privateKey: string): Buffer {
  const extensions = der(TAG.sequence, subjectAlternativeNames(names));
  const info = der(
    TAG.sequence,
    derInteger(Buffer.from([0])),
    der(TAG.sequence),
    publicKeyInfo(privateKey),
    der(contextTag(0, true), der(TAG.sequence, derObjectId(ID.extensionRequest), der(TAG.set, extensions))),
  );
  return signed(info, privateKey);
}

/** signed returns `info` with the algorithm and the signature behind it, as requests and certificates have them. */
export function signed(info: Buffer, privateKey: string): Buffer {
  const signature = sign('sha256', info, createPrivateKey(privateKey));
  return der(TAG.sequence, info, signatureAlgorithm(), derBits(signature));
}

/** signatureAlgorithm returns the name of ECDSA with SHA-256. */
export function signatureAlgorithm(): Buffer {
  return der(TAG.sequence, derObjectId(ID.ecdsaWithSha256));
}

/** publicKeyInfo returns the public half of a private key in PEM. */
export function publicKeyInfo(privateKey: string): Buffer {
  return createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
}

/** commonName returns a name of an issuer or a subject that says `text`. */
export function commonName(text: string): Buffer {
  const attribute = der(TAG.sequence, derObjectId(ID.commonName), der(TAG.utf8String, Buffer.from(text)));
  return der(TAG.sequence, der(TAG.set, attribute));
}

/** subjectAlternativeNames returns the extension that holds the DNS names. */
export function subjectAlternativeNames(names: readonly string[]): Buffer {
  const dnsNames = names.map((name) => der(contextTag(2, false), Buffer.from(name, 'ascii')));
  return der(
    TAG.sequence,
    derObjectId(ID.subjectAlternativeName),
    der(TAG.octetString, der(TAG.sequence, ...dnsNames)),
  );
}
