import { expect, test } from '@jest/globals';
import { backupsToRemove, keepOptions } from '../../../src/backup/restic/retention.ts';
import type { Snapshot } from '../../../src/backup/restic/snapshots.ts';

const partOf = (backup: string, part: 'data' | 'about'): Snapshot => ({
  id: `${backup}-${part}`,
  time: '2026-11-30T03:00:00Z',
  paths: ['/db.dump'],
  tags: ['project=shop', `backup=${backup}`, `part=${part}`],
});
const ALL = ['one', 'two', 'three'].flatMap((id) => [partOf(id, 'about'), partOf(id, 'data')]);

test('a backup goes with all of its parts', () => {
  expect(backupsToRemove(ALL, new Set(['one-data']), [])).toEqual({
    backups: ['one'],
    snapshots: ['one-about', 'one-data'],
  });
});

test('the last one that was verified stays whatever the rule says', () => {
  expect(backupsToRemove(ALL, new Set(['one-data', 'two-data']), ['two']).backups).toEqual(['one']);
});

test('what carries no name of a backup is not touched', () => {
  const foreign = { ...partOf('one', 'data'), tags: [] };
  expect(backupsToRemove([foreign], new Set([foreign.id]), [])).toEqual({ backups: [], snapshots: [] });
});

test('a rule that keeps nothing keeps the last one', () => {
  expect(keepOptions({ daily: 7, weekly: 0, monthly: 12 })).toEqual([
    '--keep-daily',
    '7',
    '--keep-monthly',
    '12',
  ]);
  expect(keepOptions({ daily: 0, weekly: 0, monthly: 0 })).toEqual(['--keep-last', '1']);
});
