import type { Instruction, PropertyInstruction } from 'dockerfile-ast';
import { writtenArguments } from '../variables.ts';
import type { Finding, Rule } from './finding.ts';
import { lineOf } from './stages.ts';

/** secretNames looks for secrets that would stand in the image, or in its history, for anybody who has it. */
export const secretNames: Rule = ({ initial, stages }) => [
  ...initial.flatMap(inArg),
  ...stages.flatMap(({ instructions }) =>
    instructions.flatMap((instruction) => {
      if (instruction.getKeyword() === 'ARG') return inArg(instruction);
      return instruction.getKeyword() === 'ENV' ? inEnv(instruction as PropertyInstruction) : [];
    }),
  ),
];

function inArg(instruction: Instruction): Finding[] {
  const line = lineOf(instruction);
  return writtenArguments(instruction).flatMap(({ name, value }) => {
    // Nothing is written here, and a build gives it: that is how secrets get in by an argument.
    const isGiven = value === undefined || value === '';
    const isSecret = isSecretName(name) && (isGiven || isSecretValue(value));
    return isSecret || hasPassword(value ?? '') ? [finding(name, line, HINTS.arg(name))] : [];
  });
}

function inEnv(instruction: PropertyInstruction): Finding[] {
  return instruction.getProperties().flatMap((property) => {
    const [name, value] = [property.getName(), property.getValue() ?? ''];
    const isSecret = (isSecretName(name) && isSecretValue(value)) || hasPassword(value);
    return isSecret ? [finding(name, property.getRange().start.line + 1, HINTS.env)] : [];
  });
}

const HINTS = {
  arg: (name: string) =>
    `Name it under build.secrets, and read it where it is needed: RUN --mount=type=secret,id=${name} …`,
  env: 'Leave it out: a service gets its secrets when it starts, by secrets in switchyard.yml.',
};

const finding = (name: string, line: number, hint: string): Finding => ({
  rule: 'secret',
  line,
  message: `${name} can be read by anybody who has the image`,
  hint,
});

/** What a name ends with where its value is a secret. */
const SECRET_ENDS = [
  'TOKEN',
  'PASSWORD',
  'PASSWD',
  'PASSPHRASE',
  'PASS',
  'PWD',
  'SECRET',
  'SECRETS',
  'CREDENTIALS',
  'KEY',
  'APIKEY',
];

/** Words by which a name that ends like a secret's is none. */
const OPEN_WORDS = [
  'PUBLIC',
  'PUB',
  'PUBLISHABLE',
  'ANON',
  'SITE',
  'GPG',
  'CACHE',
  'PRIMARY',
  'FOREIGN',
  'SORT',
  'PARTITION',
  'HOST',
  'OLD',
];

/** What bundlers put into pages, and so into the hands of everybody. */
const PAGE_VARIABLE = /^(?:NEXT_PUBLIC|NUXT_PUBLIC|EXPO_PUBLIC|VITE|REACT_APP|GATSBY|PUBLIC)_/;

/** isSecretName tells whether a variable of this name holds a secret: `NPM_TOKEN`, not `PUBLIC_KEY` or `TOKEN_URL`. */
export function isSecretName(name: string): boolean {
  if (PAGE_VARIABLE.test(name)) return false;
  const words = name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1_$2')
    .toUpperCase()
    .split(/[_.-]+/)
    .filter((word) => word !== '');
  if (words.join('_') === 'SECRET_KEY_BASE') return true;
  // Of one word it is a path, the folder of a shell or the name of a field as often.
  if (words.length === 1 && ['KEY', 'PWD', 'PASS'].includes(words[0]!)) return false;
  return SECRET_ENDS.includes(words.at(-1) ?? '') && !words.some((word) => OPEN_WORDS.includes(word));
}

/** A switch, a number and a path are no secrets; a variable may be one. */
function isSecretValue(value: string): boolean {
  return !/^(?:|true|false|yes|no|on|off|none|null|\d{1,4}|\.{0,2}\/.*)$/is.test(value.trim());
}

/** An address with a password in it. */
function hasPassword(value: string): boolean {
  return /:\/\/[^/\s:@$]*:[^/\s@$]+@/.test(value);
}
