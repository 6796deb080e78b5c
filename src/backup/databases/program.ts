import type { BackupFacts } from '../../model/backup.ts';
import type { Mount } from '../vault.ts';

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
  /** The text of a configuration that the command names. */
  configuration?: string | undefined;
}

/** A part of a job that differs by database: scripts and files, and variables, none of them secret. */
export interface DatabaseJob {
  /** A script of the job's files, that `sh` runs with the words of restic as its arguments. */
  script: string;
  files: Readonly<Record<string, string>>;
  environment: Readonly<Record<string, string>>;
  /** Words before those of restic; none unless given. */
  words?: readonly string[];
  /** Another image than the service's own. */
  image?: string;
  /** Another network than that of the service's container, or of a scratch container. */
  network?: string;
  mounts?: readonly Mount[];
  /** The container whose volumes it can read. */
  volumesOf?: string;
}

/** What is called how while a restore goes on, and after it. */
export interface RestoreNames {
  /** What is there, and what is restored in its place. */
  current: string;
  /** Filled beside it. */
  filled: string;
  /** How the names begin of all that a restore fills; an id follows. */
  half: string;
  /** What was there is kept under this name. */
  kept: string;
  /** How the names begin of all that is kept; an id follows. */
  keptStart: string;
}

/** What of earlier restores goes: all whose id is before these. */
export interface TidyBefore {
  half: string;
  kept: string;
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
  /**
   * tidy removes what earlier restores have filled and left, and what they kept, in the network of the database's container,
   * where nobody uses it; the output `kept` has the names of what is kept still, a line each.
   */
  tidy(container: DatabaseContainer, names: RestoreNames, before: TidyBefore): DatabaseJob;
  /**
   * restoreBeside fills something new beside what is there, in the network of the database's container, and counts it. What
   * is of another environment comes to belong to who has the database here: `isForeign`.
   */
  restoreBeside(
    container: DatabaseContainer,
    query: string | undefined,
    names: RestoreNames,
    isForeign: boolean,
  ): DatabaseJob;
  /** mask has the database's client run statements on what was filled; one that fails ends it. */
  mask(container: DatabaseContainer, names: RestoreNames, statements: string): DatabaseJob;
  /** swap puts what was filled in the place of what is there, all or nothing, and keeps that under another name. */
  swap(container: DatabaseContainer, names: RestoreNames): DatabaseJob;
  /** namesOf returns what is called how while a restore goes on. */
  namesOf(container: DatabaseContainer, id: string): RestoreNames;
  /** factsOf reads what was counted. It throws where that is damaged. */
  factsOf(output: ReadonlyMap<string, string>): BackupFacts;
  /** Versions of the programs, by name. */
  toolsOf(output: ReadonlyMap<string, string>): Record<string, string>;
}
