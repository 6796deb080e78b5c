import type { TemplateOptions } from '../../model/build.ts';

export type { CommandLine, TemplateOptions } from '../../model/build.ts';

/** A folder that an image is made from, as a template looks at it. Paths are from there, with `/`. */
export interface SourceTree {
  /** All files, without those that the ignore rules leave out. */
  paths: readonly string[];
  /** read returns what is in a file; undefined where there is none. */
  read(path: string): string | undefined;
}

/** A Dockerfile that was made for a folder. It needs nothing but the folder: older builders know no further contexts. */
export interface GeneratedDockerfile {
  dockerfile: string;
  /** What leaves files out where the folder has no `.dockerignore`. */
  ignore: string;
  /** The argument that takes the image before this one, where something of it is kept. It is no part of what an image follows from. */
  before?: string;
  /** What was recognised and by which file, each for people: `pnpm (pnpm-lock.yaml)`. */
  found: readonly string[];
}

/** Makes a Dockerfile for a folder. It throws a UserError that says what it misses. Pure. */
export type Template = (tree: SourceTree, options: TemplateOptions) => GeneratedDockerfile;
