import { describe, expect, test } from '@jest/globals';
import { beginningsOf } from '../../../src/registry/beginnings.ts';
import type { PlatformImage } from '../../../src/registry/layout.ts';
import { digestOf } from './layouts.ts';

/** An image of layers that weigh so much, in MB. */
function imageOf(...megabytes: number[]): PlatformImage {
  const layers = megabytes.map((size, index) => ({
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    digest: digestOf(`layer ${index}`),
    size: size * 1e6,
    path: '/nowhere',
    diffId: digestOf(`content ${index}`),
  }));
  const config = { mediaType: 'config', digest: digestOf('config'), size: 1, path: '/nowhere' };
  return { platform: 'linux/arm/v7', config, labels: { 'switchyard.project': 'shop' }, layers };
}

const layersOf = (image: PlatformImage) =>
  beginningsOf(image).map(({ manifest }) => JSON.parse(manifest.content.toString()).layers.length);

describe('a beginning', () => {
  test.each([
    ['of each large layer but the last, with which the image is whole', [10, 20, 30], [1, 2]],
    ['of several small ones together', [2, 2, 2, 2, 2, 2, 2], [3, 6]],
    ['none of what comes at once', [1, 1, 1], []],
    ['none of a single layer', [300], []],
    ['none of nothing', [], []],
  ])('is there %s', (_what, megabytes, expected) => {
    expect(layersOf(imageOf(...megabytes))).toEqual(expected);
  });

  test('is an image of its own, with the labels by which it is found', () => {
    const [{ manifest, config }] = beginningsOf(imageOf(10, 20)) as [ReturnType<typeof beginningsOf>[number]];
    expect(JSON.parse(config.content.toString())).toEqual({
      os: 'linux',
      architecture: 'arm',
      variant: 'v7',
      config: { Labels: { 'switchyard.project': 'shop' } },
      rootfs: { type: 'layers', diff_ids: [digestOf('content 0')] },
    });
    expect(manifest.digest).toBe(digestOf(manifest.content));
    expect(JSON.parse(manifest.content.toString()).config.digest).toBe(digestOf(config.content));
  });

  test('is the same in every run', () => {
    expect(beginningsOf(imageOf(10, 20))).toEqual(beginningsOf(imageOf(10, 20)));
  });
});
