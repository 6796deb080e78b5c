import { expect, test } from '@jest/globals';
import { isAtLeast } from '../../../src/model/versions.ts';

test.each([
  ['1.41', true],
  ['1.41.9', true],
  ['1.50', true],
  ['2.0', true],
  ['2', true],
  ['1.40', false],
  ['1.9', false],
  ['1', false],
  ['0.99', false],
  ['1.41-rc1', true],
  ['', false],
  ['latest', false],
])('%j is 1.41 or newer: %s', (version, expected) => {
  expect(isAtLeast(version, [1, 41])).toBe(expected);
});
