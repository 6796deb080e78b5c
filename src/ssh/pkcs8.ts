import { createPrivateKey, type KeyObject, randomBytes } from 'node:crypto';
import { UserError } from '../model/errors.ts';

const ED25519 = 'ssh-ed25519';
/** The private part is padded to blocks of this size, also where it is not encrypted. */
const BLOCK = 8;

/**
 * readPkcs8 turns a private key in PKCS#8 (`BEGIN PRIVATE KEY`, what OpenSSL and some clouds write) into the format that
 * SSH libraries read: PEM of its own kind, or OpenSSH's for ed25519. It throws a UserError for one that is damaged, or of
 * a kind that SSH does not have.
 */
export function readPkcs8(pem: string): string {
  const key = parse(pem);
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return key.export({ type: 'pkcs1', format: 'pem' }).toString();
    case 'ec':
      return key.export({ type: 'sec1', format: 'pem' }).toString();
    case 'ed25519':
      return openSshKey(key);
    default:
      throw new UserError(
        `the SSH private key is of the kind ${key.asymmetricKeyType}, which SSH does not know`,
        {
          hint: 'Make one for the workflow: ssh-keygen -t ed25519 -N "" -f ~/.ssh/switchyard.',
        },
      );
  }
}

function parse(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new UserError('the SSH private key is in PKCS#8 ("BEGIN PRIVATE KEY"), and cannot be read', {
      hint: 'Is it whole? "ssh-keygen -y -f" and the file shows its public half, or says what is wrong.',
      cause,
    });
  }
}

/** OpenSSH's own format, without a passphrase (PROTOCOL.key of its sources). */
function openSshKey(key: KeyObject): string {
  const { x = '', d = '' } = key.export({ format: 'jwk' });
  const publicKey = Buffer.from(x, 'base64url');
  const seed = Buffer.from(d, 'base64url');
  const check = randomBytes(4);
  const secret = Buffer.concat([
    check,
    check,
    field(ED25519),
    field(publicKey),
    field(Buffer.concat([seed, publicKey])),
    field(''),
  ]);
  const padding = Buffer.from(
    Array.from({ length: (BLOCK - (secret.length % BLOCK)) % BLOCK }, (_, at) => at + 1),
  );
  const whole = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    field('none'),
    field('none'),
    field(''),
    length(1),
    field(Buffer.concat([field(ED25519), field(publicKey)])),
    field(Buffer.concat([secret, padding])),
  ]);
  const lines = whole.toString('base64').match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join(
    '\n',
  );
}

/** What SSH encodes as its length and its bytes (RFC 4251 §5). */
function field(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([length(bytes.length), bytes]);
}

function length(count: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(count);
  return bytes;
}
