import * as z from 'zod';
import type { BackupReceipt, Retention } from '../../model/backup.ts';
import type { Restic } from './restic.ts';
import { type Snapshot, snapshotsOf, tagValue } from './snapshots.ts';

const Groups = z.array(z.looseObject({ remove: z.array(z.looseObject({ id: z.string() })).nullish() }));

/** Whose backups are meant. */
export type BackupOwner = Pick<BackupReceipt, 'project' | 'environment' | 'service'>;

/** What was given up. */
export interface Pruned {
  /** Ids of backups. */
  backups: string[];
  kept: number;
}

/**
 * pruneBackups gives up the backups of one service that the rule does not keep, and the space that they took. Which those are
 * restic says, of the snapshots that carry all tags of the service; then they are removed by their ids, with what else belongs
 * to them. So nothing else in the repository is touched. `protectedBackups` stay whatever the rule says: the last one that was
 * verified. It throws a UserError where it cannot.
 */
export async function pruneBackups(
  restic: Restic,
  owner: BackupOwner,
  retention: Retention,
  protectedBackups: readonly string[] = [],
): Promise<Pruned> {
  const tags = ownerTags(owner);
  const all = await snapshotsOf(restic, tags);
  const data = all.filter((one) => tagValue(one, 'part') === 'data');
  const { values } = await restic.run([
    ...['forget', '--dry-run', '--tag', [...tags, 'part=data'].join(',')],
    // Each backup has a tag of its own, and would be a group by itself.
    ...['--group-by', ''],
    ...keepOptions(retention),
  ]);
  const removed = values.flatMap((value) => Groups.parse(value ?? [])).flatMap(({ remove }) => remove ?? []);
  const given = backupsToRemove(all, new Set(removed.map(({ id }) => id)), protectedBackups);
  if (given.snapshots.length > 0) await restic.run(['forget', '--prune', ...given.snapshots]);
  return { backups: given.backups, kept: data.length - given.backups.length };
}

/** ownerTags returns the tags that every snapshot of a service carries. Pure. */
export function ownerTags({ project, environment, service }: BackupOwner): string[] {
  return [`project=${project}`, `environment=${environment}`, `service=${service}`];
}

/** keepOptions writes the rule for restic. Pure. */
export function keepOptions({ daily, weekly, monthly }: Retention): string[] {
  const options = [
    ...(daily > 0 ? ['--keep-daily', String(daily)] : []),
    ...(weekly > 0 ? ['--keep-weekly', String(weekly)] : []),
    ...(monthly > 0 ? ['--keep-monthly', String(monthly)] : []),
  ];
  // Without a rule restic would keep all; the last one is kept in any case.
  return options.length > 0 ? options : ['--keep-last', '1'];
}

/**
 * backupsToRemove returns which backups go, and the snapshots of all of their parts. Pure.
 */
export function backupsToRemove(
  all: readonly Snapshot[],
  removedData: ReadonlySet<string>,
  protectedBackups: readonly string[],
): { backups: string[]; snapshots: string[] } {
  const backups = all
    .filter(({ id }) => removedData.has(id))
    .flatMap((one) => tagValue(one, 'backup') ?? [])
    .filter((backup) => !protectedBackups.includes(backup));
  const snapshots = all.filter((one) => backups.includes(tagValue(one, 'backup') ?? '')).map(({ id }) => id);
  return { backups, snapshots };
}
