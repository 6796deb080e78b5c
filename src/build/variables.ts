import type { Instruction } from 'dockerfile-ast';

/** Values of variables of a Dockerfile, by name. */
export type Variables = ReadonlyMap<string, string>;

/** Dockerfile's own forms: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:+other}`. */
const REFERENCE = /\$(?:\{(\w+)(?::([-+])([^}]*))?\}|(\w+))/g;

/** withVariables returns a text with variables put in; one that is not known is empty, as it is to BuildKit. */
export function withVariables(text: string, values: Variables): string {
  return text.replace(REFERENCE, (_all, braced?: string, sign?: string, word = '', bare?: string) => {
    const value = values.get(braced ?? bare ?? '') ?? '';
    if (sign === '-') return value || word;
    if (sign === '+') return value && word;
    return value;
  });
}

/** areKnown tells whether the Dockerfile and its arguments say all that a text refers to. */
export function areKnown(text: string, values: Variables): boolean {
  return [...text.matchAll(REFERENCE)].every(
    ([, braced, sign, , bare]) => sign !== undefined || values.has(braced ?? bare ?? ''),
  );
}

/** One `NAME` or `NAME=value` of an ARG; the value is as it is written, without quotes around it. */
export interface WrittenArgument {
  name: string;
  value: string | undefined;
}

/** writtenArguments returns what an ARG declares. */
export function writtenArguments(instruction: Instruction): WrittenArgument[] {
  return instruction.getArguments().map((argument) => {
    const [, name = '', value] = /^([^=]+)(?:=(.*))?$/s.exec(argument.getValue()) ?? [];
    return { name, value: value === undefined ? undefined : unquoted(value) };
  });
}

/** globalVariables returns what is known before the first FROM, and all that a FROM can use. */
export function globalVariables(
  instructions: readonly Instruction[],
  args: Readonly<Record<string, string>>,
): Map<string, string> {
  const known = new Map<string, string>();
  for (const instruction of instructions) {
    for (const { name, value } of writtenArguments(instruction)) {
      const given = Object.hasOwn(args, name) ? args[name] : undefined;
      const found = given ?? (value === undefined ? undefined : withVariables(value, known));
      if (found !== undefined) known.set(name, found);
    }
  }
  return known;
}

function unquoted(text: string): string {
  return /^(["']).*\1$/s.test(text) ? text.slice(1, -1) : text;
}
