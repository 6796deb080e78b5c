import { describe, expect, test } from '@jest/globals';
import { abilitiesOf } from '../../../src/build/abilities.ts';
import { type CachePlace, cacheFor, hasGha } from '../../../src/build/cache.ts';
import { buildSpec } from './specs.ts';

const abilities = (driver: string, hasContainerdStore = false) =>
  abilitiesOf({ driver, hasContainerdStore, buildkit: undefined });

/** Places where it is built. */
const OLD_ENGINE = { abilities: abilities('docker'), isEngine: true };
const CONTAINERD = { abilities: abilities('docker', true), isEngine: true };
const CONTAINER = { abilities: abilities('docker-container'), isEngine: false };
const GITHUB = { isThrownAway: true, hasGha: true };
const OWN_RUNNER = { isThrownAway: false, hasGha: true };
const BY_HAND = { isThrownAway: false, hasGha: false };

const place = (...more: Partial<CachePlace>[]): CachePlace =>
  Object.assign(
    { asked: undefined, ...CONTAINER, ...GITHUB, isPushed: true, folder: '/home/me/.cache/layers' },
    ...more,
  );
/** The kinds of places that layers come from and go to. */
const kinds = (spec: ReturnType<typeof buildSpec>, where: CachePlace) => {
  const { from, to } = cacheFor(spec, where);
  return [from, to].map((all) => all.map((words) => /type=(\w+)/.exec(words)?.[1] ?? words).join(' '));
};

describe('layers are kept where they cost least', () => {
  test.each([
    { where: 'GitHub, setup-buildx-action', given: [CONTAINER, GITHUB], from: 'gha', to: 'gha' },
    { where: 'GitHub, an engine with containerd', given: [CONTAINERD, GITHUB], from: 'gha', to: 'gha' },
    { where: 'GitHub, an older engine', given: [OLD_ENGINE, GITHUB], from: 'registry', to: 'inline' },
    {
      where: 'GitHub, nothing pushed',
      given: [CONTAINER, GITHUB, { isPushed: false }],
      from: 'gha',
      to: 'gha',
    },
    {
      where: 'GitHub, an older engine, nothing pushed',
      given: [OLD_ENGINE, GITHUB, { isPushed: false }],
      from: '',
      to: '',
    },
    { where: 'an own runner with its engine', given: [CONTAINERD, OWN_RUNNER], from: '', to: '' },
    {
      where: 'an own runner, setup-buildx-action',
      given: [CONTAINER, OWN_RUNNER],
      from: 'registry',
      to: 'registry',
    },
    { where: 'by hand, an older engine', given: [OLD_ENGINE, BY_HAND], from: '', to: '' },
    { where: 'by hand, a builder of its own', given: [CONTAINER, BY_HAND], from: 'registry', to: 'registry' },
  ])('$where', ({ given, from, to }) => {
    expect(kinds(buildSpec(), place(...given))).toEqual([from, to]);
    expect(cacheFor(buildSpec(), place(...given)).isMissed).toBe(false);
  });
});

describe('layers are kept where the input says', () => {
  test.each([
    { asked: 'gha', given: [CONTAINER, GITHUB], from: 'gha', to: 'gha', isMissed: false },
    { asked: 'gha', given: [OLD_ENGINE, GITHUB], from: '', to: '', isMissed: true },
    { asked: 'gha', given: [CONTAINER, BY_HAND], from: '', to: '', isMissed: true },
    { asked: 'registry', given: [CONTAINERD, BY_HAND], from: 'registry', to: 'registry', isMissed: false },
    { asked: 'registry', given: [OLD_ENGINE, BY_HAND], from: 'registry', to: 'inline', isMissed: false },
    { asked: 'registry', given: [CONTAINER, { isPushed: false }], from: '', to: '', isMissed: true },
    { asked: 'local', given: [CONTAINER, GITHUB], from: 'local', to: 'local', isMissed: false },
    { asked: 'local', given: [OLD_ENGINE, GITHUB], from: '', to: '', isMissed: true },
    { asked: 'none', given: [CONTAINER, GITHUB], from: '', to: '', isMissed: false },
  ] as const)(
    '$asked, and a warning where that cannot be had: $isMissed',
    ({ asked, given, from, to, isMissed }) => {
      const where = place(...given, { asked });
      expect(kinds(buildSpec(), where)).toEqual([from, to]);
      expect(cacheFor(buildSpec(), where).isMissed).toBe(isMissed);
    },
  );

  test('in a place of each image’s own, in the words of BuildKit', () => {
    const words = (asked: CachePlace['asked'], ...more: Partial<CachePlace>[]) => {
      const { from, to } = cacheFor(buildSpec(), place(...more, { asked }));
      return [...from, ...to];
    };
    const scope = 'scope=ghcr.io-acme-shop-production-api';
    expect(words('gha')).toEqual([`type=gha,${scope}`, `type=gha,${scope},mode=max,ignore-error=true`]);
    const ref = 'type=registry,ref=ghcr.io/acme/shop-production-api:buildcache';
    expect(words('registry')).toEqual([
      ref,
      `${ref},mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true`,
    ]);
    expect(words('registry', OLD_ENGINE)).toEqual([
      'type=registry,ref=ghcr.io/acme/shop-production-api:content-last',
      'type=inline',
    ]);
    const folder = '/home/me/.cache/layers/ghcr.io-acme-shop-production-api';
    expect(words('local')).toEqual([
      `type=local,src=${folder}`,
      `type=local,dest=${folder}.next,mode=max,ignore-error=true`,
    ]);
  });
});

describe('what the file says wins', () => {
  const spec = buildSpec({
    cacheFrom: ['ghcr.io/acme/api:cache'],
    cacheTo: ['ghcr.io/acme/api:cache', 'type=gha,ignore-error=false', 'type=inline'],
  });

  test('and cannot fail a build unless it says so', () => {
    const { from, to } = cacheFor(spec, place({ asked: 'local' }));
    expect(from).toEqual(['ghcr.io/acme/api:cache']);
    expect(to).toEqual([
      'type=registry,ref=ghcr.io/acme/api:cache,ignore-error=true',
      'type=gha,ignore-error=false',
      'type=inline',
    ]);
  });

  test('but for what the builder cannot do, which is a warning', () => {
    expect(cacheFor(spec, place(OLD_ENGINE))).toMatchObject({ to: [], isMissed: true });
    const inline = buildSpec({ cacheTo: ['type=inline'] });
    expect(cacheFor(inline, place(OLD_ENGINE))).toMatchObject({ to: ['type=inline'], isMissed: false });
  });
});

test('the cache of GitHub Actions is known by what its runner gives', () => {
  expect(hasGha({ ACTIONS_RUNTIME_TOKEN: 't', ACTIONS_RESULTS_URL: 'https://results.example.com/' })).toBe(
    true,
  );
  expect(hasGha({ ACTIONS_RUNTIME_TOKEN: 't' })).toBe(false);
  expect(hasGha({})).toBe(false);
});
