import type { BackupReceipt, BackupSpec, RestoreReceipt } from '../../model/backup.ts';
import type { EnvironmentSpec } from '../../model/spec.ts';
import type { Snapshot } from '../../state/snapshot.ts';

/** How old the last good backup of a service is. */
export interface BackupAge {
  service: string;
  /** The last one that was made, and the last that was restored and found whole. */
  last?: { id: string; at: string };
  verified?: { id: string; at: string };
  /** Of the last verified one, in milliseconds. */
  age_ms?: number;
  /** It is older than the file allows, or there is none for so long. */
  isLate: boolean;
}

/** backupAges reads how old the last good backups are of the services that the file backs up and that are deployed. */
export async function backupAges(
  snapshot: Snapshot,
  { services }: Pick<EnvironmentSpec, 'services'>,
  now: number,
): Promise<BackupAge[]> {
  const found = services.map(async ({ name, backup }) => {
    const deployed = snapshot.state.services[name];
    if (backup === undefined || deployed === undefined) return [];
    const receipts = await snapshot.receipts(name);
    return [backupAge(name, backup, receipts, { deployedAt: deployed.deployed_at, now })];
  });
  return (await Promise.all(found)).flat();
}

/** backupAge returns how old the last good backup of a service is; `receipts` are the oldest first. Pure. */
export function backupAge(
  service: string,
  { maxAgeMs }: Pick<BackupSpec, 'maxAgeMs'>,
  receipts: readonly Pick<BackupReceipt, 'id' | 'began_at' | 'verified'>[],
  { deployedAt, now }: { deployedAt: string; now: number },
): BackupAge {
  const last = receipts.at(-1);
  const verified = receipts.filter((one) => one.verified !== undefined).at(-1);
  // One that was deployed a moment ago has nothing yet that could be lost.
  const since = Date.parse(verified?.began_at ?? deployedAt);
  return {
    service,
    ...(last && { last: { id: last.id, at: last.began_at } }),
    ...(verified && { verified: { id: verified.id, at: verified.began_at }, age_ms: now - since }),
    isLate: now - since > maxAgeMs,
  };
}

/** describeBackup says how old the last good backup of a service is. Pure. */
export function describeBackup({ service, last, verified, age_ms = 0 }: BackupAge): string {
  if (last === undefined) return `${service} was never backed up`;
  if (verified === undefined)
    return `no backup of ${service} was ever verified: the last one, ${last.id}, was not`;
  return `the last verified backup of ${service} is ${describeAge(age_ms)} old (${verified.id})`;
}

/** lateBackups returns sentences on what is older than the file allows, and on what has no backup at all. Pure. */
export function lateBackups(ages: readonly BackupAge[]): string[] {
  return ages.filter(({ isLate, verified }) => isLate || verified === undefined).map(describeBackup);
}

const HOUR_MS = 3_600_000;

function describeAge(ms: number): string {
  if (ms < HOUR_MS) return `${Math.max(1, Math.round(ms / 60_000))} min`;
  const hours = Math.round(ms / HOUR_MS);
  return hours < 72 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}

/** restoresOf reads what restores have left of the services that the file backs up. */
export async function restoresOf(
  snapshot: Snapshot,
  { services }: Pick<EnvironmentSpec, 'services'>,
): Promise<RestoreReceipt[]> {
  const backedUp = services.filter(({ backup }) => backup !== undefined);
  return (await Promise.all(backedUp.map(({ name }) => snapshot.restores(name)))).flat();
}

/** describeRestore says what a restore has replaced, and for how long that is kept. Pure. */
export function describeRestore(restore: RestoreReceipt): string {
  const { service, server, backup, from, environment, began_at, done_at, kept = '', kept_until } = restore;
  const of = from === environment ? `backup ${backup}` : `backup ${backup} of ${from}`;
  return done_at === undefined
    ? `a restore of ${service} on ${server} from ${of} began at ${began_at}, and has not said that it is over`
    : `${service} on ${server} has the data of ${of}; what it had before is kept as ${kept} until ${kept_until}`;
}
