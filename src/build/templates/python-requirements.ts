import { posix } from 'node:path';
import { UserError } from '../../model/errors.ts';
import type { SourceTree } from './template.ts';

/** The requirements files of an app. */
export interface Requirements {
  /** Those that are installed; the others are named by one of them. */
  roots: readonly string[];
  /** All that are read, also constraints. */
  files: readonly string[];
  /** What they ask for, a line each. */
  lines: readonly string[];
}

/** Files with what an app needs when it runs, by their usual names. */
const PLACES = /^(?:requirements(?:[-_.][\w-]+)?|[\w-]+[-_.]requirements|requirements\/[\w.-]+)\.txt$/;

/** Words in names of files with what only those need who work on the app. */
const DEVELOPMENT =
  /(?:^|[-_./])(?:dev|devel|develop|development|test|tests|testing|lint|linting|docs?|ci|local|typing|types|mypy|style|format|build|tools|debug|staging|constraints?)(?=[-_.]|$)/;

/** A file of the release by its name: those beside it are for others, unless it names them. */
const PRODUCTION = /(?:^|[-_./])(?:prod|production)(?=[-_.])/;

/** findRequirements returns the requirements files that a release of an app needs; undefined where there are none. */
export function findRequirements(tree: SourceTree): Requirements | undefined {
  const candidates = tree.paths.filter((path) => PLACES.test(path) && !DEVELOPMENT.test(path));
  const production = candidates.filter((path) => PRODUCTION.test(path));
  const chosen = production.length === 0 ? candidates : production;
  if (chosen.length === 0) return undefined;
  const read = new Map<string, ReadFile>();
  for (const path of chosen) readAll(tree, path, read);
  const named = new Set([...read.values()].flatMap(({ includes }) => includes));
  return {
    roots: chosen.filter((path) => !named.has(path)),
    files: [...read.keys()].sort(),
    lines: [...read.values()].flatMap(({ lines }) => lines),
  };
}

interface ReadFile {
  lines: string[];
  includes: string[];
}

function readAll(tree: SourceTree, path: string, read: Map<string, ReadFile>): void {
  const text = tree.read(path);
  if (read.has(path) || text === undefined) return;
  const file: ReadFile = { lines: [], includes: [] };
  read.set(path, file);
  for (const line of linesOf(text)) {
    const include = /^(?:-r|-c|--requirement|--constraint)[\s=]*(\S+)/.exec(line)?.[1];
    if (include !== undefined) {
      const place = posix.join(posix.dirname(path), include);
      file.includes.push(place);
      readAll(tree, place, read);
    } else if (isLocal(line)) {
      throw new UserError(`${path} installs a folder of the repository: ${line}`, {
        hint: 'Then dependencies could not be installed before the source. Name what it needs in its place, or write a Dockerfile.',
      });
    } else if (!line.startsWith('-')) file.lines.push(line);
    // An address in place of a name.
    else if (/^(?:-e|--editable)/.test(line)) file.lines.push(line.replace(/^\S+?[\s=]+/, ''));
  }
}

/** Lines without comments, those that go on put together. */
function linesOf(text: string): string[] {
  return text
    .replaceAll(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .map((line) => line.replace(/(?:^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');
}

function isLocal(line: string): boolean {
  return /^(?:(?:-e|--editable)[\s=]+(?!\w+\+|\w+:\/\/)|\.{1,2}(?:\/|\[|$)|file:)/.test(line);
}
