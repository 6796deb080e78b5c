import { describe, expect, test } from '@jest/globals';
import { pushFailure } from '../../../src/build/push-failure.ts';

const NAME = 'registry.example.com:5000/acme/web';

/** What an engine's client prints, and what BuildKit ends with. */
const byEngine = (reason: string) =>
  pushFailure([`The push refers to repository [${NAME}]`, 'f2824c6832b1: Preparing', reason], reason);
const byBuildKit = (reason: string) => {
  const line = `failed to push ${NAME}:content-1: ${reason}`;
  return pushFailure([`ERROR: failed to solve: ${line}`], line);
};

/** Words of engines 20.10 and 28.5 and of BuildKit 0.25, about registries that were made to refuse. */
const CASES: [by: typeof byEngine, reason: string, what: string, hint: RegExp][] = [
  [byEngine, 'denied: permission_denied: write_package', 'this login may not write there', /packages: write/],
  [byEngine, 'toomanyrequests: You have reached your push rate limit', 'it has had too many', /some minutes/],
  [
    byEngine,
    'write tcp 127.0.0.1:1->127.0.0.1:2: use of closed network connection',
    'broke off',
    /proxies limit/,
  ],
  [byEngine, 'received unexpected HTTP status: 500 Internal Server Error', 'it failed itself', /disk full/],
  [
    byBuildKit,
    'unexpected status from POST request to https://r/v2/: 403 Forbidden',
    'this login may not',
    /Are/,
  ],
  [byBuildKit, 'unexpected status: 429 Too Many Requests', 'it has had too many requests', /some minutes/],
  [byBuildKit, 'unknown: blob upload invalid', 'it failed itself', /disk full/],
  [byBuildKit, 'failed to copy: write tcp: broken pipe', 'the connection broke off', /proxies limit/],
  [byBuildKit, 'dial tcp 10.0.0.9:5000: connect: connection refused', 'it cannot be reached', /does it run/],
  [byBuildKit, 'write /data/x: no space left on device', 'it has no space left', /raise its quota/],
  [byBuildKit, 'something odd', 'it says why', /may that account write/],
];

test.each(CASES)('%p: %s', (by, reason, what, hint) => {
  const failure = by(reason);
  expect(failure?.what).toMatch(/^the registry registry\.example\.com:5000 did not take the image: /);
  expect(failure?.what).toContain(what);
  expect(failure?.hint).toMatch(hint);
  expect(failure?.hint).toMatch(/Nothing was deployed\.$/);
});

describe('what failed before anything was pushed', () => {
  test('is no push', () => {
    expect(pushFailure(['ERROR: failed to solve: denied'], 'denied')).toBeUndefined();
  });
});
