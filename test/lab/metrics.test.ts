import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Front, startFront } from './front.ts';

let front: Front;

beforeAll(async () => {
  front = await startFront('edge', [{ name: 'web' }, { name: 'api' }]);
}, 120_000);

afterAll(async () => {
  await front?.down();
}, 60_000);

test('try', async () => {
  for (let i = 0; i < 20; i++) await front.ask('/echo', { app: 'web' });
  await sleep(13_000);
  console.log(await front.exec('cat', '/dev/shm/metrics'));
  console.log(await front.exec('ls', '-la', '/dev/shm'));
  console.log((await front.log()).slice(-1500));
}, 100_000);
