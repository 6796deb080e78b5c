import { describe, expect, test } from '@jest/globals';
import { type BuildOrder, beyond, buildxArguments, engineArguments } from '../../../src/build/arguments.ts';
import { buildSpec } from './specs.ts';

const order = (changes: Partial<BuildOrder> = {}): BuildOrder => ({
  spec: buildSpec(),
  context: '/w/with space/api',
  dockerfile: '/w/with space/api/Dockerfile',
  contexts: {},
  secretFiles: {},
  names: ['r/a:1', 'r/a:2'],
  labels: {},
  cache: { from: [], to: [] },
  provenance: undefined,
  sbom: undefined,
  isDated: false,
  isPushed: true,
  ...changes,
});

test('buildx pushes what it builds, under all names', () => {
  expect(buildxArguments(order())).toEqual([
    'buildx',
    'build',
    '--push',
    '--progress=plain',
    '--file=/w/with space/api/Dockerfile',
    '--tag=r/a:1',
    '--tag=r/a:2',
    '/w/with space/api',
  ]);
  expect(buildxArguments(order({ isPushed: false }))).toContain('--load');
});

test('what gets the time of its commit says so where it goes', () => {
  const outputs = [true, false].map((isPushed) => buildxArguments(order({ isPushed, isDated: true }))[2]);
  expect(outputs).toEqual([
    '--output=type=image,push=true,rewrite-timestamp=true',
    '--output=type=docker,rewrite-timestamp=true',
  ]);
});

test('the BuildKit of an engine keeps layers in the image, and looks for them in images', () => {
  const cache = {
    from: ['type=registry,ref=r/a:content-last', 'r/a:edge', 'type=gha,scope=a'],
    to: ['type=inline'],
  };
  expect(engineArguments(order({ cache })).slice(-4)).toEqual([
    '--cache-from=r/a:content-last',
    '--cache-from=r/a:edge',
    '--build-arg=BUILDKIT_INLINE_CACHE=1',
    '/w/with space/api',
  ]);
});

test('the BuildKit of an engine is told the same, but for what it does not know', () => {
  expect(engineArguments(order())).toEqual(['build', ...buildxArguments(order()).slice(3)]);
});

describe('values', () => {
  const hostile = ['--push', '$(id); `id` "x" \'y\'', 'a\nb', 'ünï', '=', '-'];

  test.each(hostile)('of arguments and labels stay one word behind their flag: %j', (value) => {
    const words = buildxArguments(order({ spec: buildSpec({ args: { A: value } }), labels: { l: value } }));
    expect(words.filter((word) => word.includes(value))).toEqual(
      expect.arrayContaining([`--build-arg=A=${value}`, `--label=l=${value}`]),
    );
    expect(words.filter((word) => !word.startsWith('--'))).toEqual(['buildx', 'build', '/w/with space/api']);
  });

  test('of secrets are in no word', () => {
    const spec = buildSpec({ secrets: { token: Buffer.from('hunter2') } });
    const words = buildxArguments(order({ spec, secretFiles: { token: '/t/secret-0' } }));
    expect(words).toContain('--secret=id=token,src=/t/secret-0');
    expect(words.join(' ')).not.toContain('hunter2');
  });
});

test('all keys of a build become words', () => {
  const spec = buildSpec({
    target: 'runtime',
    platforms: ['linux/amd64', 'linux/arm64'],
    ssh: ['default'],
    noCache: true,
    pull: true,
    shmSizeBytes: 1024,
    extraHosts: ['a:10.0.0.9'],
    network: 'none',
    ulimits: { nofile: { soft: 1, hard: 2 } },
    entitlements: ['network.host'],
    provenance: 'mode=max',
    sbom: 'true',
  });
  const more = {
    contexts: { shared: '/w/shared' },
    cache: { from: ['type=gha'], to: ['type=gha,mode=max'] },
    provenance: 'mode=max',
    sbom: 'true',
  };
  expect(buildxArguments(order({ spec, ...more }))).toEqual(
    expect.arrayContaining([
      '--target=runtime',
      '--platform=linux/amd64,linux/arm64',
      '--ssh=default',
      '--cache-from=type=gha',
      '--cache-to=type=gha,mode=max',
      '--no-cache',
      '--pull',
      '--shm-size=1024',
      '--add-host=a:10.0.0.9',
      '--network=none',
      '--ulimit=nofile=1:2',
      '--allow=network.host',
      '--provenance=mode=max',
      '--sbom=true',
      '--build-context=shared=/w/shared',
    ]),
  );
  const nothing = { isBuildx: false, attests: false, buildsPlatforms: false };
  expect(beyond(spec, nothing)).toEqual(['entitlements', 'provenance', 'sbom', 'several platforms']);
  expect(beyond(spec, { isBuildx: true, attests: true, buildsPlatforms: true })).toEqual([]);
  expect(beyond(buildSpec({ provenance: 'false' }), nothing)).toEqual([]);
});

test('an image of no registry is written to a folder, whatever its name', () => {
  const words = buildxArguments(order({ isPushed: false, layout: '/tmp/a, "b"/layout' }));
  expect(words[2]).toBe('--output=type=oci,tar=false,"dest=/tmp/a, ""b""/layout"');
  expect(words.filter((word) => /^--(push|load)/.test(word))).toEqual([]);
  const [, , dated] = buildxArguments(order({ isDated: true, layout: '/tmp/layout' }));
  expect(dated).toBe('--output=type=oci,tar=false,rewrite-timestamp=true,"dest=/tmp/layout"');
});
