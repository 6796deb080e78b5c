import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { accessTo, type Repository } from '../../../src/backup/restic/access.ts';
import { OWN_PROGRAMS } from '../../../src/backup/restic/program.ts';
import type { BackupTarget } from '../../../src/model/backup-target.ts';

const SCOPE = { project: 'shop', environment: 'production' };
const HOSTILE = `a "b' $(id) \`c\` #;=\\%41@:/?`;
const KEY = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

const TARGETS: Record<string, BackupTarget> = {
  disk: { kind: 'disk' },
  bucket: {
    kind: 's3',
    url: 'https://s3.example.com/bucket/shop',
    region: 'eu-central-1',
    isPathStyle: true,
    accessKeySecret: 'ID',
    secretKeySecret: 'SECRET',
    ca: 'PEM',
  },
  sftp: {
    kind: 'sftp',
    user: 'backup',
    host: '2001:db8::1',
    port: 2222,
    path: `/srv/$(id) "a' %41`,
    hostKeys: ['ssh-ed25519 AAAA', 'ssh-rsa BBBB'],
    keySecret: 'KEY',
  },
  rest: {
    kind: 'rest',
    url: 'https://backup.example.com:8000/shop/',
    login: { user: 'shop', passwordSecret: 'SECRET' },
  },
};

const accessOf = (target: BackupTarget, secret = HOSTILE) => {
  const secrets = { ID: `${secret}-id`, SECRET: secret, KEY };
  return accessTo({ target, password: `${secret}-password`, secrets }, SCOPE, OWN_PROGRAMS);
};

test('a repository on the disk of the server is a volume of the environment', () => {
  const { command, environment, files, mounts } = accessOf(TARGETS.disk!);
  expect(command).toEqual(['restic']);
  expect(files['restic-repository']).toBe('/srv/switchyard-backups');
  expect(environment.RESTIC_PASSWORD_FILE).toBe('/run/switchyard-backup/restic-password');
  expect(mounts).toContainEqual(expect.objectContaining({ Source: 'shop_production_backups' }));
});

test('keys of a bucket are in JSON, which holds every character', () => {
  const { command, environment, files } = accessOf(TARGETS.bucket!);
  expect(command).toEqual(['restic', '-o', 's3.bucket-lookup=path', '-o', 's3.region=eu-central-1']);
  expect(files['restic-repository']).toBe('s3:https://s3.example.com/bucket/shop');
  expect(JSON.parse(files['restic-s3.json']!)).toEqual({
    version: '10',
    aliases: { s3: { accessKey: `${HOSTILE}-id`, secretKey: HOSTILE, api: 'S3v4' } },
  });
  expect(environment).toMatchObject({ RESTIC_CACERT: '/run/switchyard-backup/restic-ca.pem' });
});

test('ssh is told by its configuration, and accepts the keys of the file alone', () => {
  const { command, files } = accessOf(TARGETS.sftp!);
  expect(command).toEqual([
    'restic',
    '-o',
    'sftp.command=ssh -F /run/switchyard-backup/restic-ssh-config -s repository sftp',
  ]);
  expect(files['restic-repository']).toBe(`sftp://repository//srv/%24(id)%20%22a'%20%2541`);
  expect(files['restic-known-hosts']).toBe('repository ssh-ed25519 AAAA\nrepository ssh-rsa BBBB\n');
  const configuration = files['restic-ssh-config'];
  expect(configuration).toContain('  HostName 2001:db8::1\n  Port 2222\n  User backup\n');
  expect(configuration).toContain('  StrictHostKeyChecking yes\n');
});

test('the password of a REST server is in the address, and the address is in a file', () => {
  const { files } = accessOf(TARGETS.rest!);
  const address = new URL(files['restic-repository']!.replace('rest:', ''));
  expect(decodeURIComponent(address.password)).toBe(HOSTILE);
  expect([address.username, address.host, address.pathname]).toEqual([
    'shop',
    'backup.example.com:8000',
    '/shop/',
  ]);
});

test('whatever a secret is, it is in files alone', () => {
  const secret = fc.string({ minLength: 6, unit: 'grapheme' }).map((text) => `~${text}~`);
  fc.assert(
    fc.property(secret, fc.constantFrom(...Object.values(TARGETS)), (value, target) => {
      const { command, environment, mounts } = accessOf(target, value);
      expect(JSON.stringify([command, environment, mounts])).not.toContain(
        JSON.stringify(value).slice(1, -1),
      );
    }),
  );
});

test('a value that nobody has is a mistake of ours', () => {
  const repository: Repository = { target: TARGETS.rest!, password: 'x', secrets: {} };
  expect(() => accessTo(repository, SCOPE, OWN_PROGRAMS)).toThrow('nobody has the value of SECRET');
});
