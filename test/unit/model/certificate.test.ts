import { describe, expect, test } from '@jest/globals';
import {
  DEFAULT_EXPIRY,
  type ExpiryLimits,
  renewalAt,
  type Urgency,
  urgencyOf,
} from '../../../src/model/certificate.ts';

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

describe('how near the end of a certificate is', () => {
  const urgencyWith = (lifetime: number, left: number, limits: ExpiryLimits) =>
    urgencyOf({ notBefore: 0, notAfter: lifetime * DAY_MS }, limits, (lifetime - left) * DAY_MS);

  const CASES: [number, number, Urgency][] = [
    [90, 23, 'fine'],
    [90, 22, 'late'],
    [90, 6, 'ending'],
    [45, 12, 'fine'],
    [45, 11, 'late'],
    [45, 4, 'ending'],
    [6, 1.6, 'fine'],
    [6, 1.4, 'late'],
    [6, 0.5, 'ending'],
    [5479, 31, 'fine'],
    [5479, 29, 'late'],
    [5479, 6, 'ending'],
    [90, 0, 'expired'],
  ];
  test.each(CASES)(
    'one for %d days with %d left is %s, where the file says nothing',
    (lifetime, left, urgency) => {
      expect(urgencyWith(lifetime, left, DEFAULT_EXPIRY)).toBe(urgency);
    },
  );

  test('is measured in days where the file says so, but never before it is renewed', () => {
    const limits = { warnBelow: { days: 14 }, failBelow: { days: 3 } };
    expect([15, 13, 2].map((left) => urgencyWith(90, left, limits))).toEqual(['fine', 'late', 'ending']);
    expect([2.1, 1.9].map((left) => urgencyWith(6, left, limits))).toEqual(['fine', 'ending']);
  });
});
