import { posix } from 'node:path';

/** isAbsolutePath tells whether `path` begins with `/` and holds no colon or control character. */
export function isAbsolutePath(path: string): boolean {
  return path.startsWith('/') && !/[:\p{Cc}]/u.test(path);
}

/**
 * cleanPath returns a path as an engine tells it: without `.`, `..`, and slashes that say nothing. What has no slash is the
 * name of a volume, and stays.
 */
export function cleanPath(path: string): string {
  return path.includes('/') ? posix.normalize(path).replace(/(?<=.)\/$/, '') : path;
}
