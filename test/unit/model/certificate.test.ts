import { expect, test } from '@jest/globals';
import { renewalAt } from '../../../src/model/certificate.ts';

const DAY_MS = 86_400_000;

test.each([6, 45, 90])(
  'a certificate for %i days is due when a third of them is left, where its CA says nothing',
  (days) => {
    expect(renewalAt({ notBefore: 0, notAfter: days * DAY_MS })).toBe((days * DAY_MS * 2) / 3);
  },
);

test('else in the middle of the time that its CA names', () => {
  const window = { from: 4 * DAY_MS, until: 6 * DAY_MS };
  expect(renewalAt({ notBefore: 0, notAfter: 90 * DAY_MS }, window)).toBe(5 * DAY_MS);
});
