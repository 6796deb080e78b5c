/** A folder that an image is made from, as a template looks at it. Paths are from there, with `/`. */
export interface SourceTree {
  /** All files, without those that the ignore rules leave out. */
  paths: readonly string[];
  /** read returns what is in a file; undefined where there is none. */
  read(path: string): string | undefined;
}

/** A command: words that no shell reads, or a line for one. */
export type CommandLine = readonly string[] | string;

/** What the file says of a template beyond its name. What it leaves out is found by looking. */
export interface TemplateOptions {
  /** Folder of the app, where the tree is that of a workspace with several. */
  app?: string;
  /** Version of the language: `24`, `3.13`. */
  version?: string;
  /** What is run before the image is done: `npm run build`. */
  build?: CommandLine;
  /** What the container runs. */
  start?: CommandLine;
  /** Folder that a build of a site leaves behind. */
  output?: string;
  /** Image that the result stands on, in place of the official one of the language. */
  base?: string;
}

/** A Dockerfile that was made for a folder. */
export interface GeneratedDockerfile {
  dockerfile: string;
  /** What leaves files out where the folder has no `.dockerignore`. */
  ignore: string;
  /** Further files that the Dockerfile copies, by their paths in the context `switchyard-files`. */
  files: Readonly<Record<string, string>>;
  /** What was recognised and by which file, each for people: `pnpm (pnpm-lock.yaml)`. */
  found: readonly string[];
}

/** Makes a Dockerfile for a folder. It throws a UserError that says what it misses. Pure. */
export type Template = (tree: SourceTree, options: TemplateOptions) => GeneratedDockerfile;
