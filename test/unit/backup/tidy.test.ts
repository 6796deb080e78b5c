import { expect, test } from '@jest/globals';
import { isDue, KEPT_MS, settle, tidyBefore } from '../../../src/backup/tidy.ts';
import type { RestoreReceipt } from '../../../src/model/backup.ts';

const NOON = Date.parse('2026-12-01T12:00:00Z');

function restoreOf(id: string, more: Partial<RestoreReceipt> = {}): RestoreReceipt {
  return {
    ...{ schema: 1, project: 'shop', environment: 'production', service: 'db', id, server: 'web-1' },
    ...{ backup: '20261130t030000z-aaaa', from: 'production', began_at: '2026-12-01T11:00:00.000Z' },
    ...{ kept: `shop_before_${id}`, kept_until: new Date(NOON).toISOString(), run: 'local', actor: '' },
    ...more,
  };
}

test('what was kept goes after a day, and never before', () => {
  const { kept } = tidyBefore(NOON, true);
  expect('20261130t115959z-ffff' < kept).toBe(true);
  expect('20261130t120000z-0000' < kept).toBe(false);
  expect(KEPT_MS).toBe(24 * 3_600_000);
});

test('what is half goes at once where nobody else can be at it, and else after a day', () => {
  const now = '20261201t120000z-ffff';
  expect(now < tidyBefore(NOON, true).half).toBe(true);
  expect(now < tidyBefore(NOON, false).half).toBe(false);
  expect('20261130t115959z-ffff' < tidyBefore(NOON, false).half).toBe(true);
});

test('a restore is looked after on its own server, once its time is over', () => {
  const restores = [restoreOf('a')];
  expect(isDue(restores, 'web-1', NOON)).toBe(true);
  expect(isDue(restores, 'web-1', NOON - 1)).toBe(false);
  expect(isDue(restores, 'web-2', NOON)).toBe(false);
});

test('a restore that was killed after it was done is done, and one that has left nothing is forgotten', () => {
  const [done, begun, elsewhere] = [restoreOf('a'), restoreOf('b'), restoreOf('c', { server: 'web-2' })];
  const { kept: _none, ...early } = restoreOf('d');
  const settled = settle([done, begun, elsewhere, early], 'web-1', ['shop_before_a'], NOON);
  expect(settled.restores).toEqual([{ ...done, done_at: '2026-12-01T12:00:00.000Z' }]);
  expect(settled.ended).toEqual([begun, early]);
  expect(settle([{ ...done, done_at: 'then' }], 'web-1', ['shop_before_a'], NOON)).toEqual({
    restores: [],
    ended: [],
  });
});
