import type { BackupFacts } from '../../model/backup.ts';

/** How a database is asked for its data. */
export interface Credentials {
  /** Who may read and write everything, as the container was told. */
  user: string;
  password: string;
  database: string;
}

/** What the container of a database says of itself. */
export interface DatabaseContainer {
  /** Its variables; those that name files have what is in them, under the name without `_FILE`. */
  environment: Readonly<Record<string, string>>;
  /** Words that the server was started with. */
  command: readonly string[];
}

/** A part of a job that differs by database: scripts and files, and variables, none of them secret. */
export interface DatabaseJob {
  /** A script of the job's files, that `sh` runs with the words of restic as its arguments. */
  script: string;
  files: Readonly<Record<string, string>>;
  environment: Readonly<Record<string, string>>;
}

/**
 * DatabaseProgram is how one kind of database is dumped and restored by its own programs. Scripts are fixed texts, and what
 * differs comes by files and variables. They are run in the database's own image, with the folder of the job as the place
 * where they work. All pure.
 */
export interface DatabaseProgram {
  /** The name of the data in the repository, for whoever restores it by hand. */
  dataPath: string;
  /** dump is run in the network of the database's container, and writes the snapshots of a backup; what was counted is in its output. */
  dump(container: DatabaseContainer, query: string | undefined): DatabaseJob;
  /** verify starts an empty database, fills it from a snapshot and counts again. */
  verify(container: DatabaseContainer, query: string | undefined): DatabaseJob;
  /** factsOf reads what was counted. It throws where that is damaged. */
  factsOf(output: ReadonlyMap<string, string>): BackupFacts;
  /** Versions of the programs, by name. */
  toolsOf(output: ReadonlyMap<string, string>): Record<string, string>;
}
