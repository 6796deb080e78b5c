import * as z from 'zod';
import type { BackupTarget } from '../../model/backup-target.ts';
import { UserError } from '../../model/errors.ts';
import { parseUser } from '../address.ts';
import { parseRestAddress, parseS3Address, parseSftpAddress } from '../backup-address.ts';
import { DEFAULTS } from '../defaults.ts';
import { parseHostKey } from '../host-key.ts';
import { entryName } from './configs.ts';
import { closed, key, parsed } from './key.ts';
import { filledText, flag, oneOrMany } from './scalars.ts';
import { certificates } from './tls.ts';

const secretName = entryName('secret');
const { secrets } = DEFAULTS.backup_target;

const region = parsed(filledText, (said) => {
  if (/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(said)) return said;
  throw new UserError(`${JSON.stringify(said)} is no region`, {
    hint: 'Use lower-case letters, digits and hyphens: region: eu-central-1.',
  });
});

const long = closed({
  s3: key(parsed(filledText, parseS3Address), {
    description:
      'A bucket of a server that speaks S3: endpoint, bucket, and what names of objects begin with.',
    example: 's3: https://s3.example.com/bucket/shop',
  }),
  region: key(region, {
    description: 'With `s3`, the region, where the server asks for one.',
    example: 'region: eu-central-1',
  }),
  path_style: key(flag, {
    description:
      'With `s3`, whether the bucket stands in the path of addresses, as above, or in the name of the host.',
    fallback: { value: true },
    example: 'path_style: false',
  }),
  access_key: key(secretName, {
    description: 'With `s3`, the name of the secret that has the access key.',
    fallback: { value: secrets.access_key },
    example: 'access_key: S3_ACCESS_KEY',
  }),
  secret_key: key(secretName, {
    description: 'With `s3`, the name of the secret that has the secret key.',
    fallback: { value: secrets.secret_key },
    example: 'secret_key: S3_SECRET_KEY',
  }),
  sftp: key(parsed(filledText, parseSftpAddress), {
    description:
      'A folder that is reached by SFTP: user, host, port where it is not 22, and the path from the root.',
    example: 'sftp: backup@backup.example.com:2222/srv/shop',
  }),
  host_key: key(oneOrMany(parsed(filledText, parseHostKey), 'a public key of the host'), {
    description:
      'With `sftp`, the public key of the host, one or several, each `type base64 [comment]`. Only these are accepted.',
    example: 'host_key: "ssh-ed25519 AAAA…"',
  }),
  key: key(secretName, {
    description: 'With `sftp`, the name of the secret that has the private key, without a passphrase.',
    fallback: { value: secrets.key },
    example: 'key: BACKUP_SSH_KEY',
  }),
  rest: key(parsed(filledText, parseRestAddress), {
    description: 'A repository on the REST server of restic, or of rclone.',
    example: 'rest: https://backup.example.com:8000/shop',
  }),
  user: key(parsed(filledText, parseUser), {
    description: 'With `rest`, the login there.',
    fallback: { words: 'none: the server lets everybody in' },
    example: 'user: shop',
  }),
  password: key(secretName, {
    description: 'With `rest` and `user`, the name of the secret that has the password.',
    fallback: { value: secrets.password },
    example: 'password: REST_PASSWORD',
  }),
  ca: key(certificates, {
    description:
      'With `s3` and `rest`, certificates in PEM of who signs that of the server, where it is nobody whom everybody knows.',
    fallback: { words: 'those that the image of restic knows' },
    example: 'ca: ${BACKUP_CA}',
  }),
});

/** What can be said of each kind of target. */
const KEYS = {
  s3: ['region', 'path_style', 'access_key', 'secret_key', 'ca'],
  sftp: ['host_key', 'key'],
  rest: ['user', 'password', 'ca'],
} as const;
const KINDS = ['s3', 'sftp', 'rest'] as const;

type LongTarget = z.output<typeof long>;

function targetOf(said: LongTarget): BackupTarget {
  const kinds = KINDS.filter((kind) => said[kind] !== undefined);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    throw new UserError('has to say one place', { hint: `Write one of ${KINDS.join(', ')}.` });
  }
  const known: readonly string[] = [kind, ...KEYS[kind]];
  const foreign = Object.keys(said).find((name) => !known.includes(name));
  if (foreign !== undefined) {
    throw new UserError(`${foreign} says nothing of ${kind}`, {
      hint: `With ${kind} there are ${KEYS[kind].join(', ')}.`,
    });
  }
  if (said.s3 !== undefined) return s3Target({ ...said, s3: said.s3 });
  if (said.rest !== undefined) return restTarget({ ...said, rest: said.rest });
  return sftpTarget(said);
}

const short = parsed(z.string(), (said): BackupTarget => {
  if (said === 'disk') return { kind: 'disk' };
  if (said.startsWith('s3:')) return s3Target({ s3: parseS3Address(said.slice('s3:'.length)) });
  if (said.startsWith('rest:')) return restTarget({ rest: parseRestAddress(said.slice('rest:'.length)) });
  if (said.startsWith('sftp:')) throw withoutHostKey(parseSftpAddress(said.slice('sftp:'.length)).host);
  throw new UserError(`${JSON.stringify(said)} is no place for backups`, {
    hint: 'Write disk, s3:https://…, rest:https://…, or a map that begins with s3, sftp or rest.',
  });
});

/** Where backups go: `disk`, an address, or a map with what else has to be said of one. */
export const backupTarget = z.union([short, parsed(long, targetOf)], {
  error: 'must be disk, s3:https://…, rest:https://…, or a map with s3, sftp or rest',
});

function s3Target(said: Omit<LongTarget, 's3'> & { s3: string }): BackupTarget {
  const { region: place, path_style: isPathStyle = true, ca } = said;
  return {
    kind: 's3',
    url: said.s3,
    ...(place !== undefined && { region: place }),
    isPathStyle,
    accessKeySecret: said.access_key ?? secrets.access_key,
    secretKeySecret: said.secret_key ?? secrets.secret_key,
    ...(ca !== undefined && { ca }),
  };
}

function restTarget({ rest, user, password, ca }: Omit<LongTarget, 'rest'> & { rest: string }): BackupTarget {
  if (password !== undefined && user === undefined) {
    throw new UserError('has a password and no user', { hint: 'Say who: user: shop.' });
  }
  return {
    kind: 'rest',
    url: rest,
    ...(user !== undefined && { login: { user, passwordSecret: password ?? secrets.password } }),
    ...(ca !== undefined && { ca }),
  };
}

function sftpTarget({ sftp, host_key: hostKeys, key: keySecret = secrets.key }: LongTarget): BackupTarget {
  if (hostKeys === undefined) throw withoutHostKey(sftp!.host);
  return { kind: 'sftp', ...sftp!, hostKeys, keySecret };
}

function withoutHostKey(host: string): UserError {
  return new UserError('host_key is missing: nobody would know whom the backups are sent to', {
    hint: `Take the line of "ssh-keyscan ${host}" without the host at its front, and compare it with the server: host_key: "ssh-ed25519 AAAA…".`,
  });
}
