import { spawn } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { isGone, thisProcess } from '../../../src/state/local-process.ts';

test('a process of this machine is gone when it has ended', async () => {
  const self = await thisProcess();
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const other = { ...self.identity, pid: child.pid ?? 0 };
  expect(isGone(other, self)).toBe(false);
  child.stdin.end();
  await new Promise((resolve) => child.on('exit', resolve));
  expect(isGone(other, self)).toBe(true);
});

test('in doubt it is not: of another machine, or of a system that does not tell', async () => {
  const self = await thisProcess();
  const ended = { host: self.identity.host, pid: 2 ** 22 + 1, boot: self.identity.boot };
  expect(isGone(ended, self)).toBe(true);
  expect(isGone({ ...ended, boot: 'another' }, self)).toBe(false);
  expect(isGone({ ...ended, host: 'another' }, self)).toBe(false);
  const untold = { ...self, identity: { ...self.identity, boot: undefined } };
  expect(isGone({ ...ended, boot: undefined }, untold)).toBe(false);
});
