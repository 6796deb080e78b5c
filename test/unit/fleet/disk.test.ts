import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { DISK_COMMAND, freeHere, parseFree } from '../../../src/fleet/disk.ts';

test('what df says of a folder, whatever its name, is what the system says', async () => {
  const said = execFileSync('sh', ['-c', DISK_COMMAND], { input: '/', encoding: 'utf8' });
  const free = await freeHere('/');
  expect(Math.abs(parseFree(said)! - free!)).toBeLessThan(1e9);
  const named = '; echo "$(reboot)" \n -rf';
  expect(() =>
    execFileSync('sh', ['-c', DISK_COMMAND], { input: named, stdio: ['pipe', 'pipe', 'pipe'] }),
  ).toThrow(named.trim().split('\n')[0]);
});

test.each([
  [
    'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/my disk 100 60 40 60% /var/lib\n',
    40_960,
  ],
  ['Filesystem 1K-blocks Used Available Use% Mounted on\noverlay 10 10 0 100% /\n', 0],
  ['', undefined],
  ['df: /nowhere: No such file or directory\n', undefined],
])('%j', (said, expected) => {
  expect(parseFree(said)).toBe(expected);
});

test('nobody can tell of a folder that is not there', async () => {
  expect(await freeHere('/nowhere/at/all')).toBeUndefined();
});
