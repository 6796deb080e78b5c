import type { RegistryAuth } from '../docker/engine.ts';
import type { BackupSpec } from '../model/backup.ts';
import { messageOf, UserError } from '../model/errors.ts';
import type { JobSurroundings } from './job.ts';
import { accessTo } from './restic/access.ts';
import { removeDeadRuns } from './restic/container.ts';
import { prepareRepository } from './restic/prepare.ts';
import { bringPrograms } from './restic/program.ts';
import { Restic } from './restic/restic.ts';
import type { ResticAccess } from './vault.ts';

/** What opening a repository needs. */
export interface RepositoryRequest {
  spec: Pick<BackupSpec, 'to' | 'image' | 'passwordSecret'>;
  /** Values of the secrets that it needs, by name. */
  secrets: Readonly<Record<string, string>>;
  /** Backups were made there already. */
  isExpected: boolean;
  authFor(image: string): Promise<RegistryAuth | undefined>;
}

/** openRepository makes sure that a server can use a repository, and returns what containers there need to do so. */
export async function openRepository(
  surroundings: JobSurroundings,
  { spec, secrets, isExpected, authFor }: RepositoryRequest,
): Promise<ResticAccess> {
  const { scope } = surroundings;
  await removeDeadRuns(surroundings);
  await ensureImage(surroundings, spec.image, authFor);
  const repository = { target: spec.to, password: secrets[spec.passwordSecret] ?? '', secrets };
  const restic = new Restic(surroundings, repository, spec.image);
  const [programs] = await Promise.all([
    bringPrograms(surroundings, spec.image),
    prepareRepository(restic, isExpected),
  ]);
  return accessTo(repository, scope, programs);
}

/** ensureImage pulls an image that is not on a server. It throws a UserError with what the registry says. */
export async function ensureImage(
  { server: { engine, name }, signal }: JobSurroundings,
  image: string,
  authFor: RepositoryRequest['authFor'],
): Promise<void> {
  if ((await engine.findImage(image)) !== undefined) return;
  const auth = await authFor(image);
  try {
    await engine.pullImage(image, { ...(auth && { auth }), onProgress: () => undefined, signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new UserError(`${name}: pulling ${image} failed: ${messageOf(error)}`, {
      hint: 'It is the image of restic: "backup.image" in the file names it.',
      cause: error,
    });
  }
}
