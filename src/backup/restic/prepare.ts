import { UserError } from '../../model/errors.ts';
import { EXIT } from './failure.ts';
import type { Restic } from './restic.ts';

/**
 * prepareRepository makes sure that there is a repository that the password opens. One is made only where it is certain that
 * there is none: a wrong key, or a bucket that does not answer, is an error. Where backups were made already, `isExpected`,
 * none is made either: what is there has gone, or another place is looked at.
 */
export async function prepareRepository(restic: Restic, isExpected: boolean): Promise<void> {
  if (await isThere(restic)) return;
  if (isExpected) {
    throw new UserError(
      `${restic.surroundings.server.name}: backups at ${restic.title}: there is no repository, and backups were made there`,
      {
        hint: 'Has "to" changed, is a disk not mounted, or was it removed? A new one is made where you say so: remove the receipts of this place from the state branch ("backups/").',
      },
    );
  }
  await restic.run(['init']).catch(async (error) => {
    // Another run may have made it at the same time.
    if (!(await isThere(restic).catch(() => false))) throw error;
  });
  // Two that were made at once open nothing: said now, and not when a backup is needed.
  if (!(await isThere(restic))) throw restic.explain(EXIT.noRepository, '');
}

/** restic itself asks for a quarter of an hour where nobody answers. */
const PATIENCE_MS = 30_000;

async function isThere(restic: Restic): Promise<boolean> {
  const { exitCode } = await restic.run(['cat', 'config'], {
    expected: [EXIT.noRepository],
    patienceMs: PATIENCE_MS,
  });
  return exitCode === 0;
}
