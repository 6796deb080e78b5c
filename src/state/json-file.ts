import * as z from 'zod';
import { messageOf, UserError } from '../model/errors.ts';

/** Where a JSON file stands, for error messages. */
export interface FilePlace {
  /** Branch or ref. */
  ref: string;
  path: string;
}

/** formatJson returns `value` as a file for people: sorted keys, two spaces, one fact a line, a line end. */
export function formatJson(value: unknown): string {
  const sorted = (_key: string, member: unknown): unknown =>
    member !== null && typeof member === 'object' && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member;
  return `${JSON.stringify(value, sorted, 2)}\n`;
}

const Versioned = z.looseObject({ schema: z.int().positive() });

/**
 * parseJson reads `text` as JSON that fits `schema`, whose own version is `version`. It throws a UserError
 * that names branch and file when it is no JSON, does not fit, or was written by a newer Switchyard.
 */
export function parseJson<T>(text: string, place: FilePlace, schema: z.ZodType<T>, version: number): T {
  const where = `${place.path} on ${place.ref}`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${where} is not valid JSON: ${messageOf(error)}`, {
      hint: mend(place),
      cause: error,
    });
  }
  const found = Versioned.safeParse(value);
  if (found.success && found.data.schema > version) {
    throw new UserError(
      `${where} has schema ${found.data.schema}, and this Switchyard knows schemas up to ${version}`,
      { hint: 'A newer Switchyard wrote it: update Switchyard in this workflow or on this machine.' },
    );
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(
    (issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`,
  );
  throw new UserError(`${where} is not what Switchyard writes: ${issues.slice(0, 3).join('; ')}`, {
    hint: mend(place),
  });
}

function mend({ ref, path }: FilePlace): string {
  return `See what changed it with \`git log -p origin/${ref} -- ${path}\` and revert that commit.`;
}
