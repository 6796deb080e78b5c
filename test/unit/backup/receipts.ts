import type { BackupReceipt } from '../../../src/model/backup.ts';

/** receiptOf returns the receipt of a backup, whose id says when it began. */
export function receiptOf(id: string, { isVerified }: { isVerified: boolean }): BackupReceipt {
  const [, year, month, day, hour] = /^(\d{4})(\d\d)(\d\d)t(\d\d)/.exec(id) ?? [];
  const at = `${year}-${month}-${day}T${hour}:00:00.000Z`;
  return {
    ...{ schema: 1, project: 'shop', environment: 'production', service: 'db', id, content: 'postgres' },
    ...{ server: 'web-1', release: 1, image: 'postgres:17', began_at: at, took_ms: 1000 },
    ...{
      size_bytes: 1000,
      stored_bytes: 100,
      target: 'disk',
      snapshot: 'abcd',
      facts: { rows: {} },
      tools: {},
    },
    ...{ run: 'local', actor: '' },
    ...(isVerified && { verified: { at, run: 'local', took_ms: 2000 } }),
  };
}
