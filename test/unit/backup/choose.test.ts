import { describe, expect, test } from '@jest/globals';
import { chooseBackup } from '../../../src/backup/choose.ts';
import { receiptOf } from './receipts.ts';

const monday = receiptOf('20261130t030000z-aaaa', { isVerified: true });
const tuesday = receiptOf('20261201t030000z-bbbb', { isVerified: true });
const wednesday = receiptOf('20261202t030000z-cccc', { isVerified: false });
const all = [monday, tuesday, wednesday];

describe('which backup is meant', () => {
  test('the latest to restore is the last that was verified', () => {
    expect(chooseBackup('db', all, 'latest', 'verified')).toBe(tuesday);
    expect(chooseBackup('db', all, 'latest', 'made')).toBe(wednesday);
  });

  test('an id is that one, verified or not', () => {
    expect(chooseBackup('db', all, wednesday.id, 'verified')).toBe(wednesday);
  });

  test('a time is the last one before it', () => {
    expect(chooseBackup('db', all, '2026-12-01T02:59Z', 'verified')).toBe(monday);
    expect(() => chooseBackup('db', all, '2026-11-01', 'verified')).toThrow(
      /no backup that counts began before/,
    );
  });

  test('what is neither is told, with those that there are', () => {
    expect(() => chooseBackup('db', all, 'yesterday', 'verified')).toThrow('"yesterday" is no backup of db');
    expect(() => chooseBackup('db', [], 'latest', 'made')).toThrow('there is no backup of db');
    expect(() => chooseBackup('db', [wednesday], 'latest', 'verified')).toThrow(
      'no backup was verified of db',
    );
  });
});
