/** What a remote said about one ref of a push. */
export interface RefReport {
  ref: string;
  isAccepted: boolean;
  /** For example `[rejected] (stale info)`. */
  summary: string;
}

/** parsePushReport reads the output of `git push --porcelain`: flag, `from:to`, summary, separated by tabs. */
export function parsePushReport(output: string): RefReport[] {
  return output.split('\n').flatMap((line) => {
    const [flag, refs, ...summary] = line.split('\t');
    if (flag === undefined || refs === undefined || summary.length === 0) return [];
    return [{ ref: refs.slice(refs.indexOf(':') + 1), isAccepted: flag !== '!', summary: summary.join(' ') }];
  });
}

/**
 * isRace tells whether a push failed because somebody else moved a ref, seen before sending
 * (`stale info`) or by the remote, which says it in many words when two pushes meet at its lock.
 */
export function isRace(reports: readonly RefReport[], stderr: string): boolean {
  // A branch `a` keeps `a/b` from being created: waiting does not help.
  if (/exists; cannot create/.test(stderr)) return false;
  const rejected = reports.filter((report) => !report.isAccepted).map((report) => report.summary);
  return rejected.some((summary) => RACE.test(summary)) || (rejected.length > 0 && RACE.test(stderr));
}

const RACE =
  /stale info|fetch first|non-fast-forward|cannot lock ref|failed to lock|failed to update ref|incorrect old value|reference already exists|Unable to create '[^']*\.lock'/;
