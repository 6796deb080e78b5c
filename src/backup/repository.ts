import type { RegistryAuth } from '../docker/engine.ts';
import type { BackupSpec } from '../model/backup.ts';
import { messageOf, UserError } from '../model/errors.ts';
import type { Scope } from '../model/names.ts';
import type { JobSurroundings } from './job.ts';
import { accessTo, type Repository } from './restic/access.ts';
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
  /** Whose backups they are, where they are not of the run's own environment: nothing of it is written then. */
  owner?: Scope | undefined;
  /** Backups were made there already. */
  isExpected: boolean;
  authFor(image: string): Promise<RegistryAuth | undefined>;
}

/** openRepository makes sure that a server can use a repository, and returns what containers there need to do so. */
export async function openRepository(
  surroundings: JobSurroundings,
  { isExpected, authFor, ...request }: RepositoryRequest,
): Promise<ResticAccess> {
  const { spec, owner } = request;
  await removeDeadRuns(surroundings);
  await ensureImage(surroundings, spec.image, authFor);
  const repository = repositoryOf(request);
  const restic = new Restic(surroundings, repository, spec.image);
  const [programs] = await Promise.all([
    bringPrograms(surroundings, spec.image),
    prepareRepository(restic, isExpected || owner !== undefined),
  ]);
  return accessTo(repository, surroundings.scope, programs);
}

/** repositoryOf returns a repository with what opens it. Pure. */
export function repositoryOf({
  spec,
  secrets,
  owner,
}: Pick<RepositoryRequest, 'spec' | 'secrets' | 'owner'>): Repository {
  return { target: spec.to, password: secrets[spec.passwordSecret] ?? '', secrets, ...(owner && { owner }) };
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
