import { UserError, UserErrors } from '../model/errors.ts';
import { caution, escapeMarkdown, page } from './markdown.ts';

/** textOf returns an error for people, with its place and what to do next; our own with its stack. */
export function textOf(error: unknown): string {
  if (error instanceof UserErrors) return error.errors.map(textOf).join('\n');
  if (!(error instanceof UserError))
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  const place = error.location
    ? `${error.location.file}:${error.location.line}:${error.location.column}: `
    : '';
  return `${place}${error.message}${error.hint ? `\n→ ${error.hint}` : ''}`;
}

/** renderFailure returns what is shown of a run that failed before it had anything else to show. Pure. */
export function renderFailure(what: string, error: unknown): string {
  return page(`## ❌ ${escapeMarkdown(what)} failed`, caution(textOf(error)));
}
