import { describe, expect, test } from '@jest/globals';
import { chooseRelease, parseTarget, previousNumber } from '../../../src/deploy/record/choose-release.ts';
import { expiredNumbers } from '../../../src/deploy/record/retention.ts';
import { restoredSpec } from '../../../src/deploy/restore.ts';
import type { HistoryEntry, RecordedService, Release } from '../../../src/model/release.ts';
import { servers, service, shop } from '../../simulation/stories/specs.ts';
import { recorded, release } from '../state/git-world.ts';

function entry(number: number, outcome: HistoryEntry['outcome'] = 'deployed'): HistoryEntry {
  return {
    release: number,
    outcome,
    at: '2026-11-21T12:00:00Z',
    run: 'x',
    actor: 'ann',
    why: [],
    took_ms: 1,
  };
}

/** past returns a service whose current release is the last of `numbers`; `failed` never had the traffic. */
function past(
  numbers: readonly number[],
  failed: readonly number[] = [],
  changes: Partial<RecordedService> = {},
) {
  const current = numbers.filter((number) => !failed.includes(number)).at(-1) ?? 0;
  const history = numbers.map((one) => entry(one, failed.includes(one) ? 'failed' : 'deployed')).reverse();
  return {
    recorded: { ...recorded(current), previous: 0, history, ...changes } as RecordedService,
    releases: numbers.map((number) => release('api', number, `acme/api:v${number}`)),
  };
}

describe('where a rollback goes', () => {
  test.each([
    ['previous', 'previous'],
    ['12', 12],
    ['1.2.3', { version: '1.2.3' }],
    ['acme/api:12', { version: 'acme/api:12' }],
  ])('%s', (text, target) => {
    expect(parseTarget(text)).toEqual(target);
  });

  test('previous: the newest one before it that was deployed', () => {
    expect(chooseRelease('api', 'previous', past([1, 2, 3])).number).toBe(2);
    expect(chooseRelease('api', 'previous', past([1, 2, 3, 4], [2, 3])).number).toBe(1);
  });

  test('previous, twice: further back, and not to where it came from', () => {
    const once = past([1, 2, 3, 4]);
    once.releases[3] = { ...once.releases[3]!, restores: 2 };
    expect(chooseRelease('api', 'previous', once).number).toBe(1);
  });

  test('previous, of a record that was written before there was a history', () => {
    expect(previousNumber({ previous: 6 }, 7)).toBe(6);
    expect(previousNumber({ previous: 0 }, 1)).toBeUndefined();
  });

  test('a number: that release, when it had the traffic and is kept', () => {
    expect(chooseRelease('api', 1, past([1, 2, 3])).number).toBe(1);
    expect(() => chooseRelease('api', 2, past([1, 2, 3], [2]))).toThrow(
      'release 2 of api never had the traffic: its deploy failed',
    );
    expect(() => chooseRelease('api', 9, past([1, 2, 3]))).toThrow('api has no release 9, or no longer');
  });

  test('a release that a run began and never finished is no place to go to; one older than the history is', () => {
    const { recorded: record, releases } = past([1, 2, 3, 4]);
    const history = record.history!.filter((one) => one.release !== 3 && one.release !== 1);
    const known = { recorded: { ...record, history }, releases };
    expect(() => chooseRelease('api', 3, known)).toThrow('never had the traffic');
    expect(chooseRelease('api', 1, known).number).toBe(1);
  });

  test.each(['v2', 'acme/api:v2', 'acme/api:v2@sha256:2', 'sha256:2', 'acme/api@sha256:2'])(
    'a version: %s',
    (version) => {
      const known = past([1, 2, 3]);
      const image = 'acme/api:v2@sha256:2';
      const { container } = known.releases[1]!;
      known.releases[1] = {
        ...known.releases[1]!,
        container: { ...container, image },
        image_digest: 'acme/api@sha256:2',
      };
      expect(chooseRelease('api', { version }, known).number).toBe(2);
    },
  );

  test('a version that nobody knows, or whose deploy failed', () => {
    expect(() => chooseRelease('api', { version: 'v9' }, past([1, 2]))).toThrow(
      'api has no deployed release of version "v9", or no longer',
    );
    expect(() => chooseRelease('api', { version: 'v1' }, past([1, 2], [1]))).toThrow('no deployed release');
  });

  test('nothing was deployed before', () => {
    expect(() => chooseRelease('api', 'previous', past([1]))).toThrow(
      expect.objectContaining({
        message: 'api has no earlier release that was deployed',
        hint: expect.stringContaining('"to: list" shows'),
      }),
    );
  });
});

describe('what is restored', () => {
  const api = (changes = {}) => shop([service('api', changes)]);
  const digest = `sha256:${'a'.repeat(64)}`;
  const old: Release = { ...release('api', 1, 'acme/api:v1'), image_digest: `acme/api@${digest}` };
  const specOf = (restored: Release, wanted = api()) =>
    restoredSpec(wanted, new Map([['api', restored]])).services[0]!;

  test('container, route and policy of the release, pinned to its digest; place and neighbours of today', () => {
    const today = shop([service('api', { servers: 2, dependsOn: ['db'] }), service('db')], servers(2));
    const { container, route, policy, dependsOn, placement } = specOf(old, today);
    expect(container).toEqual({ ...old.container, image: `acme/api:v1@${digest}` });
    expect({ route, policy }).toEqual({ route: old.route, policy: old.policy });
    expect({ dependsOn, placement }).toEqual({
      dependsOn: ['db'],
      placement: { servers: 2, zones: [], replicas: 1 },
    });
  });

  test('with its digest known, no registry has to be asked', () => {
    const policy = { ...old.policy, pullPolicy: 'always' as const };
    expect(specOf({ ...old, policy }).policy.pullPolicy).toBe('missing');
  });

  test('an image that was named by digest stays as it is named', () => {
    const image = `acme/api@${digest}`;
    expect(specOf({ ...old, container: { ...old.container, image } }).container.image).toBe(image);
  });
});

describe('what is kept', () => {
  test('the newest, and what is needed', () => {
    expect(expiredNumbers([1, 2, 3, 4, 5], 2, [5])).toEqual([3, 2, 1]);
    expect(expiredNumbers([1, 2, 3, 4, 5], 2, [5, 4, 2, undefined])).toEqual([3, 1]);
    expect(expiredNumbers([1, 2], 50, [])).toEqual([]);
  });
});
