import { createHash, X509Certificate } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { newAccountKey, thumbprintOf } from '../../../src/acme/account.ts';
import { readCertificate, renewalId, selfSigned } from '../../../src/acme/certificate.ts';
import { derInteger, derObjectId, derTime, readDer } from '../../../src/acme/der.ts';
import { publicJwk, thumbprint } from '../../../src/acme/jws.ts';

const DAY_MS = 86_400_000;

/** The example of RFC 9773, appendix A. */
const EXAMPLE = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
`;

test('the id of a certificate in matters of its renewal is that of the standard’s example', () => {
  expect(renewalId(EXAMPLE)).toBe('aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE');
});

describe('a certificate of our own', () => {
  test('vouches for itself, for many names, from a day ago until its days are over', async () => {
    const names = [
      'a.example.test',
      '*.b.example.test',
      ...Array.from({ length: 90 }, (_, at) => `n${at}.example.test`),
    ];
    const now = Date.UTC(2026, 0, 31);
    const own = await selfSigned(names, { days: 90, now });
    expect(own).toMatchObject({ names, notBefore: now - DAY_MS, notAfter: now + 90 * DAY_MS });
    expect(readCertificate(own.chain)).toMatchObject({
      isSelfSigned: true,
      issuer: 'CN=Switchyard self-signed',
    });
    expect(new X509Certificate(own.chain).checkHost('x.b.example.test')).toBe('*.b.example.test');
    expect(renewalId(own.chain)).toBeUndefined();
  });

  test('has another serial each time', async () => {
    const serials = await Promise.all(
      [1, 2, 3].map(async () => (await selfSigned(['a.test'], { days: 1 })).serial),
    );
    expect(new Set(serials).size).toBe(3);
  });
});

test('what is no certificate is told as that', () => {
  expect(() => readCertificate('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----')).toThrow(
    /cannot be read/,
  );
});

test('a thumbprint is made of the public half alone', async () => {
  const key = await newAccountKey();
  expect(thumbprintOf(key)).toMatch(/^[-_\w]{43}$/);
  expect(Object.keys(publicJwk(key.privateKey))).toEqual(['crv', 'kty', 'x', 'y']);
  // RFC 7638 orders the members by their names.
  expect(thumbprint({ crv: 'P-256', kty: 'EC', x: 'AA', y: 'BB' })).toBe(
    thumbprintOfText('{"crv":"P-256","kty":"EC","x":"AA","y":"BB"}'),
  );
});

describe('DER', () => {
  test.each([
    ['a number with its highest bit set stays positive', derInteger(Buffer.from([0x80])), '02020080'],
    ['an object identifier with large parts', derObjectId('1.2.840.113549.1.9.14'), '06092a864886f70d01090e'],
    ['a time until 2049', derTime(Date.UTC(2049, 11, 31, 23, 59, 59)), '170d3439313233313233353935395a'],
    ['a time from 2050', derTime(Date.UTC(2050, 0, 1)), '180f32303530303130313030303030305a'],
  ])('%s', (_what, bytes, hex) => {
    expect(bytes.toString('hex')).toBe(hex);
  });

  test('an element that is longer than what holds it is refused', () => {
    expect(() => readDer(Buffer.from('30820100', 'hex'))).toThrow(RangeError);
  });
});

function thumbprintOfText(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
