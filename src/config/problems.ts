import type * as z from 'zod';
import type { UserError } from '../model/errors.ts';
import { didYouMean, listed } from './nearest.ts';
import { REFUSED } from './schema/key.ts';
import { SecretText } from './secret-text.ts';
import type { Path } from './source.ts';

/** One mistake in the file. */
export interface Problem {
  path: Path;
  message: string;
  hint?: string | undefined;
  /** Whether the key itself is the mistake, and not its value. */
  isKey?: boolean;
  /** The key is one of Compose's that is not taken: what else is said is clear without it. */
  isRefused?: boolean;
  /** The mistake itself, where it is one already: a reference that leads to nothing. */
  error?: UserError;
  /** A mistake that is not told, since this one says more of the same. */
  instead?: UserError;
}

type Issue = z.core.$ZodIssue;

/** What the sentences are made with. */
interface Context {
  /** valueAt returns what the file has at a path. */
  valueAt(path: Path): unknown;
  /** exampleAt returns a hint that shows what can stand at a path. */
  exampleAt(path: Path): string | undefined;
}

/**
 * problemsOf turns what zod found into sentences. Of a union only the form that the value was meant to be is reported: a
 * map is never told that it is no text. What has another form altogether is shown one that it can have.
 */
export function problemsOf(issues: readonly Issue[], context: Context): Problem[] {
  return issues.flatMap((issue) => fromIssue(issue, [], context));
}

function fromIssue(issue: Issue, parent: Path, context: Context): Problem[] {
  const { valueAt, exampleAt } = context;
  const path = [...parent, ...issue.path] as Path;
  const value = valueAt(path);
  const problem = (message: string, hint?: unknown): Problem[] => [
    { path, message, ...(typeof hint === 'string' ? { hint } : {}) },
  ];
  const secret = secretIn(issue, parent, valueAt);
  if (secret !== undefined) return [secret];
  if (value === undefined && issue.code !== 'custom' && issue.code !== 'unrecognized_keys') {
    return problem('is required');
  }
  switch (issue.code) {
    case 'unrecognized_keys': {
      const sentences = issue.message.split('\n');
      const isEntry = typeof path.at(-1) === 'number';
      return issue.keys.map((name, index) => ({
        path: [...path, name],
        message: sentences[index] ?? 'unknown key',
        isKey: true,
        ...(sentences[index]?.startsWith(REFUSED)
          ? { isRefused: true }
          : { hint: isEntry ? exampleAt(path) : undefined }),
      }));
    }
    case 'invalid_key': {
      const inner = issue.issues.flatMap((key) => fromIssue(key, path, context));
      return inner.map((found) => ({ ...found, isKey: true }));
    }
    case 'invalid_union': {
      const meant = issue.errors.filter((branch) => !branch.some(isOtherForm));
      const [branch] = meant;
      if (meant.length === 1 && branch) return branch.flatMap((inner) => fromIssue(inner, path, context));
      return value === null
        ? problem('has no value', noValueHint(path, exampleAt))
        : problem(issue.message, exampleAt(path));
    }
    case 'invalid_type':
      return problem(
        wrongType(issue.expected, value),
        value === null
          ? noValueHint(path, exampleAt)
          : (quotesHint(issue.expected, value, path) ?? exampleAt(path)),
      );
    case 'invalid_value': {
      const known = issue.values.map(String);
      const isSaid = issue.message.startsWith('must');
      const what = isSaid ? issue.message : `must be ${listed(known, 'or')}, not ${shown(value)}`;
      return problem(`${what}${didYouMean(String(value), known)}`);
    }
    case 'custom':
      return problem(issue.message, issue.params?.hint);
    default:
      return problem(issue.message);
  }
}

function noValueHint(path: Path, exampleAt: Context['exampleAt']): string {
  const isEntry = typeof path.at(-1) === 'number';
  const where = isEntry ? 'after the dash, or leave the entry out' : 'after the colon, or leave the key out';
  return [`Write one ${where}.`, exampleAt(path) ?? ''].join(' ').trim();
}

/** secretIn is secretAt for an issue, and for all forms of the value that were tried. */
function secretIn(issue: Issue, parent: Path, valueAt: (path: Path) => unknown): Problem | undefined {
  const path = [...parent, ...issue.path] as Path;
  const value = valueAt(path);
  // What we say ourselves of a text that may have a secret in it says more.
  if (issue.code === 'custom' && value instanceof SecretText && value.missing === undefined) return undefined;
  const tried = issue.code === 'invalid_union' ? issue.errors.flat() : [];
  return tried.reduce((found, inner) => found ?? secretIn(inner, path, valueAt), secretAt(path, valueAt));
}

/** secretAt tells of a secret, or of a value that is not known, in a place where it cannot stand. */
function secretAt(path: Path, valueAt: (path: Path) => unknown): Problem | undefined {
  const places = path.map((_step, index) => path.slice(0, index + 1));
  const place = places.find((one) => valueAt(one) instanceof SecretText);
  if (place === undefined) return undefined;
  const { names, missing } = valueAt(place) as SecretText;
  if (missing !== undefined) return { path: place, message: missing.message, error: missing };
  return {
    path: place,
    message: `is made from a secret (${names.join(', ')}), and what stands here is written down: on the record, in plans, on the servers`,
    hint: instead(place, names[0] ?? 'NAME'),
  };
}

/** Keys whose words a program in the container gets. */
const COMMANDS: readonly string[] = ['command', 'entrypoint', 'test', 'pre_deploy', 'post_deploy'];

/** instead says where a secret can go. */
function instead(path: Path, name: string): string {
  if (path.some((step) => COMMANDS.includes(String(step)))) {
    return `Write environment: [${name}], which the program may read by itself; else have a shell in the container put it in: ["sh", "-c", 'exec program --password "$$${name}"'].`;
  }
  if (path.includes('build')) {
    return `Write build: { secrets: [${name}] }, and in the Dockerfile RUN --mount=type=secret,id=${name} ….`;
  }
  if (path[2] === 'servers' && path[4] === 'host') {
    return 'A server is known by its host everywhere. Give it a name, and only that is written down.';
  }
  return `What nobody may read goes into environment, or into a file by secrets. What everybody may belongs in the env of the step under a name that no secret has: \${{ vars.… }}.`;
}

/** shown writes a value in a message: text and numbers as they are, of the rest only what it is. */
function shown(value: unknown): string {
  return typeof value === 'object' && value !== null
    ? (TYPE_WORDS[typeOf(value)] ?? 'that')
    : JSON.stringify(value);
}

/** isOtherForm tells that a form of a union was not meant: the value is of another type altogether. */
function isOtherForm(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === 'invalid_union') return issue.errors.every((branch) => branch.some(isOtherForm));
  return issue.code === 'invalid_type' || issue.code === 'invalid_value';
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

function wrongType(expected: string, value: unknown): string {
  const word = TYPE_WORDS[expected] ?? expected;
  return value === null
    ? `must be ${word}, but has no value`
    : `must be ${word}, not ${TYPE_WORDS[typeOf(value)]}`;
}

/** A number is one of a word's own; of true and false that is so only where there may be any words. */
function quotesHint(expected: string, value: unknown, path: Path): string | undefined {
  const isPlain =
    typeof value === 'number' || (typeof value === 'boolean' && typeof path.at(-1) === 'number');
  return expected === 'string' && isPlain ? `Put it in quotes: "${value}".` : undefined;
}

function typeOf(value: unknown): string {
  return Array.isArray(value) ? 'array' : typeof value;
}

/** pathText writes a path as in messages: `services.api.volumes[0]`. */
export function pathText(path: Path): string {
  return path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`),
    '',
  );
}
