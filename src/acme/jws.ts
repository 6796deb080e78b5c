import { createHash, createHmac, createPrivateKey, createPublicKey, sign } from 'node:crypto';

/** A public key of P-256 as JSON (RFC 7517), its members in the order of their names, as thumbprints need them. */
export interface PublicJwk {
  crv: string;
  kty: string;
  x: string;
  y: string;
}

/** A JSON Web Signature in the flattened form that ACME takes. */
export interface Jws {
  protected: string;
  payload: string;
  signature: string;
}

/** publicJwk returns the public half of a private key of P-256 in PEM. */
export function publicJwk(privateKey: string): PublicJwk {
  const { crv = '', kty = '', x = '', y = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { crv, kty, x, y };
}

/** thumbprint returns the base64url SHA-256 of a public key as RFC 7638 writes it. */
export function thumbprint(key: PublicJwk): string {
  return createHash('sha256').update(JSON.stringify(key)).digest('base64url');
}

/** signEs256 signs `payload` with a private key of P-256 in PEM; undefined is the empty payload of a POST-as-GET. */
export function signEs256(privateKey: string, header: object, payload: object | undefined): Jws {
  return signedWith({ alg: 'ES256', ...header }, payload, (text) =>
    // ECDSA as JOSE has it: both numbers side by side, not in DER.
    sign('sha256', Buffer.from(text), {
      key: createPrivateKey(privateKey),
      dsaEncoding: 'ieee-p1363',
    }).toString('base64url'),
  );
}

/** signHs256 signs `payload` with a shared key in base64url. */
export function signHs256(hmacKey: string, header: object, payload: object): Jws {
  return signedWith({ alg: 'HS256', ...header }, payload, (text) =>
    createHmac('sha256', Buffer.from(hmacKey, 'base64url')).update(text).digest('base64url'),
  );
}

function signedWith(header: object, payload: object | undefined, signText: (text: string) => string): Jws {
  const parts = {
    protected: base64url(JSON.stringify(header)),
    payload: payload === undefined ? '' : base64url(JSON.stringify(payload)),
  };
  return { ...parts, signature: signText(`${parts.protected}.${parts.payload}`) };
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}
