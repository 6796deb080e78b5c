import { expect, test } from '@jest/globals';
import { filesBelow, read } from './files.ts';

/** Where real time is meant: the clock itself, connections to the world, and the door. */
const REAL = ['src/model/clock.ts', 'src/ssh/', 'src/git/', 'src/actions/'];

const TIME = /\b(?:setTimeout|setInterval|setImmediate)\(|\bDate\.now\(|\bperformance\.now\(|\bnew Date\(\)/;

test('time comes from a clock, so that a simulation can bring its own', () => {
  const files = filesBelow('src').filter((path) => !REAL.some((real) => path.startsWith(real)));
  expect(files.length).toBeGreaterThan(100);
  expect(files.filter((path) => TIME.test(read(path)))).toEqual([]);
});
