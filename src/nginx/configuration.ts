import { posix } from 'node:path';
import { type Directive, parseDirectives } from '../model/directives.ts';

/** A configuration as nginx reads it. */
export interface Configuration {
  directives: Directive[];
  /** The first thing that nginx refuses of its form; what follows it is read as well as can be. */
  mistake: string | undefined;
}

/**
 * parseConfiguration reads the file `main`, with the files it includes in the place of each `include`, as nginx does;
 * `files` is what there is, by absolute path. Which directives there may be is not its concern. Pure.
 */
export function parseConfiguration(files: ReadonlyMap<string, string>, main: string): Configuration {
  const mistakes: string[] = [];
  const read = (path: string, within: readonly string[]): Directive[] => {
    const text = files.get(path);
    if (text === undefined || within.includes(path)) {
      mistakes.push(text === undefined ? `${path} is missing` : `${path} includes itself`);
      return [];
    }
    const { directives, mistake } = parseDirectives(text);
    if (mistake !== undefined) mistakes.push(`${mistake} in ${path}`);
    return resolveIncludes(directives, [...within, path]);
  };
  const resolveIncludes = (directives: readonly Directive[], within: readonly string[]): Directive[] =>
    directives.flatMap((directive) => {
      const [name, pattern] = directive.words;
      if (directive.isBlock) return [{ ...directive, body: resolveIncludes(directive.body, within) }];
      if (name !== 'include' || pattern === undefined) return [directive];
      const included = pathsOf(posix.resolve(posix.dirname(main), pattern), files);
      return included.flatMap((path) => read(path, within));
    });
  const directives = read(main, []);
  return { directives, mistake: mistakes[0] };
}

/** A name without wildcards has to be there, and one with them may match nothing. */
function pathsOf(pattern: string, files: ReadonlyMap<string, string>): string[] {
  if (!/[*?]/.test(pattern)) return [pattern];
  const shape = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  return [...files.keys()].filter((path) => new RegExp(`^${shape}$`).test(path)).sort();
}
