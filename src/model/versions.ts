/**
 * isAtLeast tells whether a version, numbers with dots between them such as `1.30.6`, is `[major, minor]` or newer.
 * What is no version is older than all.
 */
export function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
