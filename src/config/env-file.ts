import { UserError } from '../model/errors.ts';
import { interpolate, type Lookup, type Variables } from './interpolate.ts';

/** How an env file is read: as Compose reads `.env`, or each line as it stands. */
export type EnvFileFormat = 'dotenv' | 'raw';

/** An assignment in an env file. */
export interface Assignment {
  name: string;
  value: string;
  /** It is made from a secret. */
  isSecret?: true;
}

/** Which names are those of secrets, and what their values are. */
export interface SecretNames {
  is(name: string): boolean;
  valueOf(name: string): string | undefined;
}

const NO_SECRETS: SecretNames = { is: () => false, valueOf: () => undefined };

const NAME = /^(?:export[ \t]+)?(?<name>[^\s=:'"#]+)[ \t]*(?<sign>[=:]?)[ \t]*/;
const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '"': '"',
  '\\': '\\',
  $: '$$',
};

/**
 * parseEnvFile returns what an env file sets, in its order, by the rules of Compose: comments, `export`, text in single
 * quotes as it is, in double quotes with escapes, both over several lines; references are replaced but in single quotes.
 * A name alone has the value of `variables`, and is left out where that is unset. Packages for this form keep no quotes,
 * by which it is decided what is replaced. It throws a UserError with the line, which repeats nothing of a value.
 * https://docs.docker.com/reference/compose-file/services/#env_file-format
 */
export function parseEnvFile(
  text: string,
  file: string,
  variables: Variables,
  format: EnvFileFormat = 'dotenv',
  secrets: SecretNames = NO_SECRETS,
): Assignment[] {
  const plain = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  if (format === 'raw') return parseRaw(plain);
  const assignments: Assignment[] = [];
  let rest = plain;
  const lineNumber = () => plain.slice(0, plain.length - rest.length).split('\n').length;
  const own: Record<string, string> = {};
  const made = new Set<string>();
  let isMade = false;
  const known = asMap((name) => {
    isMade ||= secrets.is(name) || made.has(name);
    return (
      secrets.valueOf(name) ?? (Object.hasOwn(variables, name) ? variables[name] : undefined) ?? own[name]
    );
  });
  const assign = (name: string, value: string): void => {
    if (isMade) made.add(name);
    assignments.push({ name, value, ...(isMade && { isSecret: true }) });
  };
  while (rest !== '') {
    const blank = /^(?:\s+|#[^\n]*)/.exec(rest)?.[0];
    if (blank !== undefined) {
      rest = rest.slice(blank.length);
      continue;
    }
    const line = lineNumber();
    const { groups: { name = '', sign = '' } = {}, 0: head = '' } = NAME.exec(rest) ?? {};
    if (name === '') throw noAssignment(`${file}:${line}`);
    rest = rest.slice(head.length);
    isMade = false;
    if (sign === '') {
      if (!ENDS.test(rest)) throw noAssignment(`${file}:${line}`);
      const value = known[name];
      if (value !== undefined && !Object.hasOwn(own, name)) assign(name, value);
      rest = rest.replace(/^[^\n]*/, '');
      continue;
    }
    const { value, length } = valueAt(rest, `${file}:${line}`, known);
    rest = rest.slice(length);
    own[name] = value;
    assign(name, value);
  }
  return assignments;
}

/** The rest of a line with nothing on it, or a comment. */
const ENDS = /^[ \t]*(?:#[^\n]*)?(?:\n|$)/;

function noAssignment(place: string): UserError {
  return new UserError(`${place}: is no assignment`, { hint: 'Write NAME=value.' });
}

function parseRaw(text: string): Assignment[] {
  return text.split('\n').flatMap((line) => {
    const at = line.indexOf('=');
    if (line.trim() === '' || line.startsWith('#') || at < 1) return [];
    return [{ name: line.slice(0, at).trim(), value: line.slice(at + 1) }];
  });
}

function valueAt(rest: string, place: string, known: Variables): { value: string; length: number } {
  const quote = rest[0];
  if (quote === "'" || quote === '"') {
    const body = (quote === "'" ? /^'((?:[^'\\]|\\[\s\S])*)'/ : /^"((?:[^"\\]|\\[\s\S])*)"/).exec(rest);
    if (body === null) throw new UserError(`${place}: a quote is not closed`, { hint: `Add ${quote}.` });
    const [whole, inner = ''] = body;
    if (!ENDS.test(rest.slice(whole.length))) {
      throw new UserError(`${place}: there is text after the closing quote`, {
        hint: 'Put all of the value into the quotes.',
      });
    }
    const after = /^[^\n]*/.exec(rest.slice(whole.length))?.[0] ?? '';
    const length = whole.length + after.length;
    if (quote === "'") return { value: inner.replaceAll("\\'", "'"), length };
    const unescaped = inner.replace(/\\([\s\S])/g, (both, letter: string) => ESCAPES[letter] ?? both);
    return { value: replaced(unescaped, place, known), length };
  }
  const line = /^[^\n]*/.exec(rest)?.[0] ?? '';
  const value = line.replace(/(?:^|\s)#.*$/, '').trimEnd();
  return { value: replaced(value, place, known), length: line.length };
}

/** An error of interpolation would repeat what follows a `$`, which may be the half of a password. */
function replaced(value: string, place: string, known: Variables): string {
  try {
    return interpolate(value, known);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${place}: a reference after "$" cannot be replaced`, {
      hint: 'Put the value in single quotes where $ is meant as it is, or set the variable in the env of the workflow step.',
    });
  }
}

/** asMap returns a map that asks `lookup` for each of its members. */
function asMap(lookup: Lookup): Variables {
  return new Proxy<Record<string, string | undefined>>(
    {},
    {
      get: (_target, name) => lookup(String(name)),
      getOwnPropertyDescriptor: (_target, name) => ({ value: lookup(String(name)), configurable: true }),
    },
  );
}
