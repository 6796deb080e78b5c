/** A file of the repository, as the run has it. */
export interface RepositoryFile {
  bytes: Buffer;
  isExecutable: boolean;
  /** Git does not have it as it is: it is not tracked, or was changed since. What nobody committed may be a secret. */
  isSecret: boolean;
}

/** What lies at a path: a file, or all files below a folder by their paths from there, sorted. */
export type RepositoryEntry =
  | { kind: 'file'; file: RepositoryFile }
  | { kind: 'folder'; files: ReadonlyMap<string, RepositoryFile> };

/** The files of the repository that a configuration may name. */
export interface RepositoryFiles {
  /**
   * find returns what lies at a path, which counts from the folder of the configuration; undefined where there is nothing.
   * It throws a UserError for what lies outside of the repository, also by a link, and for more than `maxBytes`.
   */
  find(path: string, maxBytes: number): RepositoryEntry | undefined;
}

/** A repository without files. */
export const NO_FILES: RepositoryFiles = { find: () => undefined };
