import { expect, test } from '@jest/globals';
import type { BuiltImage } from '../../../src/build/images.ts';
import { renderBuilt } from '../../../src/report/built.ts';

const image = (changes: Partial<BuiltImage>): BuiltImage => ({
  service: 'api',
  repository: 'r/api',
  outcome: 'built',
  image: 'r/api@sha256:1',
  hash: 'h',
  why: 'files of the context have changed',
  ...changes,
});
const MB = 1024 * 1024;

test.each([
  { sizeBytes: 12.34 * MB, told: '12.3 MB' },
  { sizeBytes: 12 * MB, previousSizeBytes: 10.5 * MB, told: '12.0 MB (+1.5)' },
  { sizeBytes: 10 * MB, previousSizeBytes: 12 * MB, told: '10.0 MB (−2.0)' },
  { sizeBytes: 10 * MB, previousSizeBytes: 10 * MB + 12, told: '10.0 MB (as before)' },
  { told: '–' },
])('an image of $sizeBytes bytes after one of $previousSizeBytes is told as $told', ({ told, ...sizes }) => {
  const { markdown } = renderBuilt({
    ...{
      kind: 'built',
      title: 'shop production',
      outputs: { images: '', digests: {}, built: {} },
      failure: undefined,
    },
    images: [image(sizes)],
  });
  expect(markdown).toContain(`| ${told} |`);
});
