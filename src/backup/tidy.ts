import type { RestoreReceipt } from '../model/backup.ts';
import { newBackupId } from './backup-id.ts';
import type { TidyBefore } from './databases/program.ts';
import { type JobSurroundings, runJob } from './job.ts';
import { DUMP_MEMORY_BYTES, jobOf, programOf, requireRunning, type Source } from './make.ts';
import { NO_ACCESS } from './vault.ts';

/** What a restore has replaced stays so long. */
export const KEPT_MS = 24 * 3_600_000;

/** What becomes of restores on the record. */
export interface Settled {
  restores: RestoreReceipt[];
  ended: RestoreReceipt[];
}

/**
 * tidyRestores removes what restores of a service have left on a server: what was kept for its time, and what is half, all of it
 * where the run is `alone` by its lease, and else what is as old. It returns what is kept still. It throws a UserError where it
 * cannot ask.
 */
export async function tidyRestores(
  surroundings: JobSurroundings,
  { service, spec }: Source,
  isAlone: boolean,
): Promise<string[]> {
  const { clock } = surroundings;
  const container = await requireRunning(surroundings, service);
  const program = programOf(spec);
  const names = program.namesOf(container, newBackupId(new Date(clock.now())));
  const { output } = await runJob(surroundings, {
    title: `the tidying after restores of ${service}`,
    service,
    image: container.imageId,
    network: `container:${container.id}`,
    memoryBytes: DUMP_MEMORY_BYTES,
    ...jobOf(program.tidy(container, names, tidyBefore(clock.now(), isAlone)), NO_ACCESS, {}),
  });
  return (output.get('kept') ?? '').split('\n').filter((name) => name !== '');
}

/** After every id that there can be. */
const END_OF_TIME = 'z';

/** tidyBefore returns the ids before which everything goes. Pure. */
export function tidyBefore(now: number, isAlone: boolean): TidyBefore {
  const [due = ''] = newBackupId(new Date(now - KEPT_MS)).split('-');
  return { half: isAlone ? END_OF_TIME : due, kept: due };
}

/** isDue tells whether a restore of a server has left something whose time is over. Pure. */
export function isDue(restores: readonly RestoreReceipt[], server: string, now: number): boolean {
  return restores.some((one) => one.server === server && Date.parse(one.kept_until) <= now);
}

/**
 * settle returns what becomes of the restores of a server on the record, once it was asked what is `kept` there: one whose run was
 * killed after it had put the new data in place is done, and one that has left nothing is no longer told. Pure.
 */
export function settle(
  restores: readonly RestoreReceipt[],
  server: string,
  kept: readonly string[],
  now: number,
): Settled {
  const own = restores.filter((one) => one.server === server);
  const isKept = (one: RestoreReceipt) => one.kept !== undefined && kept.includes(one.kept);
  return {
    restores: own
      .filter((one) => isKept(one) && one.done_at === undefined)
      .map((one) => ({ ...one, done_at: new Date(now).toISOString() })),
    ended: own.filter((one) => !isKept(one)),
  };
}
