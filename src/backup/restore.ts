import type { BackupReceipt, RestoreReceipt } from '../model/backup.ts';
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
import { KEPT_MS, type Settled, settle, tidyRestores } from './tidy.ts';
import { NO_ACCESS } from './vault.ts';

/** What is restored, and what has to be done about it. */
export interface Restoring {
  receipt: BackupReceipt;
  /** Statements that are run on what was restored before anybody else sees it. */
  mask?: string | undefined;
  /** The restores that the record knows. */
  restores: readonly RestoreReceipt[];
  /** keep writes to the record. */
  keep(settled: Settled): Promise<void>;
  /** confirm resolves when the lease is held still. */
  confirm(): Promise<void>;
}

/**
 * restoreInPlace fills a new database beside the one that is there, compares it with what was counted when the backup was
 * made, masks it, and puts it in its place. It returns what it has replaced, which is kept. Killed at any moment it leaves the
 * old one or the new one in place, whole; what is half goes with the next restore, or with the first run after a day. It throws
 * a UserError where anything fails; then nothing of it is left.
 */
export async function restoreInPlace(
  surroundings: JobSurroundings,
  source: Source,
  restoring: Restoring,
): Promise<RestoreReceipt> {
  const { receipt, keep } = restoring;
  await tidyUp(surroundings, source, restoring.restores, keep);
  const began = begin(surroundings, source, receipt);
  await keep({ restores: [began], ended: [] });
  try {
    const done = await bringBack(surroundings, source, restoring, began);
    await keep({ restores: [done], ended: [] });
    return done;
  } catch (error) {
    // What was filled may hold what nobody here is to see. Where that cannot be reached, the next run does it.
    await tidyUp(surroundings, source, [began], keep).catch((left: unknown) => {
      surroundings.log.debug(
        `${surroundings.server.name}: what the restore of ${source.service} has filled stays for now: ${left}`,
      );
    });
    throw error;
  }
}

function begin(
  { clock, server, scope }: JobSurroundings,
  { service, author }: Source,
  { id, environment }: BackupReceipt,
): RestoreReceipt {
  const now = clock.now();
  return {
    ...{ schema: 1, ...scope, service, id: newBackupId(new Date(now)), server: server.name },
    ...{ backup: id, from: environment, began_at: new Date(now).toISOString() },
    kept_until: new Date(now + KEPT_MS).toISOString(),
    ...{ run: author.run, actor: author.actor },
  };
}

/** Whoever restores holds the lease: what is half is nobody's. */
async function tidyUp(
  surroundings: JobSurroundings,
  source: Source,
  restores: readonly RestoreReceipt[],
  keep: Restoring['keep'],
): Promise<void> {
  const kept = await tidyRestores(surroundings, source, true);
  const { server, clock } = surroundings;
  const settled = settle(restores, server.name, kept, clock.now());
  if (settled.restores.length + settled.ended.length > 0) await keep(settled);
}

async function bringBack(
  surroundings: JobSurroundings,
  { service, spec, access }: Source,
  { receipt, mask, keep, confirm }: Restoring,
  began: RestoreReceipt,
): Promise<RestoreReceipt> {
  const { server, clock, scope } = surroundings;
  const container = await requireRunning(surroundings, service);
  const program = programOf(spec);
  const names = program.namesOf(container, began.id);
  const title = `the restore of ${service} from backup ${receipt.id}`;
  const place = {
    service,
    image: container.imageId,
    network: `container:${container.id}`,
    memoryBytes: DUMP_MEMORY_BYTES,
  };
  const isForeign = receipt.environment !== scope.environment || receipt.project !== scope.project;
  const beside = program.restoreBeside(container, receipt.query, names, isForeign);
  const filled = await runJob(surroundings, {
    title,
    ...place,
    ...jobOf(beside, access, snapshotsOf(receipt, program)),
  });
  requireWhole(`${server.name}: ${title}`, receipt, program.factsOf(filled.output));
  if (mask !== undefined) {
    const masking = program.mask(container, names, mask);
    await runJob(surroundings, {
      title: `the masking of ${service}`,
      ...place,
      ...jobOf(masking, NO_ACCESS, {}),
    });
  }
  await confirm();
  // It is kept from now on, not from when the restore began.
  const at = clock.now();
  const { kept } = program.namesOf(container, newBackupId(new Date(at)));
  const swapping = { ...began, kept, kept_until: new Date(at + KEPT_MS).toISOString() };
  await keep({ restores: [swapping], ended: [] });
  const swap = program.swap(container, { ...names, kept });
  await runJob(surroundings, { title, ...place, ...jobOf(swap, NO_ACCESS, {}) });
  return { ...swapping, done_at: new Date(clock.now()).toISOString() };
}
