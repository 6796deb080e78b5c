import { messageOf, UserError } from '../model/errors.ts';
import { LABEL } from '../model/labels.ts';
import { type Scope, scopeName } from '../model/names.ts';
import type { BackupSpec } from '../model/backup.ts';
import type { RegistryAuth } from '../docker/engine.ts';
import type { Server } from '../fleet/server.ts';
import { createHash, randomUUID } from 'node:crypto';
import { JOB_FOLDER, type ResticAccess } from './vault.ts';

const PROGRAM_FOLDER = '/run/switchyard-restic';
const REPOSITORY_FOLDER = '/run/switchyard-repository';
const PASSWORD = 'repository-password';

/**
 * A new repository is made only where it is known that there is none: a wrong password, or a target that does not answer, must
 * not make a second one. The words of restic are the arguments.
 */
export const PREPARE_REPOSITORY = `
code=0
"$@" cat config >/dev/null 2>repository.log || code=$?
case $code in
0) ;;
10) "$@" init >/dev/null ;;
*)
  cat repository.log >&2
  exit "$code"
  ;;
esac
`;

/** What opening a repository needs beside its settings. */
export interface RepositoryRequest {
  spec: Pick<BackupSpec, 'to' | 'image'>;
  password: string;
  authFor(image: string): Promise<RegistryAuth | undefined>;
}

/** openRepository gives a server what it lacks for restic, and returns what containers there need to run it. */
export async function openRepository(
  server: Server,
  scope: Scope,
  { spec, password, authFor }: RepositoryRequest,
): Promise<ResticAccess> {
  await ensureImage(server, spec.image, authFor);
  const labels = { [LABEL.role]: 'backup', [LABEL.project]: scope.project, [LABEL.environment]: scope.environment };
  const repository = `${scopeName(scope)}_backups`;
  await server.engine.createVolume(repository, labels);
  return {
    command: [`${PROGRAM_FOLDER}/restic`],
    environment: {
      RESTIC_REPOSITORY: REPOSITORY_FOLDER,
      RESTIC_PASSWORD_FILE: `${JOB_FOLDER}/${PASSWORD}`,
      RESTIC_CACHE_DIR: '/tmp/restic-cache',
      RESTIC_PROGRESS_FPS: '0.1',
      GOMEMLIMIT: '128MiB',
      TZ: 'UTC',
    },
    files: { [PASSWORD]: password },
    mounts: [
      { Type: 'volume', Source: await programVolume(server, scope, spec.image), Target: PROGRAM_FOLDER, ReadOnly: true },
      { Type: 'volume', Source: repository, Target: REPOSITORY_FOLDER },
    ],
  };
}

/** ensureImage pulls an image that is not on a server. It throws a UserError with what the registry says. */
async function ensureImage(
  { engine, name }: Server,
  image: string,
  authFor: RepositoryRequest['authFor'],
): Promise<void> {
  if ((await engine.findImage(image)) !== undefined) return;
  const auth = await authFor(image);
  try {
    await engine.pullImage(image, { ...(auth && { auth }), onProgress: () => undefined });
  } catch (error) {
    throw new UserError(`${name}: pulling ${image} failed: ${messageOf(error)}`, {
      hint: 'It is the image of restic: "backup.image" in the file names it.',
      cause: error,
    });
  }
}

/** The engine fills a new volume with what an image has where it is mounted. */
async function programVolume({ engine }: Server, scope: Scope, image: string): Promise<string> {
  const id = (await engine.findImage(image))?.Id ?? image;
  const volume = `switchyard_restic_${createHash('sha256').update(id).digest('hex').slice(0, 12)}`;
  const helper = await engine.createContainer(`${volume}_${randomUUID()}`, {
    Image: image,
    Cmd: ['true'],
    Labels: { [LABEL.role]: 'backup', [LABEL.project]: scope.project, [LABEL.environment]: scope.environment },
    HostConfig: {
      NetworkMode: 'none',
      Mounts: [{ Type: 'volume', Source: volume, Target: '/usr/bin' }],
    },
  });
  await engine.removeContainer(helper);
  return volume;
}
