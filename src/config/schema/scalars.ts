import * as z from 'zod';
import { UserError } from '../../model/errors.ts';
import { parseBytes } from '../bytes.ts';
import { parseDuration } from '../duration.ts';
import { SecretText } from '../secret-text.ts';
import { parsed } from './key.ts';

/*
 * `takes` is the word of the reference page for what a key takes, where the types alone do not say it: most
 * numbers may be text as well.
 */

/** Text without NUL, which no environment variable, path or argument can hold. */
export const text = parsed(z.string(), (value) => {
  if (value.includes('\0')) throw new UserError('a NUL character is not possible here');
  return value;
});

/** A text that is made from secrets; in the file it is a text like any other. */
export const secretText = z.instanceof(SecretText);
secretText._zod.toJSONSchema = () => ({ type: 'string' });

/** Text that says something. */
export const filledText = parsed(z.string(), (value) => {
  if (value.trim() === '') throw new UserError('is empty');
  if (value.includes('\0')) throw new UserError('a NUL character is not possible here');
  return value;
});

const numberOrText = (what: string) => z.union([z.number(), z.string()], { error: `must be ${what}` });

/** decimal is a number, also one in quotes or from a variable, as Compose takes it. */
export function decimal(what: string, isValid: (value: number) => boolean) {
  return parsed(numberOrText(what), (value) => {
    const number =
      typeof value === 'number' ? value : /^-?(\d+\.?\d*|\.\d+)$/.test(value) ? Number(value) : Number.NaN;
    if (!Number.isFinite(number) || !isValid(number)) {
      throw new UserError(`must be ${what}, not ${JSON.stringify(value)}`);
    }
    return number;
  }).meta({ takes: 'number' });
}

/** wholeNumber is an integer between two bounds, both included; also in quotes or from a variable. */
export function wholeNumber(what: string, min: number, max = Number.MAX_SAFE_INTEGER) {
  return decimal(what, (value) => Number.isSafeInteger(value) && value >= min && value <= max);
}

/** A TCP port. */
export const port = wholeNumber('a port from 1 to 65535', 1, 65_535);

/** Compose's words for true and false. */
const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ...['true', 'yes', 'on', 'y'].map((word) => [word, true] as const),
  ...['false', 'no', 'off', 'n'].map((word) => [word, false] as const),
]);

/** true or false, also in quotes or from a variable, and in Compose's other words for them. */
export const flag = parsed(
  z.union([z.boolean(), z.string()], { error: 'must be true or false' }),
  (value): boolean => {
    const known = FLAGS.get(String(value).toLowerCase());
    if (known === undefined) throw new UserError('must be true or false');
    return known;
  },
).meta({ takes: 'true or false' });

const durationForm = z.union([z.string(), z.number()], { error: 'must be a duration such as 10s' });

/** A duration in milliseconds; 0 is possible. */
export const duration = parsed(durationForm, parseDuration).meta({ takes: 'duration' });

/** A duration in milliseconds that is not 0. */
export const positiveDuration = parsed(durationForm, (value) => {
  const milliseconds = parseDuration(value);
  if (milliseconds < 1) throw new UserError('must be at least 1ms');
  return milliseconds;
}).meta({ takes: 'duration' });

/** A size in bytes. */
export const bytes = parsed(
  z.union([z.string(), z.number()], { error: 'must be a size such as 256m' }),
  parseBytes,
).meta({ takes: 'size' });

/** oneOrMany is a value or a list of such; the result is always a list. */
export function oneOrMany<S extends z.ZodType>(schema: S, what: string) {
  return z
    .union([schema, z.array(schema)], { error: `must be ${what} or a list of such` })
    .transform((value) => (Array.isArray(value) ? value : [value]) as z.output<S>[]);
}
