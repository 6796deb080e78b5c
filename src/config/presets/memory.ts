const MIB = 1024 ** 2;

/** share returns a part of a limit in whole MiB, at least `least` of them. Pure. */
export function share(bytes: number, part: number, least: number): number {
  return Math.max(least, Math.floor((bytes * part) / MIB));
}
