import type { BackupReceipt } from '../model/backup.ts';
import { newBackupId } from './backup-id.ts';
import { type JobSurroundings, runJob } from './job.ts';
import {
  DUMP_MEMORY_BYTES,
  jobOf,
  programOf,
  requireRunning,
  requireWhole,
  type Source,
  snapshotsOf,
} from './make.ts';

/**
 * restoreInPlace fills a new database beside the one that is there, compares it with what was counted when the backup was
 * made, and puts it in its place. It returns the name under which the old one is kept. Killed at any moment it leaves the old
 * one or the new one in place, whole; what is half is gone with the next restore. It throws a UserError where anything fails.
 */
export async function restoreInPlace(
  surroundings: JobSurroundings,
  { service, spec, access }: Source,
  receipt: BackupReceipt,
  confirm: () => Promise<void>,
): Promise<string> {
  const { server, clock } = surroundings;
  const container = await requireRunning(surroundings, service);
  const program = programOf(spec);
  const names = program.namesOf(container, newBackupId(new Date(clock.now())));
  const title = `the restore of ${service} from backup ${receipt.id}`;
  const place = {
    service,
    image: container.imageId,
    network: `container:${container.id}`,
    memoryBytes: DUMP_MEMORY_BYTES,
  };
  const beside = program.restoreBeside(container, receipt.query, names);
  const filled = await runJob(surroundings, {
    title,
    ...place,
    ...jobOf(beside, access, snapshotsOf(receipt, program)),
  });
  requireWhole(`${server.name}: ${title}`, receipt, program.factsOf(filled.output));
  await confirm();
  await runJob(surroundings, { title, ...place, ...jobOf(program.swap(container, names), access, {}) });
  return names.kept;
}
