import { expect, test } from '@jest/globals';
import { parseRestAddress, parseS3Address, parseSftpAddress } from '../../../src/config/backup-address.ts';
import { backupTarget } from '../../../src/config/schema/backup-target.ts';
import { HOST_KEYS } from './host-keys.ts';

const HOST_KEY = HOST_KEYS.ed25519;

const problem = (said: unknown) => {
  const found = backupTarget.safeParse(said);
  return found.success ? 'taken' : JSON.stringify(found.error.issues);
};

test('places are said in one line, or in a map', () => {
  expect(backupTarget.parse('disk')).toEqual({ kind: 'disk' });
  expect(backupTarget.parse('s3:https://s3.example.com/bucket/shop')).toEqual({
    kind: 's3',
    url: 'https://s3.example.com/bucket/shop',
    isPathStyle: true,
    accessKeySecret: 'backup-access-key',
    secretKeySecret: 'backup-secret-key',
  });
  expect(backupTarget.parse({ rest: 'https://b.example.com:8000/shop', user: 'shop' })).toEqual({
    kind: 'rest',
    url: 'https://b.example.com:8000/shop/',
    login: { user: 'shop', passwordSecret: 'backup-rest-password' },
  });
  expect(backupTarget.parse({ sftp: 'backup@b.example.com:2222/srv/shop', host_key: HOST_KEY })).toEqual({
    kind: 'sftp',
    user: 'backup',
    host: 'b.example.com',
    port: 2222,
    path: '/srv/shop',
    hostKeys: [HOST_KEY],
    keySecret: 'backup-ssh-key',
  });
});

test('SFTP needs the key of the host', () => {
  for (const said of ['sftp:backup@b.example.com/srv', { sftp: 'backup@b.example.com/srv' }]) {
    expect(problem(said)).toContain('host_key is missing');
  }
});

test('a map says one place, and nothing of another', () => {
  expect(problem({ region: 'eu' })).toContain('has to say one place');
  expect(problem({ s3: 'https://s3.example.com/bucket', rest: 'https://b.example.com' })).toContain(
    'one place',
  );
  expect(problem({ s3: 'https://s3.example.com/bucket', host_key: HOST_KEY })).toContain(
    'says nothing of s3',
  );
  expect(problem({ rest: 'https://b.example.com/', password: 'X' })).toContain('has a password and no user');
  expect(problem('ftp://b.example.com')).toContain('is no place for backups');
});

test('what stands in a path arrives byte for byte', () => {
  const written = "https://s3.example.com/bucket/a%20b/$(id)/'%22`/-rf";
  const [, , ...segments] = parseS3Address(written).replace('https://', '').split('/');
  expect(segments.map(decodeURIComponent)).toEqual(['a b', '$(id)', `'"\``, '-rf']);
  expect(parseSftpAddress(`backup@[2001:db8::1]/srv/a b/$(id)"'`)).toEqual({
    user: 'backup',
    host: '2001:db8::1',
    port: 22,
    path: `/srv/a b/$(id)"'`,
  });
});

test.each([
  ['http://s3.example.com/bucket', 'no address with https://'],
  ['https://key:secret@s3.example.com/bucket', 'does not hold credentials'],
  ['https://s3.example.com/bucket/a\nb', 'no address with https://'],
  ['https://s3.example.com/bucket?versions', 'goes on after its path'],
  ['https://s3.example.com/bucket/../other', 'could be read in two ways'],
  ['https://s3.example.com/bucket/%2e%2e/other', 'could be read in two ways'],
  ['https://s3.example.com/bucket/a%2Fb', 'could be read in two ways'],
  ['https://s3.example.com/bucket/a%', 'begins no byte'],
  ['https://s3.example.com/-rf', 'no name of a bucket'],
  ['https://s3.example.com', 'no name of a bucket'],
])('%j is no bucket', (said, why) => {
  expect(() => parseS3Address(said)).toThrow(why);
});

test.each([
  ['-oProxyCommand=id@b.example.com/srv', 'is no login name'],
  ['backup@-oProxyCommand=id/srv', 'neither an IP address nor a DNS name'],
  ['backup@b.example.com', 'no place on an SFTP server'],
  ['backup@b.example.com:99999/srv', 'is no port'],
  ['backup@b.example.com/srv/../etc', 'no folder from the root'],
  ['backup@b.example.com/srv\nUser root', 'no folder from the root'],
  ['back up@b.example.com/srv', 'is no login name'],
])('%j is no place by SFTP', (said, why) => {
  expect(() => parseSftpAddress(said)).toThrow(why);
});

test('a REST server is reached by HTTPS alone', () => {
  expect(parseRestAddress('https://b.example.com:8000')).toBe('https://b.example.com:8000/');
  expect(() => parseRestAddress('http://b.example.com:8000/')).toThrow('no address with https://');
});
