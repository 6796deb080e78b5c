import { split } from 'shlex';
import { UserError } from '../model/errors.ts';

/**
 * splitWords splits a command line into words as Compose does: quotes and backslashes as in a shell, and
 * nothing else of a shell. Compose silently drops everything from an unquoted `;`, `|`, `&`, `<` or `>` on;
 * here these, and parentheses and backticks, are errors.
 */
export function splitWords(line: string): string[] {
  const unquoted = line.replace(/\\.|'[^']*'|"(?:\\.|[^"\\])*"/gs, '');
  const operator = /[;&|<>()`]/.exec(unquoted)?.[0];
  if (operator !== undefined) {
    throw new UserError(`unquoted ${JSON.stringify(operator)} in a command: no shell runs it`, {
      hint: 'Quote it, or ask for a shell: ["sh", "-c", "…"].',
    });
  }
  try {
    return split(line);
  } catch {
    throw new UserError('a quote or a backslash at the end of the command is not closed', {
      hint: 'Close it, or write the command as a list: ["program", "argument"].',
    });
  }
}
