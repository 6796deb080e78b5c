import { containerName, type Scope } from './names.ts';
import { transferredDigest } from './transferred-image.ts';

/** `_v` before the version, and `_20261126t1710` behind it, where one is needed. */
const PREFIX = '_v';
const TIME_LENGTH = '_20261126t1710'.length;
/** A DNS label (RFC 1035 §2.3.4); other programs of the network find the container by its name too. */
const NAME_MAX = 63;
/** So much of a version is left at least: a date, or the beginning of a commit's hash. */
const VERSION_MIN = 8;
/** Characters of a digest that stand for it, as `docker images` shows it. */
const DIGEST_LENGTH = 12;

/** With versions in names, project, environment and service have so many characters together at most. */
export const VERSIONED_NAMES_TOTAL_MAX = NAME_MAX - '__'.length - PREFIX.length - TIME_LENGTH - VERSION_MIN;

/**
 * versionOf returns the version that a name can carry: the image's tag in lower case, without a `v` before a
 * digit, and with `_` for whatever is neither letter nor digit: `15_2` for `api:v15.2`. An image without a tag is
 * `latest`, or the first 12 characters of its digest.
 */
export function versionOf(image: string): string {
  const [name = '', digest] = (transferredDigest(image) ?? image).split('@');
  const tag = /:([^/:]+)$/.exec(name)?.[1];
  if (tag === undefined) return digest?.replace(/^sha256:/, '').slice(0, DIGEST_LENGTH) ?? 'latest';
  return tag
    .toLowerCase()
    .replace(/^v(?=\d)/, '')
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_|_$/g, '');
}

/**
 * versionedName returns the container name `{project}_{env}_{service}_v{version}`, the version cut to what fits. A
 * name that another container has gets the time, in UTC, to the minute: `…_v15_2_20261126t1710`.
 */
export function versionedName(
  scope: Scope,
  service: string,
  image: string,
  taken: ReadonlySet<string>,
  now: Date,
): string {
  const base = nameBefore(scope, service);
  const room = NAME_MAX - TIME_LENGTH - base.length;
  const name = base + versionOf(image).slice(0, room).replace(/_$/, '');
  return taken.has(name) ? `${name}_${minuteOf(now)}` : name;
}

/** isVersionedName tells whether a container's name is one that versionedName gives, of any version. */
export function isVersionedName(scope: Scope, service: string, name: string): boolean {
  const base = nameBefore(scope, service);
  return name.startsWith(base) && /^[a-z0-9_]*$/.test(name.slice(base.length));
}

function nameBefore(scope: Scope, service: string): string {
  return containerName(scope, service, 'base') + PREFIX;
}

/** minuteOf returns `20261126t1710`. */
function minuteOf(now: Date): string {
  return now.toISOString().slice(0, 16).replaceAll(/[-:]/g, '').toLowerCase();
}
