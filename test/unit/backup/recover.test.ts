import { expect, test } from '@jest/globals';
import { aboutText, parseAbout } from '../../../src/backup/about.ts';
import { chooseBackup } from '../../../src/backup/choose.ts';
import { ownersIn, partsOf } from '../../../src/backup/recover.ts';
import type { Snapshot } from '../../../src/backup/restic/snapshots.ts';
import { backupTags } from '../../../src/model/backup.ts';
import { receiptOf } from './receipts.ts';

const OWNER = { project: 'shop', environment: 'production', service: 'db' };
const [OLD, NEW] = ['20261129t030000z-aaaa', '20261130t030000z-bbbb'];

function snapshotOf(id: string, part: 'data' | 'about', owner = OWNER): Snapshot {
  return {
    ...{ id: `${id} ${part}`, time: '2026-11-30T03:00:00Z', paths: ['/'] },
    tags: backupTags({ ...owner, id }, part),
  };
}

test('a backup of which one part is missing is none', () => {
  const snapshots = [
    snapshotOf(NEW, 'about'),
    ...[snapshotOf(NEW, 'data'), snapshotOf(OLD, 'data'), snapshotOf(OLD, 'about')],
    ...[snapshotOf('20261201t030000z-cccc', 'about'), snapshotOf('20261202t030000z-dddd', 'data')],
  ];
  expect(partsOf(snapshots, OWNER)).toMatchObject([
    { id: OLD, data: { id: `${OLD} data` }, about: { id: `${OLD} about` } },
    { id: NEW, data: { id: `${NEW} data` }, about: { id: `${NEW} about` } },
  ]);
});

test('those of others in the repository are nobody’s here, and are named', () => {
  const staging = { ...OWNER, environment: 'staging' };
  const snapshots = (['data', 'about'] as const).map((part) => snapshotOf(NEW, part, staging));
  expect(partsOf(snapshots, OWNER)).toEqual([]);
  expect(ownersIn(snapshots)).toEqual(['db of shop staging']);
});

test('a name that somebody has written into the repository becomes no path', () => {
  const snapshots = (['data', 'about'] as const).map((part) => snapshotOf('../../../etc', part));
  expect(partsOf(snapshots, OWNER)).toEqual([]);
});

test('what a backup says of itself is read again, and nothing else is', () => {
  const { facts: _facts, ...receipt } = receiptOf(NEW, { isVerified: false });
  expect(parseAbout(aboutText(receipt))).toMatchObject({
    id: NEW,
    image: 'postgres:17',
    content: 'postgres',
  });
  for (const text of [undefined, '', '{}', '{"schema": 2}', 'no JSON'])
    expect(parseAbout(text)).toBeUndefined();
});

test('one that was found in its repository may be restored, unless that has failed before', () => {
  const found = { ...receiptOf(OLD, { isVerified: false }), found_at: '2026-12-01T00:00:00Z' };
  const rotten = { ...receiptOf(NEW, { isVerified: false }), found_at: found.found_at, unverified: 'no' };
  expect(chooseBackup('db', [found, rotten], 'latest', 'verified')).toBe(found);
});
