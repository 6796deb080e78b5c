import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import ssh2 from 'ssh2';
import {
  blobType,
  fingerprint,
  hostKeyLine,
  normalisePrivateKey,
  parseHostKey,
  signatureAlgorithms,
} from '../../../src/ssh/keys.ts';

/** GitHub's own host key and the fingerprint that GitHub publishes for it. */
const LINE = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
const FINGERPRINT = 'SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU';

describe('host keys', () => {
  test('type and blob are read, whatever stands around', () => {
    const { type, blob } = parseHostKey(`  ${LINE}  somebody@somewhere\n`);
    expect([type, blobType(blob), blob.length]).toEqual(['ssh-ed25519', 'ssh-ed25519', 51]);
    expect(hostKeyLine(blob)).toBe(LINE);
  });

  test('the fingerprint is as OpenSSH prints it', () => {
    expect(fingerprint(parseHostKey(LINE).blob)).toBe(FINGERPRINT);
  });

  test.each([
    ['nothing', ''],
    ['a type alone', 'ssh-ed25519'],
    ['no base64', 'ssh-ed25519 !!!!!!!!!!!!!!'],
    ['a blob of another type', LINE.replace('ssh-ed25519', 'ssh-rsa')],
    ['a private key', '-----BEGIN OPENSSH PRIVATE KEY-----'],
  ])('%s is no key, and the hint says how one looks', (_name, text) => {
    expect(() => parseHostKey(text)).toThrow(
      expect.objectContaining({
        message: expect.stringContaining('is no SSH public key'),
        hint: expect.stringContaining('ssh-ed25519 AAAA'),
      }),
    );
  });

  test('an RSA key signs with SHA-2, the others under their own name', () => {
    expect(signatureAlgorithms('ssh-rsa')).toEqual(['rsa-sha2-512', 'rsa-sha2-256']);
    expect(signatureAlgorithms('ssh-ed25519')).toEqual(['ssh-ed25519']);
  });
});

describe('private keys', () => {
  const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\nBBBB==\n-----END OPENSSH PRIVATE KEY-----\n';

  test.each([
    ['a whole one', key],
    ['a lost final newline', key.trimEnd()],
    ['CRLF', key.replaceAll('\n', '\r\n')],
    ['CR alone', key.replaceAll('\n', '\r')],
    ['blanks around and in front of lines', `\n\n${key.replaceAll(/^/gm, '  ')}\n`],
    ['\\n written out', key.trimEnd().replaceAll('\n', '\\n')],
  ])('%s becomes the key as ssh wants it', (_name, text) => {
    expect(normalisePrivateKey(text)).toBe(key);
  });

  test.each(['RSA PRIVATE KEY', 'EC PRIVATE KEY'])('%s is one', (kind) => {
    const pem = `-----BEGIN ${kind}-----\nAAAA\n-----END ${kind}-----\n`;
    expect(normalisePrivateKey(pem)).toBe(pem);
  });

  test('nothing at all names the input', () => {
    expect(() => normalisePrivateKey(' \n')).toThrow(
      expect.objectContaining({
        message: 'the SSH private key is empty',
        hint: expect.stringContaining('ssh-private-key'),
      }),
    );
  });

  test('the public half is told as what it is', () => {
    expect(() => normalisePrivateKey(LINE)).toThrow(
      expect.objectContaining({
        message: 'the SSH private key is the public half of one',
        hint: expect.stringContaining('without ".pub"'),
      }),
    );
  });

  test.each([
    ['a key without its last line', key.slice(0, 60)],
    ['a certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'],
  ])('%s is refused, and never repeated', (_name, text) => {
    expect(() => normalisePrivateKey(text)).toThrow(
      expect.objectContaining({ message: 'the SSH private key is not in PEM or OpenSSH format' }),
    );
  });

  const pem = ({ privateKey }: { privateKey: KeyObject }) =>
    privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  test.each([
    ['ssh-ed25519', () => pem(generateKeyPairSync('ed25519'))],
    ['ssh-rsa', () => pem(generateKeyPairSync('rsa', { modulusLength: 2048 }))],
    ['ecdsa-sha2-nistp256', () => pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }))],
  ])('one of %s in PKCS#8 is turned into what SSH reads', (type, make) => {
    const read = ssh2.utils.parseKey(normalisePrivateKey(make().replaceAll('\n', '\r\n')));
    if (read instanceof Error) throw read;
    const message = Buffer.from('signed');
    expect([read.type, read.verify(message, read.sign(message) as Buffer)]).toEqual([type, true]);
  });

  test.each([
    ['damaged', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----', 'is in PKCS#8'],
    ['of another kind', pem(generateKeyPairSync('x25519')), 'of the kind x25519, which SSH does not know'],
    [
      'with a passphrase',
      '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----',
      'has a passphrase',
    ],
  ])('one in PKCS#8 that is %s is refused as that', (_what, text, message) => {
    expect(() => normalisePrivateKey(text)).toThrow(message);
  });
});
