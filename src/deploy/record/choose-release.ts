import { UserError } from '../../model/errors.ts';
import type { RecordedService, Release } from '../../model/release.ts';

/** What a rollback shall go to: the release before, a release by its number, or the newest one of a version. */
export type RollbackTarget = 'previous' | number | { version: string };

/** parseTarget reads the input `to`: `previous`, digits for the number of a release, anything else for a version. */
export function parseTarget(text: string): RollbackTarget {
  if (text === 'previous') return 'previous';
  return /^\d+$/.test(text) ? Number(text) : { version: text };
}

/** What is known of a service's past. */
export interface Past {
  recorded: RecordedService;
  /** The releases that are kept, the lowest number first. */
  releases: readonly Release[];
}

/**
 * failedSince returns the release that was tried last where it failed and an older one serves: then nothing needs to be
 * brought back. Undefined where the release that serves is the last one that was tried. Pure.
 */
export function failedSince({
  history = [],
  release,
}: Pick<RecordedService, 'history' | 'release'>): number | undefined {
  const [last] = history;
  return last?.outcome === 'failed' && last.release > release ? last.release : undefined;
}

/** chooseRelease returns the release that a rollback of a service goes to: after a failed deploy `previous` is what serves. Pure. It throws a UserError when there is none. */
export function chooseRelease(service: string, target: RollbackTarget, past: Past): Release {
  const hint = `"to: list" shows the releases of ${service} that are kept. Deploy the commit of any other one.`;
  if (typeof target === 'object') return chooseVersion(service, target.version, past, hint);
  const number = target === 'previous' ? previousOf(past) : target;
  if (number === undefined) {
    throw new UserError(`${service} has no earlier release that was deployed`, { hint });
  }
  const release = past.releases.find((one) => one.number === number);
  if (release === undefined)
    throw new UserError(`${service} has no release ${number}, or no longer`, { hint });
  if (!hasServed(past.recorded, number)) {
    throw new UserError(`release ${number} of ${service} never had the traffic: its deploy failed`, { hint });
  }
  return release;
}

function chooseVersion(service: string, version: string, past: Past, hint: string): Release {
  const release = past.releases.findLast(
    (one) => isVersion(one, version) && hasServed(past.recorded, one.number),
  );
  if (release !== undefined) return release;
  throw new UserError(`${service} has no deployed release of version "${version}", or no longer`, { hint });
}

/**
 * previousNumber returns the release that `previous` stands for: the newest one that was deployed before `base`, the
 * one whose content runs. So going back twice goes back two steps, and not to where it came from. Pure.
 */
export function previousNumber(
  { history = [], previous }: Pick<RecordedService, 'history' | 'previous'>,
  base: number,
): number | undefined {
  const deployed = history.filter(({ outcome }) => outcome === 'deployed').map((entry) => entry.release);
  // What was recorded before there was a history names only the one before.
  const earlier = [...deployed, previous].filter((number) => number > 0 && number < base);
  return earlier.length === 0 ? undefined : Math.max(...earlier);
}

/** What serves, after a failure; else what served before it. */
function previousOf(past: Past): number | undefined {
  const { recorded } = past;
  if (failedSince(recorded) !== undefined) return recorded.release;
  return previousNumber(recorded, contentNumber(past));
}

function contentNumber({ recorded, releases }: Past): number {
  return releases.find(({ number }) => number === recorded.release)?.restores ?? recorded.release;
}

/** The history is short: of what is older than all of it, nothing bad is known. */
function hasServed({ history = [], release, previous }: RecordedService, number: number): boolean {
  if (number === release || number === previous) return true;
  const entries = history.filter((entry) => entry.release === number);
  if (entries.length > 0) return entries.some(({ outcome }) => outcome === 'deployed');
  return history.every((entry) => entry.release > number);
}

/** A version is the tag of an image, its name with the tag, or its name with the digest. */
function isVersion({ container: { image }, image_digest }: Release, version: string): boolean {
  const [name = '', digest] = image.split('@');
  const tag = /:([^/:]+)$/.exec(name)?.[1];
  return [tag, name, image, digest, image_digest].includes(version);
}
