import type { BackupTarget } from './backup-target.ts';

/** Databases of which backups are made by their own programs. */
export const DATABASES = ['postgres', 'redis', 'mariadb', 'mysql'] as const;
export type DatabaseKind = (typeof DATABASES)[number];

/** What of a service is backed up. */
export type BackupContent = DatabaseContent | VolumesContent | CommandContent;

/** What its own program dumps. */
export interface DatabaseContent {
  kind: DatabaseKind;
}

/** The files of volumes. */
export interface VolumesContent {
  kind: 'volumes';
  /** Names as in the file, sorted. */
  volumes: string[];
  /** Whether the service is stopped while its files are read. */
  isStopped: boolean;
}

/** What a command prints. */
export interface CommandContent {
  kind: 'command';
  command: string[];
}

/** How many backups are kept: the last one of so many days, weeks and months. */
export interface Retention {
  daily: number;
  weekly: number;
  monthly: number;
}

/** When a backup is restored to see whether it is one: after each, once a day, or never. */
export type VerifyWhen = 'always' | 'daily' | 'never';

/** What becomes of the data of a service. */
export interface BackupSpec {
  content: BackupContent;
  to: BackupTarget;
  /** The name of the secret, among those of the file, that is the password of the repository. */
  passwordSecret: string;
  /** Of restic. */
  image: string;
  retention: Retention;
  verify: VerifyWhen;
  /** A service whose last verified backup is older fails `status`, and deploys say so. */
  maxAgeMs: number;
  /** SQL whose answer has to be the same after a restore. */
  query?: string;
  /** When the workflow is meant to run, in the words of cron: for people. */
  schedule?: string;
}

/** What a database held at the moment of its backup, and what a restore has to bring back. */
export interface BackupFacts {
  /** Rows by table, keys by database: whatever the content counts. */
  rows: Record<string, number>;
  /** How far counters were, at least. */
  sequences?: Record<string, number>;
  /** Names of indexes. */
  indexes?: string[];
  /** Counts of what else there is: views, triggers, large objects. */
  objects?: Record<string, number>;
  /** What the query of the file answered. */
  query?: string;
  /** SHA-256 of what was read, by what it is. */
  digests?: Record<string, string>;
}

/** How a backup was restored to see whether it is one. */
export interface BackupVerification {
  at: string;
  run: string;
  /** From an empty server to all that was compared: the time that a restore takes. */
  took_ms: number;
}

/** `backups/<project>/<environment>/<service>/<id>.json` on the state branch: one backup, once it is whole. */
export interface BackupReceipt {
  schema: 1;
  project: string;
  environment: string;
  service: string;
  /** The time at which it began and four characters: `20261130t190512z-3f9a`. */
  id: string;
  content: BackupContent['kind'];
  /** That the data was on. */
  server: string;
  /** The release that ran, and its image. */
  release: number;
  image: string;
  began_at: string;
  took_ms: number;
  /** What the dump program printed, and what of it was new in the repository. */
  size_bytes: number;
  stored_bytes: number;
  /** Where it is, for people. */
  target: string;
  /** The snapshot of restic with the data. */
  snapshot: string;
  /** The one with what was counted, where there is any: it carries the same tag. */
  about?: string;
  facts: BackupFacts;
  /** The SQL whose answer is among the facts. */
  query?: string;
  /** Versions, by program. */
  tools: Record<string, string>;
  run: string;
  actor: string;
  verified?: BackupVerification;
  /** When it was found in its repository, which the record knew nothing of: nobody knows any more whether it was verified. */
  found_at?: string;
  /** Why the last try to restore it failed. */
  unverified?: string;
}

/**
 * `restores/<project>/<environment>/<service>/<id>.json` on the state branch: a restore in place, from its first change on and
 * until what was there before it is removed.
 */
export interface RestoreReceipt {
  schema: 1;
  project: string;
  environment: string;
  service: string;
  /** The time at which it began and four characters, as of a backup. */
  id: string;
  server: string;
  /** The id of the backup, and the environment that it is of. */
  backup: string;
  from: string;
  began_at: string;
  /** When the new data took its place; absent until then, and for good where the run was killed before it could say so. */
  done_at?: string;
  /** The name of what was there before; absent until that may have it. */
  kept?: string;
  /** The time after which the next run removes that, or else what a killed run has filled. */
  kept_until: string;
  run: string;
  actor: string;
}

/** What of a backup a snapshot holds; retention is about `data` alone, and takes the rest of a backup with it. */
export type BackupPart = 'data' | 'about';

/** backupTags returns the tags by which the snapshots of a backup are found among all of a repository. Pure. */
export function backupTags(
  { project, environment, service, id }: Pick<BackupReceipt, 'project' | 'environment' | 'service' | 'id'>,
  part: BackupPart,
): string[] {
  return [
    `project=${project}`,
    `environment=${environment}`,
    `service=${service}`,
    `backup=${id}`,
    `part=${part}`,
  ];
}
