import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { UserError } from '../model/errors.ts';
import { type IgnoreRules, parseIgnore } from './ignore.ts';

/** Where the ignore rules of a folder stand. */
export const IGNORE_FILE = '.dockerignore';

/** Nothing is left out. */
export const NOTHING: IgnoreRules = { isIgnored: () => false, hasExceptions: false };

/**
 * readIgnoreRules returns what a context is without: by the rules of its Dockerfile where that has some, else by its own. It
 * throws a UserError, with the service, for rules that are none, and what `check` throws for their file.
 */
export async function readIgnoreRules(
  service: string,
  context: string,
  dockerfile: string | undefined,
  check: (path: string) => void = () => undefined,
): Promise<IgnoreRules> {
  const own = dockerfile && `${dockerfile}.dockerignore`;
  const path = own !== undefined && existsSync(own) ? own : join(context, IGNORE_FILE);
  if (!existsSync(path)) return NOTHING;
  check(path);
  try {
    return parseIgnore(await readFile(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { hint } = error;
    throw new UserError(`${service}: ${basename(path)}: ${error.message}`, {
      ...(hint && { hint }),
      cause: error,
    });
  }
}
