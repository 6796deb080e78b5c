import { describe, expect, test } from '@jest/globals';
import { expiredNumbers, findExpired } from '../../../src/deploy/recording/retention.ts';
import { renderStatus } from '../../../src/deploy/reporting/render-status.ts';
import { chooseRelease, parseTarget, previousNumber } from '../../../src/deploy/restoring/choose-release.ts';
import { renderPast } from '../../../src/deploy/restoring/past-releases.ts';
import { restoredSpec } from '../../../src/deploy/restoring/restore.ts';
import type { HistoryEntry, RecordedService, Release } from '../../../src/model/release.ts';
import { recorded, release } from '../state/git-world.ts';
import { servers, service, shop } from './specs.ts';
import { World } from './world.ts';

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
    expect({ dependsOn, placement }).toEqual({ dependsOn: ['db'], placement: { servers: 2, zones: [] } });
  });

  test('with its digest known, no registry has to be asked', () => {
    const policy = { ...old.policy, pullPolicy: 'always' as const };
    expect(specOf({ ...old, policy }).policy.pullPolicy).toBe('missing');
  });

  test('an image that was named by digest stays as it is named', () => {
    const image = `acme/api@${digest}`;
    expect(specOf({ ...old, container: { ...old.container, image } }).container.image).toBe(image);
  });

  /** A world with two versions, each with a value and a variable of its own. */
  function lived(images: 'digests' | 'by hand'): World {
    const world = new World(images);
    for (const version of [1, 2]) {
      const wanted = api({ image: `api:${version}`, environment: { V: `${version}` }, secrets: ['TOKEN'] });
      world.deploy(wanted, { secrets: { api: { TOKEN: `value-${version}` } } });
    }
    return world;
  }
  const file = api({ image: 'api:2', environment: { V: '2' }, secrets: ['TOKEN'] });
  const back = { services: ['api'], rollback: 'previous' as const };

  test('a rollback is a release of its own, with everything the old one had', () => {
    const world = lived('digests');
    const { changes } = world.deploy(file, back);
    expect(changes).toMatchObject([
      {
        from: 2,
        to: 3,
        effect: 'toggle',
        reasons: ['release 1 is restored', 'image', 'environment.V', 'secrets'],
      },
    ]);
    const { environment, imageId } = world.container(world.serving('api')!);
    expect({ environment, imageId }).toEqual({
      environment: { V: '1', TOKEN: 'value-1' },
      imageId: 'sha256:api:1',
    });
    expect(world.releases.get('api/3')).toMatchObject({ restores: 1, secrets_version: 1 });
    expect(world.state.services.api?.history?.[0]).toMatchObject({ release: 3, restores: 1 });
    expect(() => world.plan(file, back)).toThrow('no earlier release');
    expect(world.describe(file, { ...back, rollback: 1 })).toEqual([
      'shop production: nothing to do, everything is as the file says',
    ]);
  });

  test('the file as it was goes forward again, with a number of secrets that nobody had', () => {
    const world = lived('digests');
    world.deploy(file, back);
    const again = { secrets: { api: { TOKEN: 'value-3' } } };
    expect(world.deploy(file, again).changes).toMatchObject([{ from: 3, to: 4 }]);
    expect(world.releases.get('api/4')?.secrets_version).toBe(3);
    world.deploy(file, { ...back, rollback: 2 });
    expect(world.container(world.serving('api')!).environment.TOKEN).toBe('value-2');
  });

  test('a rollback that was killed is finished when it is asked for again', () => {
    for (const moment of [/recorded the intent/, /reloaded the sidecar/]) {
      const world = lived('digests');
      world.deployUntil(moment, file, back);
      world.deploy(file, back);
      expect(world.state.services.api).toMatchObject({ release: 3 });
      expect(world.container(world.serving('api')!).environment.TOKEN).toBe('value-1');
    }
  });

  test('an image that was loaded by hand: only while its name means the same', () => {
    const world = lived('by hand');
    expect(world.releases.get('api/1')).toMatchObject({ image_id: 'sha256:api:1' });
    world.moveImage('api:1');
    expect(() => world.deploy(file, back)).toThrow(
      expect.objectContaining({
        message: 'a: api:1, which release 1 of api ran, may be another image by now',
        hint: expect.stringContaining('load that image on the server'),
      }),
    );
    expect(world.state.services.api).toMatchObject({ release: 2 });
  });

  test('a domain that another service has by now', () => {
    const world = new World('digests');
    const both = (ofApi: string, ofWeb: string) =>
      shop([service('api', { domains: [ofApi] }), service('web', { domains: [ofWeb] })]);
    world.deploy(both('one.example.com', 'two.example.com'));
    world.deploy(both('three.example.com', 'one.example.com'));
    expect(() => world.plan(both('three.example.com', 'one.example.com'), back)).toThrow(
      'api shall serve one.example.com, which web serves now',
    );
  });
});

test('fewer secrets are another set, though all their values are known', () => {
  const world = new World('digests');
  const wanted = (...secrets: string[]) => shop([service('api', { secrets })]);
  world.deploy(wanted('A', 'B'), { secrets: { api: { A: 'a', B: 'b' } } });
  world.deploy(wanted('A'), { secrets: { api: { A: 'a' } } });
  expect(world.releases.get('api/2')).toMatchObject({ secrets_version: 2 });
  world.deploy(wanted('A'), { services: ['api'], rollback: 'previous' });
  expect(world.container(world.serving('api')!).environment).toEqual({ A: 'a', B: 'b' });
});

describe('what is kept', () => {
  test('the newest, and what is needed', () => {
    expect(expiredNumbers([1, 2, 3, 4, 5], 2, [5])).toEqual([3, 2, 1]);
    expect(expiredNumbers([1, 2, 3, 4, 5], 2, [5, 4, 2, undefined])).toEqual([3, 1]);
    expect(expiredNumbers([1, 2], 50, [])).toEqual([]);
  });

  test('a release that `previous` leads to stays, and so do secrets that one of the others needs', async () => {
    const world = new World('digests');
    const wanted = (version: number) =>
      shop([service('api', { image: `api:${version}`, secrets: ['TOKEN'] })]);
    // The third brings back no value: sets are numbered as they come.
    const values = ['one', 'one', 'two', 'three', 'four'];
    values.forEach((TOKEN, index) => {
      world.deploy(wanted(index + 1), { secrets: { api: { TOKEN } } });
    });
    world.broken.add('api:6');
    expect(() => world.deploy(wanted(6), { secrets: { api: { TOKEN: 'five' } } })).toThrow('not healthy');
    const { services } = world.input(wanted(7), { secrets: { api: { TOKEN: 'four' } } });
    const releases = [...world.releases.values()];
    const record = {
      state: world.state,
      releases: async () => releases,
      releaseNumbers: async () => releases.map(({ number }) => number),
    };
    expect(releases.map((one) => one.secrets_version)).toEqual([1, 1, 2, 3, 4, 5]);
    // 7 is recorded now, 6 failed, and 5 is what `previous` will stand for.
    expect(await findExpired(record, services, 2)).toEqual({
      releases: [1, 2, 3, 4].map((number) => ({ service: 'api', number })),
      sets: [1, 2, 3].map((version) => ({ service: 'api', version })),
    });
    expect((await findExpired(record, services, 6)).sets).toEqual([]);
  });
});

test('the list of releases: newest first, the one that runs is marked', () => {
  const services = {
    api: [
      { ...entry(3), image: 'acme/api:v3', isCurrent: true, restores: 1, sent: 9, lost: 0 },
      { ...entry(2, 'failed'), image: 'acme/api:v2', isCurrent: false, why: ['image', 'a|b'] },
    ],
  };
  const { lines, markdown } = renderPast('shop production', { current: { api: 3 }, services });
  expect(lines).toEqual([
    'shop production: releases',
    'service  release   outcome   when              who  why         took   lost    restores  image',
    'api      3 (runs)  deployed  2026-11-21 12:00  ann              0.0 s  0 of 9  1         acme/api:v3',
    'api      2         failed    2026-11-21 12:00  ann  image, a|b  0.0 s                    acme/api:v2',
  ]);
  expect(markdown).toContain('a&#124;b');
  expect(renderPast('shop production', { current: {}, services: {} }).lines[1]).toBe(
    'nothing was deployed yet',
  );
});

test('status shows the last releases below what runs', () => {
  const history = [entry(3), entry(2, 'failed')];
  const { lines, markdown } = renderStatus({
    title: 'shop production',
    releases: { api: 3 },
    services: { api: { release: 3, deployed_at: '', run: 'x', servers: [], history } },
    drift: [],
    lease: undefined,
    nginx: [],
  });
  expect(lines.slice(-3)).toEqual([
    'service  release  outcome   when              who  why  took   lost  run',
    'api      3        deployed  2026-11-21 12:00  ann       0.0 s        x',
    'api      2        failed    2026-11-21 12:00  ann       0.0 s        x',
  ]);
  expect(markdown).toContain('### The last releases\n\n| service | release |');
});
