/** What a process ends with that was ended by SIGKILL or SIGTERM, as a rule: 128 and the number of the signal. */
const KILLED = [137, 143];

/** isCutOff tells whether the command of a hook was ended by somebody else: then nobody knows how far it came. */
export function isCutOff(exitCode: number): boolean {
  return KILLED.includes(exitCode);
}
