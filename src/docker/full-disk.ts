/** isFullDisk tells whether these are the words of a system, or of a program, that has no space left to write to. Pure. */
export function isFullDisk(said: string): boolean {
  return /no space left on device|\bENOSPC\b|disk quota exceeded/i.test(said);
}

/** ROOM_ON_SERVER says how there is room again on a server. */
export const ROOM_ON_SERVER =
  'The disk of that server is full. "docker system df" there shows of what; "docker image prune --all" removes images that no container uses. Then run again.';

/** ROOM_ON_RUNNER says how there is room again where images are built. */
export const ROOM_ON_RUNNER =
  'The disk of the machine that builds is full. "docker builder prune" there frees what earlier builds have left, "docker image prune --all" images that no container uses. Then run again: nothing was deployed.';
