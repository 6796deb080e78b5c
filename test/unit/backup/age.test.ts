import { expect, test } from '@jest/globals';
import { backupAge, describeBackup, lateBackups } from '../../../src/deploy/observation/backups.ts';
import { receiptOf } from './receipts.ts';

const now = Date.parse('2026-12-02T12:00:00Z');
const file = { maxAgeMs: 36 * 3_600_000 };
const when = (deployedAt: string) => ({ deployedAt, now });

test('the last one that was verified counts', () => {
  const receipts = [
    receiptOf('20261130t030000z-aaaa', { isVerified: true }),
    receiptOf('20261202t030000z-bbbb', { isVerified: false }),
  ];
  const age = backupAge('db', file, receipts, when('2026-11-01T00:00:00Z'));
  expect(age).toMatchObject({ isLate: true, verified: { id: '20261130t030000z-aaaa' } });
  expect(describeBackup(age)).toBe('the last verified backup of db is 57 h old (20261130t030000z-aaaa)');
});

test('a service that was deployed a moment ago is not late, and is told', () => {
  const age = backupAge('db', file, [], when('2026-12-02T11:00:00Z'));
  expect(age.isLate).toBe(false);
  expect(lateBackups([age])).toEqual(['db was never backed up']);
});

test('nothing is said of one that is good', () => {
  const good = receiptOf('20261202t030000z-bbbb', { isVerified: true });
  expect(lateBackups([backupAge('db', file, [good], when('2026-11-01T00:00:00Z'))])).toEqual([]);
});
