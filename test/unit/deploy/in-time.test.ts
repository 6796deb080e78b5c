import { expect, test } from '@jest/globals';
import { inTime } from '../../../src/deploy/in-time.ts';

test('work that is done in time says what it came to', async () => {
  expect(await inTime(Promise.resolve('done'), 60_000, 'late')).toBe('done');
});

test('work that fails in time fails', async () => {
  await expect(inTime(Promise.reject(new Error('broken')), 60_000, 'late')).rejects.toThrow('broken');
});

test('work that takes longer is late', async () => {
  expect(await inTime(new Promise(() => undefined), 1, 'late')).toBe('late');
});
