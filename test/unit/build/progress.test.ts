import { describe, expect, test } from '@jest/globals';
import { buildFailure } from '../../../src/build/failure.ts';
import { failureOf, stepsOf } from '../../../src/build/progress.ts';
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
  ['failed to solve: write /x: no space left on device', /disk of the runner/],
  ['failed to solve: dial tcp 10.0.0.1:443: connect: connection refused', /cannot be reached/],
  ['failed to push r/a: denied: requested access', /packages: write/],
  ['failed to solve: node:99: not found', /base image/],
])('%s has its own advice', (said, hint) => {
  expect(
    buildFailure({ spec: buildSpec(), lines: [said], file: undefined, lineOf: () => undefined }).hint,
  ).toMatch(hint);
});
