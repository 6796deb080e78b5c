import type { BackupReceipt } from '../model/backup.ts';
import { UserError } from '../model/errors.ts';

/**
 * chooseBackup returns the backup that is meant: `latest` is the last one, of those that were verified where it shall be
 * trusted; an id is that one; a time is the last one that began before it. It throws a UserError where there is none. Pure.
 */
export function chooseBackup(
  service: string,
  receipts: readonly BackupReceipt[],
  which: string,
  latestOf: 'made' | 'verified',
): BackupReceipt {
  const trusted = receipts.filter((one) => latestOf === 'made' || isTrusted(one));
  if (which === 'latest') {
    const latest = trusted.at(-1);
    if (latest !== undefined) return latest;
    throw none(
      service,
      receipts,
      receipts.length === 0 ? 'there is no backup of' : 'no backup was verified of',
    );
  }
  const named = receipts.find(({ id }) => id === which);
  if (named !== undefined) return named;
  const time = Date.parse(which);
  if (Number.isNaN(time)) throw none(service, receipts, `${JSON.stringify(which)} is no backup of`);
  const before = trusted.filter(({ began_at }) => Date.parse(began_at) <= time).at(-1);
  if (before !== undefined) return before;
  throw none(service, receipts, `no backup that counts began before ${new Date(time).toISOString()} of`);
}

/** Of one that was found in its repository nobody knows whether it was verified: a restore compares it like any other. */
function isTrusted({ verified, unverified, found_at }: BackupReceipt): boolean {
  return verified !== undefined || (found_at !== undefined && unverified === undefined);
}

const TOLD = 5;

function none(service: string, receipts: readonly BackupReceipt[], what: string): UserError {
  const last = receipts
    .slice(-TOLD)
    .map(({ id, verified }) => `${id}${verified === undefined ? ' (not verified)' : ''}`)
    .join(', ');
  return new UserError(`${what} ${service} on the record`, {
    hint:
      last === ''
        ? 'Make one: the action backup with "operation: create".'
        : `The last ones are ${last}. Name one as the input "backup", or a time such as 2026-11-30T03:00Z.`,
  });
}
