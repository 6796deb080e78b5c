import { posix } from 'node:path';
import { UserError } from '../model/errors.ts';

/** A line of a `.dockerignore`. */
interface Rule {
  matches(path: string): boolean;
  /** It begins with `!`: what it matches is part of the context again. */
  isException: boolean;
}

/** What a `.dockerignore` leaves out of a context. */
export interface IgnoreRules {
  /** isIgnored tells whether a path, from the context and with slashes, is no part of it. */
  isIgnored(path: string): boolean;
  /** Something below a folder that is ignored may be part of the context all the same. */
  hasExceptions: boolean;
}

/**
 * parseIgnore reads a `.dockerignore` by the rules that BuildKit has in github.com/moby/patternmatcher: those of Go's
 * filepath.Match with `**`, from the context, the last line that matches wins, and what lies in a folder that matches
 * matches too. It throws a UserError for a pattern that BuildKit would refuse.
 */
export function parseIgnore(text: string): IgnoreRules {
  const rules = text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .flatMap(ruleOf);
  return {
    isIgnored: (path) => {
      const places = placesOf(path);
      let isIgnored = false;
      for (const { matches, isException } of rules) {
        // A line could change nothing any more.
        if (isException === isIgnored && places.some(matches)) isIgnored = !isException;
      }
      return isIgnored;
    },
    hasExceptions: rules.some(({ isException }) => isException),
  };
}

/** A path, and all folders that it lies in. */
function placesOf(path: string): string[] {
  const parts = path.split('/');
  return parts.map((_part, index) => parts.slice(0, index + 1).join('/'));
}

function ruleOf(line: string): Rule[] {
  if (line.startsWith('#')) return [];
  const trimmed = line.trim();
  const isException = trimmed.startsWith('!');
  const said = isException ? trimmed.slice(1).trim() : trimmed;
  if (said === '') {
    if (isException) throw new UserError('a .dockerignore has an exception of nothing: "!"');
    return [];
  }
  const cleaned = posix.normalize(said).replace(/(?<=.)\/$/, '');
  const pattern = cleaned.length > 1 && cleaned.startsWith('/') ? cleaned.slice(1) : cleaned;
  return [{ matches: matcherOf(pattern), isException }];
}

/** matcherOf returns whether a pattern matches a path. `**` at one end or the other is no matter of an expression, and an escape in it means nothing. */
export function matcherOf(pattern: string): Rule['matches'] {
  const { expression, kind } = translated(pattern);
  switch (kind) {
    case 'exact':
      return (path) => path === pattern;
    case 'prefix':
      return (path) => path.startsWith(pattern.slice(0, -2));
    case 'suffix': {
      const suffix = pattern.slice(2);
      return (path) => path.endsWith(suffix) || (suffix.startsWith('/') && path === suffix.slice(1));
    }
    case 'expression':
      try {
        const compiled = new RegExp(`^${expression}$`, 's');
        return (path) => compiled.test(path);
      } catch (cause) {
        throw new UserError(`a .dockerignore has a pattern that is none: ${JSON.stringify(pattern)}`, {
          hint: 'Brackets have to be closed; \\[ is the character itself.',
          cause,
        });
      }
  }
}

/** Characters that mean something in an expression, and nothing in a pattern. */
const PLAIN = /[.+()|{}$^]/;

function translated(pattern: string): {
  expression: string;
  kind: 'exact' | 'prefix' | 'suffix' | 'expression';
} {
  let kind: ReturnType<typeof translated>['kind'] = 'exact';
  let expression = '';
  let isInBrackets = false;
  const characters = [...pattern];
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at]!;
    const isFirst = at === 0;
    if (character === '*' && characters[at + 1] === '*') {
      at += characters[at + 2] === '/' ? 2 : 1;
      const isLast = at === characters.length - 1;
      if (isLast && kind === 'exact') kind = 'prefix';
      else {
        expression += isLast ? '.*' : '(?:.*/)?';
        kind = 'expression';
      }
      if (isFirst) kind = 'suffix';
    } else if (character === '*' || character === '?') {
      expression += character === '*' ? '[^/]*' : '[^/]';
      kind = 'expression';
    } else if (character === '\\') {
      at += 1;
      expression += characters[at] === undefined ? '\\\\' : escaped(characters[at]!);
      kind = 'expression';
    } else if (character === '[' || character === ']') {
      isInBrackets = character === '[';
      expression += character;
      kind = 'expression';
    } else expression += isInBrackets ? character : escaped(character);
  }
  return { expression, kind };
}

function escaped(character: string): string {
  return PLAIN.test(character) || '*?[]\\'.includes(character) ? `\\${character}` : character;
}
