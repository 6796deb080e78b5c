import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * cacheFolder returns a folder of the user that a run is of, in which things may be kept until a later one, or until somebody
 * removes them: `~/.cache/switchyard/<part>`.
 * https://specifications.freedesktop.org/basedir-spec/latest/
 */
export function cacheFolder(env: NodeJS.ProcessEnv, part: string): string {
  return join(env.XDG_CACHE_HOME || join(env.HOME ?? homedir(), '.cache'), 'switchyard', part);
}
