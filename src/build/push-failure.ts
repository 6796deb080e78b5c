import { isFullDisk } from '../docker/full-disk.ts';
import { parseReference } from '../registry/reference.ts';

/** Why a registry did not take an image, and what to do next. */
export interface PushFailure {
  what: string;
  hint: string;
}

/** A push that failed. */
interface FailedPush {
  /** The image, by one of its names. */
  image: string;
  /** The last words of whoever pushed it. */
  reason: string;
}

/** How registries, and what lies between, say it: the first that fits. */
const CAUSES: readonly { pattern: RegExp; what: string; hint: string }[] = [
  {
    pattern: /toomanyrequests|too many requests|rate limit/i,
    what: 'it has had too many requests',
    hint: 'Run again in some minutes; with a login most registries allow more.',
  },
  {
    pattern: /quota|insufficient storage/i,
    what: 'it has no space left',
    hint: 'Make room in the registry, or raise its quota, and run again.',
  },
  {
    pattern: /denied|unauthorized|forbidden|insufficient_scope|authentication required|no basic auth/i,
    what: 'this login may not write there',
    hint: 'Are registry-username and registry-password right, and may that account write there? For ghcr.io the job needs "packages: write".',
  },
  {
    // A registry of Docker whose disk is full takes what is sent, and then does not know it.
    pattern:
      /\b50\d\b|internal server error|bad gateway|unavailable|unknown error|blob upload (?:invalid|unknown)/i,
    what: 'it failed itself',
    hint: 'Run again later. If it is your own registry, its log says why: is its disk full?',
  },
  {
    pattern: /\bEOF\b|connection reset|broken pipe|closed (?:network )?connection|server closed|timeout/i,
    what: 'the connection broke off',
    hint: 'Run again. If it does every time, look at what stands before the registry: proxies limit how large an upload is, and how long it takes.',
  },
  {
    pattern: /connection refused|no such host|no route to host|network is unreachable/i,
    what: 'it cannot be reached',
    hint: 'Is its address right, and does it run?',
  },
];

const UNKNOWN: (typeof CAUSES)[number] = {
  pattern: /^/,
  what: 'it says why',
  hint: 'Are registry-username and registry-password right, and may that account write there?',
};

/** pushFailure tells why a registry did not take an image; undefined where it was not pushed when it failed. Pure. */
export function pushFailure(lines: readonly string[], reason: string): PushFailure | undefined {
  const failed = failedPush(lines, reason);
  if (failed === undefined) return undefined;
  const said = isFullDisk(failed.reason) ? 'quota' : failed.reason;
  const { what, hint } = CAUSES.find(({ pattern }) => pattern.test(said)) ?? UNKNOWN;
  return {
    what: `the registry ${parseReference(failed.image).host} did not take the image: ${what}`,
    hint: `${hint} Nothing was deployed.`,
  };
}

/** A BuildKit says which push has failed; an engine says before each what it pushes, and does nothing after one that fails. */
function failedPush(lines: readonly string[], reason: string): FailedPush | undefined {
  const [, image, words = ''] = /failed to push (\S+): (.*)$/.exec(reason) ?? [];
  if (image !== undefined) return { image, reason: words };
  const begun = lines
    .map((line) => /^The push refers to repository \[(\S+)\]$|^#\d+ pushing (\S+) with docker$/.exec(line))
    .findLast((match) => match !== null);
  const pushed = begun?.[1] ?? begun?.[2];
  return pushed === undefined ? undefined : { image: pushed, reason };
}
