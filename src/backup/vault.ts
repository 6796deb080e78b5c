import type { ContainerCreateRequest } from '@docker/node-sdk';

/** Where a job of a backup has its files; only root passes it. */
export const JOB_FOLDER = '/run/switchyard-backup';

/** What the engine is asked to mount. */
export type Mount = NonNullable<NonNullable<ContainerCreateRequest['HostConfig']>['Mounts']>[number];

/** What a container needs so that restic works in it, whatever its image; nothing secret is in `environment` or `command`. */
export interface ResticAccess {
  /** The path of the program in the container, and what follows it before any command: options of the target. */
  command: readonly string[];
  /** Repository, paths of files with passwords, cache, limits. */
  environment: Readonly<Record<string, string>>;
  /** Texts by the names that they have in the folder of the job. */
  files: Readonly<Record<string, string>>;
  /** The program itself, the cache, and the repository where that is a volume. */
  mounts: readonly Mount[];
}

/** For what needs no repository. */
export const NO_ACCESS: ResticAccess = { command: [], environment: {}, files: {}, mounts: [] };
