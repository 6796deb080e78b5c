import { UserError } from '../model/errors.ts';

/** The run's environment; an undefined or missing value is unset. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** Lookup returns the value of a name, undefined for one that is not set. */
export type Lookup = (name: string) => string | undefined;

const NAME = /[_a-zA-Z][_a-zA-Z0-9]*/y;

/**
 * InterpolationError is a mistake in a reference; `reference` is the text from its `$` on, so that its
 * place in the file can be found.
 */
export class InterpolationError extends UserError {
  readonly reference: string;
  /** The reference is right, and what it leads to is not set, or empty: others may know a value for it. */
  readonly isMissing: boolean;

  constructor(reference: string, message: string, hint: string, isMissing = false) {
    super(message, { hint });
    this.name = 'InterpolationError';
    this.reference = reference;
    this.isMissing = isMissing;
  }
}

/**
 * interpolate replaces the references in `text` as Compose does: `$NAME`, `${NAME}`, `${NAME:-default}`,
 * `${NAME-default}`, `${NAME:?error}`, `${NAME?error}`, `${NAME:+replacement}`, `${NAME+replacement}`,
 * nested in defaults and replacements; `$$` is a dollar sign. With a colon an empty value counts as unset.
 * Unlike Compose, which puts in nothing and warns, it throws for an unset variable without a default: a
 * value that is silently blank in production is worse than a run that stops.
 * https://docs.docker.com/reference/compose-file/interpolation/
 */
export function interpolate(text: string, variables: Variables): string {
  return interpolateWith(text, lookupIn(variables));
}

/** interpolateWith is interpolate, with values from anywhere. */
export function interpolateWith(text: string, variables: Lookup): string {
  let result = '';
  let offset = 0;
  for (;;) {
    const dollar = text.indexOf('$', offset);
    if (dollar === -1) return result + text.slice(offset);
    result += text.slice(offset, dollar);
    const { value, end } = reference(text, dollar, variables);
    result += value;
    offset = end;
  }
}

/** lookupIn returns the lookup in a map of variables. */
export function lookupIn(variables: Variables): Lookup {
  return (name) => (Object.hasOwn(variables, name) ? variables[name] : undefined);
}

/** reference evaluates the reference that begins at `dollar`, and says where it ends. */
function reference(text: string, dollar: number, variables: Lookup): { value: string; end: number } {
  const next = text[dollar + 1];
  if (next === '$') return { value: '$', end: dollar + 2 };
  if (next === '{') {
    const end = closingBrace(text, dollar);
    return { value: braced(text.slice(dollar, end + 1), variables), end: end + 1 };
  }
  const name = nameAt(text, dollar + 1);
  if (name === '') throw invalid(text.slice(dollar, dollar + 2));
  return { value: required(`$${name}`, name, variables), end: dollar + 1 + name.length };
}

/** braced evaluates `${…}`. */
function braced(whole: string, variables: Lookup): string {
  const name = nameAt(whole, 2);
  const [, operator, word] = /^(:?[-?+])([\s\S]*)$/.exec(whole.slice(2 + name.length, -1)) ?? [];
  if (name === '' || (operator === undefined && whole.length !== name.length + 3)) throw invalid(whole);
  if (operator === undefined || word === undefined) return required(whole, name, variables);
  const value = variables(name);
  const isSet = value !== undefined && !(operator.startsWith(':') && value === '');
  if (operator.endsWith('+')) return isSet ? interpolateWith(word, variables) : '';
  if (isSet) return value;
  if (operator.endsWith('-')) return interpolateWith(word, variables);
  const reason = interpolateWith(word, variables);
  throw new InterpolationError(
    whole,
    `variable ${name} is ${value === undefined ? 'not set' : 'empty'}${reason === '' ? '' : `: ${reason}`}`,
    `Set ${name} in the env of the workflow step, or pass it with the input secrets.`,
    true,
  );
}

function required(whole: string, name: string, variables: Lookup): string {
  const value = variables(name);
  if (value !== undefined) return value;
  throw new InterpolationError(
    whole,
    `variable ${name} is not set`,
    `Set ${name} in the env of the workflow step, or pass it with the input secrets; give a default (\${${name}:-…}), or write $$ for a dollar sign.`,
    true,
  );
}

function nameAt(text: string, offset: number): string {
  NAME.lastIndex = offset;
  return NAME.exec(text)?.[0] ?? '';
}

/** closingBrace finds the `}` of the `${` at `dollar`; only `${` opens another level, as in Compose. */
function closingBrace(text: string, dollar: number): number {
  let depth = 0;
  for (let at = dollar; at < text.length; at++) {
    if (text.startsWith('${', at)) {
      depth++;
      at++;
    } else if (text[at] === '}' && --depth === 0) return at;
  }
  throw invalid(text.slice(dollar));
}

function invalid(whole: string): InterpolationError {
  const isGitHub = whole.startsWith('${{');
  return new InterpolationError(
    whole,
    `invalid reference ${JSON.stringify(whole.split('\n')[0]?.slice(0, 60))}`,
    isGitHub
      ? 'GitHub expressions are not evaluated in this file: set a variable in the env of the workflow step, and write ${NAME} here.'
      : 'Write $NAME or ${NAME}, with a default ${NAME:-…}; a dollar sign itself is $$.',
  );
}
