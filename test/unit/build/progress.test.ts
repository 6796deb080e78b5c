import { describe, expect, test } from '@jest/globals';
import { buildFailure } from '../../../src/build/failure.ts';
import { cacheFailure, cacheTroubles, failureOf, stepsOf } from '../../../src/build/progress.ts';
import { buildSpec } from './specs.ts';

const lines = (text: string): string[] => text.trim().split('\n');

const OF_AN_ENGINE = lines(`
#4 [1/3] FROM docker.io/library/node:24
#4 CACHED

#6 [2/3] COPY . /app
#6 CACHED

#7 [3/3] RUN npm ci   && npm run build
#7 0.272 added 3 packages
#7 0.277 missing script: build
#7 ERROR: executor failed running [/bin/sh -c npm ci]: exit code: 1
------
 > [3/3] RUN npm ci   && npm run build:
------
executor failed running [/bin/sh -c npm ci]: exit code: 1`);

const OF_BUILDX = lines(`
#7 [build 3/3] RUN npm ci
#7 0.277 missing script: build
#7 ERROR: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1
------
 > [build 3/3] RUN npm ci:
0.277 missing script: build
------
Dockerfile:7
--------------------
   5 |
   7 | >>> RUN npm ci
--------------------
ERROR: failed to solve: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1`);

test('steps are counted without the images that stages build on', () => {
  expect(stepsOf(OF_AN_ENGINE)).toEqual({ total: 2, cached: 1 });
  expect(stepsOf(lines('#5 [deps 1/2] FROM a\n#5 CACHED\n#6 [deps 2/2] RUN x\n#6 CACHED'))).toEqual({
    total: 1,
    cached: 1,
  });
});

describe('layers of earlier builds', () => {
  test('that are not there yet are no trouble', () => {
    const first = lines(`
#4 importing cache manifest from ghcr.io/acme/api:buildcache
#4 ERROR: failed to configure registry cache importer: ghcr.io/acme/api:buildcache: not found`);
    expect(cacheTroubles(first)).toEqual([]);
  });

  test('that cannot be read or kept are told of, and nothing else that fails is', () => {
    const troubled = lines(`
#4 importing cache manifest from ghcr.io/acme/api:buildcache
#4 ERROR: failed to do request: dial tcp: connect: connection refused
#9 exporting to image
#9 ERROR: of no matter here
#10 exporting cache to registry
#10 ERROR: error writing layer blob: denied
#11 exporting to GitHub Actions Cache
#11 ERROR: cache is full`);
    expect(cacheTroubles(troubled)).toEqual([
      'layers could not be read from ghcr.io/acme/api:buildcache: failed to do request: dial tcp: connect: connection refused',
      'layers could not be kept in registry: error writing layer blob: denied',
      'layers could not be kept in GitHub Actions Cache: cache is full',
    ]);
  });
});

test('a build that fails of its cache alone is told from others', () => {
  const configured = 'failed to configure gha cache exporter: invalid token without expiration time';
  expect(cacheFailure(lines(`ERROR: failed to build: failed to solve: ${configured}`))).toBe(configured);
  const unwritten = lines(`
#10 exporting cache to registry
#10 ERROR: error writing layer blob: denied
ERROR: failed to solve: error writing layer blob: denied`);
  expect(cacheFailure(unwritten)).toBe('error writing layer blob: denied');
  expect(cacheFailure(OF_BUILDX)).toBeUndefined();
});

describe('why a build failed', () => {
  test('is told by an engine with the instruction', () => {
    expect(failureOf(OF_AN_ENGINE)).toEqual({
      reason: 'executor failed running [/bin/sh -c npm ci]: exit code: 1',
      instruction: 'RUN npm ci   && npm run build',
      output: ['added 3 packages', 'missing script: build'],
    });
  });

  test('is told by buildx with the line', () => {
    expect(failureOf(OF_BUILDX)).toEqual({
      reason: 'process "/bin/sh -c npm ci" did not complete successfully: exit code: 1',
      instruction: 'RUN npm ci',
      line: 7,
      output: ['missing script: build'],
    });
  });

  test.each([
    'failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile parse error line 3: unknown instruction: RNU',
    'ERROR: failed to solve: rpc error: code = Unknown desc = failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile parse error line 3: unknown instruction: RNU',
    'ERROR: failed to solve: dockerfile parse error on line 3: unknown instruction: RNU',
  ])('is a line that cannot be read: %s', (said) => {
    expect(failureOf([said])).toMatchObject({
      line: 3,
      reason: expect.stringMatching(/^dockerfile parse error/),
    });
  });
});

test('the error stands on the line of the Dockerfile', () => {
  const failed = { spec: buildSpec(), lines: OF_AN_ENGINE, file: 'api/Dockerfile', lineOf: () => 4 };
  expect(buildFailure(failed)).toMatchObject({
    message: expect.stringMatching(/^api: RUN npm ci .* failed: executor failed.*\n {2}\| added 3 packages/),
    location: { file: 'api/Dockerfile', line: 4, column: 1 },
  });
  expect(buildFailure({ ...failed, file: undefined }).location).toBeUndefined();
});

test('the error names the line of a Dockerfile that is in another repository', () => {
  const spec = buildSpec({ git: { url: 'https://github.com/acme/api.git' } });
  expect(buildFailure({ spec, lines: OF_AN_ENGINE, file: undefined, lineOf: () => 4 }).message).toMatch(
    /^api: RUN npm ci .* failed \(api\/Dockerfile:4 in https:\/\/github\.com\/acme\/api\.git\): executor failed/,
  );
});

test.each([
  ['failed to solve: failed to compute cache key: "/nix" not found: not found', /\.dockerignore/],
  ['failed to solve: write /x: no space left on device', /disk of the machine that builds/],
  ['failed to solve: dial tcp 10.0.0.1:443: connect: connection refused', /cannot be reached/],
  ['failed to push r/a: denied: requested access', /packages: write/],
  ['failed to solve: node:99: not found', /base image/],
  ['failed to solve: unsupported frontend capability moby.buildkit.frontend.contexts', /setup-buildx-action/],
  [
    'failed to solve: node:24: failed to copy: 429 Too Many Requests: toomanyrequests: pull rate limit',
    /log in/,
  ],
  ['failed to solve: node:24: pull access denied, repository does not exist', /may the runner read it/],
])('%s has its own advice', (said, hint) => {
  expect(
    buildFailure({ spec: buildSpec(), lines: [said], file: undefined, lineOf: () => undefined }).hint,
  ).toMatch(hint);
});

test('an instruction that has found no space left is told what to do, whatever it ended with', () => {
  const said = lines(`
#7 [2/2] RUN npm ci
#7 0.1 npm error nospc ENOSPC: no space left on device, write
#7 ERROR: process "/bin/sh -c npm ci" did not complete successfully: exit code: 228
ERROR: failed to solve: process "/bin/sh -c npm ci" did not complete successfully: exit code: 228`);
  const { message, hint } = buildFailure({
    ...{ spec: buildSpec(), lines: said, file: undefined, lineOf: () => undefined },
  });
  expect(message).toMatch(/ENOSPC/);
  expect(hint).toMatch(/docker builder prune/);
});
