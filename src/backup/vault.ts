import type { ContainerCreateRequest } from '@docker/node-sdk';
import type { SecretValues } from '../fleet/secret-sets.ts';
import type { FileSpec } from '../model/spec.ts';

/** What a container needs so that restic works in it, whatever its image; nothing secret is in `environment` or `arguments`. */
export interface ResticAccess {
  /** The path of the program in the container. */
  program: string;
  /** What follows it before any command: options of the target. */
  arguments: readonly string[];
  /** Repository, files of passwords, cache, limits. */
  environment: Readonly<Record<string, string>>;
  /** Files that it is given, and the values in them by the names in the files. */
  files: readonly FileSpec[];
  secrets: SecretValues;
  /** The program itself, the cache, and the repository where that is a volume. */
  mounts: NonNullable<NonNullable<ContainerCreateRequest['HostConfig']>['Mounts']>;
}
