import { expect, test } from '@jest/globals';
import { explainRestic } from '../../../src/backup/restic/failure.ts';

/** What restic and its programs say when these things are wrong. */
const SAID: [said: string, exitCode: number, meant: string][] = [
  [
    '{"message_type":"exit_error","code":10,"message":"Fatal: repository does not exist"}',
    10,
    'there is no repository',
  ],
  ['Fatal: unable to create lock in backend: repository is already locked', 11, 'the repository is locked'],
  [
    '{"message_type":"exit_error","code":12,"message":"Fatal: wrong password or no key found"}',
    12,
    'is another one',
  ],
  ['write /srv/switchyard-backups/data/3f: no space left on device', 1, 'there is no space left for backups'],
  ['client.PutObject: Access Denied.', 1, 'the credentials are not accepted'],
  ['client.GetObject: The specified bucket does not exist', 1, 'the bucket is not there'],
  ['subprocess ssh: Host key verification failed.', 1, 'the host shows another key'],
  ['subprocess ssh: backup@192.0.2.1: Permission denied (publickey).', 1, 'the credentials are not accepted'],
  [
    'unable to open config file: server response unexpected: 401 Unauthorized (401)',
    1,
    'the credentials are not accepted',
  ],
  ['tls: failed to verify certificate: x509: certificate signed by unknown authority', 1, 'is not trusted'],
  ['mkdir /srv/shop: permission denied', 1, 'it may not be written there'],
  ['dial tcp 192.0.2.1:443: connect: connection refused', 124, 'it cannot be reached from the server'],
  ['dial tcp: lookup backup.example.com: no such host', 1, 'it cannot be reached from the server'],
  [
    'unable to remove <snapshot/7ab1> from the repository: blob not removed, server response: 403 Forbidden (403)',
    1,
    'nothing may be deleted',
  ],
  ['Load(<data/7ab1>) failed: ciphertext verification failed', 1, 'the repository is damaged'],
  [
    'unexpected HTTP response (403): 403 Forbidden; unable to remove snapshot/5ef8 from the repository',
    3,
    'nothing may be deleted',
  ],
  ['a file went away', 3, 'not all of it was done'],
  ['', 137, 'restic was killed'],
  ['something new', 1, 'restic ended with exit code 1'],
];

test.each(SAID)('%s (%i): %s', (stderr, exitCode, meant) => {
  const error = explainRestic({ exitCode, stderr, target: 'sftp:backup@example.com/srv', server: 'web-1' });
  expect(error.message).toMatch(/^web-1: backups at sftp:backup@example.com\/srv: /);
  expect(error.message).toContain(meant);
  expect(error.hint).toMatch(/[.?]$/);
});

test('a message that comes twice is said once, in a line', () => {
  const stderr = '{"message":"Fatal: a\\nb"}\n{"message":"Fatal: a\\nb"}\n{"message_type":"status"}\n';
  const error = explainRestic({ exitCode: 1, stderr, target: 'disk', server: 'web-1' });
  expect(error.message).toBe('web-1: backups at disk: restic ended with exit code 1. restic says: a b');
});

test('where in its source restic has failed is not said', () => {
  const message =
    'Fatal: failed to remove snapshots\nmain.init\n\tgithub.com/restic/restic/cmd/restic/cmd_forget.go:67';
  const { message: said } = explainRestic({
    exitCode: 1,
    stderr: JSON.stringify({ message }),
    target: 'disk',
    server: 'web-1',
  });
  expect(said).toMatch(/restic says: failed to remove snapshots$/);
});
