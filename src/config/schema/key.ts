import * as z from 'zod';
import { UserError } from '../../model/errors.ts';
import { didYouMean } from '../nearest.ts';

/** What the reference page and editors say about a key. */
export interface KeyDoc {
  /** Its meaning, in whole sentences. */
  description: string;
  /** `Compose` when name and meaning are Compose's, else the word is ours. */
  from?: 'Compose';
  /** What holds where the key is missing: a value as written in the file, or words. */
  fallback?: { value: unknown } | { words: string };
  /** Compose's short form, as YAML. */
  short?: string;
  /** Compose's long form, as YAML. */
  long?: string;
  /** An example, as YAML, for keys with one form. */
  example?: string;
}

/** key attaches its documentation to an optional key of a map. */
export function key<S extends z.ZodType>(schema: S, doc: KeyDoc): z.ZodOptional<S> {
  return schema.optional().meta({ ...doc });
}

/** requiredKey attaches its documentation to a key that must be there. */
export function requiredKey<S extends z.ZodType>(schema: S, doc: KeyDoc): S {
  return schema.meta({ ...doc }) as S;
}

/** Why a key is not taken, or what to write instead; where the value tells more, `instead` says it for that one. */
export type Refusal = string | { why: string; instead: (value: unknown) => string | undefined };

/** How the sentence about a refused key begins. */
export const REFUSED = 'not supported: ';

/** Refusals of keys that Compose or an older file has and we do not. */
export type Refusals = Readonly<Record<string, Refusal>>;

/** reasonOf returns the sentence of a refusal that holds whatever the value is. */
export function reasonOf(refusal: Refusal): string {
  return typeof refusal === 'string' ? refusal : refusal.why;
}

/**
 * closed is a map with these keys only. Its error has one line for each unknown key, in their order; see
 * problemsOf, which takes them apart again.
 */
export function closed<Shape extends z.core.$ZodLooseShape>(shape: Shape, refusals: Refusals = {}) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys
            .map((name) => refuse(name, (issue.input as PlainMap)[name], Object.keys(shape), refusals))
            .join('\n')
        : undefined,
  });
}

type PlainMap = Readonly<Record<string, unknown>>;

function refuse(name: string, value: unknown, known: readonly string[], refusals: Refusals): string {
  const refusal = Object.hasOwn(refusals, name) ? refusals[name] : undefined;
  if (refusal === undefined) return `unknown key${didYouMean(name, known)}`;
  const instead = typeof refusal === 'string' ? undefined : refusal.instead(value);
  return `${REFUSED}${instead ?? reasonOf(refusal)}`;
}

/** parsed makes a schema of a parser: the UserError it throws becomes an issue at the value's place. */
export function parsed<S extends z.ZodType, T>(schema: S, parse: (value: z.output<S>) => T) {
  return schema.transform((value, context): T => {
    try {
      return parse(value);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      context.addIssue({ code: 'custom', message: error.message, params: { hint: error.hint } });
      return z.NEVER;
    }
  });
}
