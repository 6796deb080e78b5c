import * as z from 'zod';
import { parseDuration } from '../config/duration.ts';
import { messageOf } from '../model/errors.ts';

/** A text that must be there. */
export const text = z.string().trim().min(1, 'is required');

/** A text as it was given, byte for byte; undefined where there is nothing but blanks. */
export const optionalText = z.string().transform((given) => (given.trim() === '' ? undefined : given));

/** A list, one a line; blank lines are nothing, and no lines are undefined. */
export const lines = z.string().transform((given) => {
  const found = linesOf(given);
  return found.length === 0 ? undefined : found;
});

/** Pairs, one `name=value` a line. */
export const pairs = z.string().transform((given, context): Record<string, string> => {
  const found = linesOf(given).map((line) => ({ line, at: line.indexOf('=') }));
  const wrong = found.find(({ line, at }) => at < 1 || at === line.length - 1);
  if (wrong !== undefined) {
    context.addIssue({ code: 'custom', message: `"${wrong.line}" is not of the form service=image` });
    return z.NEVER;
  }
  return Object.fromEntries(
    found.map(({ line, at }) => [line.slice(0, at).trim(), line.slice(at + 1).trim()]),
  );
});

/** The values of secrets by name, as a JSON object. What was passed is never repeated: it may be a secret. */
export const secretValues = z.string().transform((given, context): Record<string, string> => {
  const parsed = z.record(z.string(), z.string()).safeParse(jsonOf(given.trim() === '' ? '{}' : given));
  if (parsed.success) return parsed.data;
  context.addIssue({
    code: 'custom',
    message: 'is not a JSON object of strings; pass ${{ toJSON(secrets) }}',
  });
  return z.NEVER;
});

/** YAML 1.2's booleans, as the runner's own actions read them. */
export const flag = z.string().transform((given, context) => {
  if (/^(true|True|TRUE)$/.test(given)) return true;
  if (/^(false|False|FALSE)$/.test(given)) return false;
  context.addIssue({ code: 'custom', message: `"${given}" is neither true nor false` });
  return z.NEVER;
});

/** A duration as the file writes them, in milliseconds. */
export const durationMs = z.string().transform((given, context) => {
  try {
    return parseDuration(given.trim());
  } catch (error) {
    context.addIssue({ code: 'custom', message: messageOf(error) });
    return z.NEVER;
  }
});

/** What to do with a hook of which nobody knows how it ended. */
export const hookAnswer = z.string().transform((given, context): 'run' | 'done' | undefined => {
  const answer = given.trim();
  if (answer === '') return undefined;
  if (answer === 'run' || answer === 'done') return answer;
  context.addIssue({ code: 'custom', message: `"${answer}" is neither run nor done` });
  return z.NEVER;
});

function linesOf(given: string): string[] {
  return given
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function jsonOf(given: string): unknown {
  try {
    return JSON.parse(given);
  } catch {
    return undefined;
  }
}
