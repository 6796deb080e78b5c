import { expect, test } from '@jest/globals';
import { parseRange } from '../../../src/registry/byte-range.ts';

test.each([
  ['bytes=0-9', { start: 0, end: 9 }],
  ['bytes=90-', { start: 90, end: 99 }],
  ['bytes=90-1000', { start: 90, end: 99 }],
  ['bytes=-10', { start: 90, end: 99 }],
  ['bytes=-1000', { start: 0, end: 99 }],
  ['bytes=99-99', { start: 99, end: 99 }],
])('%s of 100 bytes', (header, range) => {
  expect(parseRange(header, 100)).toEqual(range);
});

test.each(['bytes=100-', 'bytes=100-200', 'bytes=-0'])('%s is beyond 100 bytes', (header) => {
  expect(parseRange(header, 100)).toBe('unsatisfiable');
});

test.each([undefined, '', 'bytes=-', 'bytes=9-0', 'bytes=0-1,3-4', 'lines=0-1', 'bytes=a-b', 'bytes= 0-1'])(
  '%j asks for all of it',
  (header) => {
    expect(parseRange(header, 100)).toBeUndefined();
  },
);

test('an empty file has no bytes to ask for', () => {
  expect(parseRange('bytes=0-', 0)).toBe('unsatisfiable');
});
