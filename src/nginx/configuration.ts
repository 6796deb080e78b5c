import { posix } from 'node:path';

/** One directive of nginx. */
export interface Directive {
  /** Its name and its arguments, without quotes and escapes. */
  words: string[];
  /** It ends with a block in braces, not with `;`. */
  isBlock: boolean;
  /** What the block holds. */
  body: Directive[];
}

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

/** parseDirectives reads the text of one file; an `include` in it stays what it is. Pure. */
export function parseDirectives(text: string): Configuration {
  const root: Directive[] = [];
  const open = [root];
  const mistakes: string[] = [];
  let words: string[] = [];
  for (const { text: token, kind } of tokensOf(text)) {
    if (kind === 'word') {
      words.push(token);
      continue;
    }
    const isExpected = token === '}' ? words.length === 0 && open.length > 1 : words.length > 0;
    if (kind === 'stray' || !isExpected) mistakes.push(`unexpected ${JSON.stringify(token)}`);
    if (kind === 'stray') continue;
    const directive: Directive = { words, isBlock: token === '{', body: [] };
    if (token !== '}' && words.length > 0) open.at(-1)?.push(directive);
    if (token === '{') open.push(directive.body);
    if (token === '}' && open.length > 1) open.pop();
    words = [];
  }
  if (words.length > 0 || open.length > 1) mistakes.push('unexpected end of file');
  return { directives: root, mistake: mistakes[0] };
}

/** A word, one of the signs `{`, `}` and `;`, or what can be neither. */
interface Token {
  text: string;
  kind: 'word' | 'sign' | 'stray';
}

const COMMENT = /#[^\n]*/;
const DOUBLE_QUOTED = /"((?:\\[\s\S]|[^"\\])*)"/;
const SINGLE_QUOTED = /'((?:\\[\s\S]|[^'\\])*)'/;
const SIGN = /([{};])/;
/** Only its beginning tells a word from a comment, a string or the end of a block; `${` begins no block. */
const WORD = /((?:\\[\s\S]|\$\{?|[^\s{};"'#\\$])(?:\\[\s\S]|\$\{|[^\s{;\\])*)/;
const STRAY = /(["'\\])/;
const TOKEN = new RegExp(
  [COMMENT, DOUBLE_QUOTED, SINGLE_QUOTED, SIGN, WORD, STRAY].map(({ source }) => source).join('|'),
  'g',
);

/** Comments are left out. */
function tokensOf(text: string): Token[] {
  return [...text.matchAll(TOKEN)].flatMap((match): Token[] => {
    const [whole, double, single, sign, word, stray] = match;
    if (sign !== undefined) return [{ text: sign, kind: 'sign' }];
    if (stray !== undefined) return [{ text: stray, kind: 'stray' }];
    if (word !== undefined) return [{ text: withoutEscapes(word), kind: 'word' }];
    const quoted = double ?? single;
    if (quoted === undefined) return [];
    const token: Token = { text: withoutEscapes(quoted), kind: 'word' };
    const next = text.charAt(match.index + whole.length);
    return /^[\s;{)]?$/.test(next) ? [token] : [token, { text: next, kind: 'stray' }];
  });
}

const ESCAPED: Readonly<Record<string, string>> = { t: '\t', r: '\r', n: '\n' };

/** nginx leaves other backslashes, those of regular expressions, as they are. */
function withoutEscapes(word: string): string {
  return word.replaceAll(/\\(["'\\trn])/g, (_escape, sign: string) => ESCAPED[sign] ?? sign);
}
