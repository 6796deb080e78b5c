import { expect, test } from '@jest/globals';
import { spaceWarning } from '../../../src/build/disk-space.ts';

test('little space is told of before a build, and plenty or an unknown amount is not', () => {
  expect(spaceWarning(1.5 * 1024 ** 3)).toMatch(/^only 1\.5 GB are free where images are built: .*prune/);
  expect([spaceWarning(2 * 1024 ** 3), spaceWarning(undefined)]).toEqual([undefined, undefined]);
});
