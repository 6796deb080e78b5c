import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { blobPath, platformOf, transferSize, unpackedSize } from '../../../src/registry/layout.ts';
import { LayoutStore } from '../../../src/registry/layout-store.ts';
import { addTo, digestOf, keptImage, newFolder, writtenLayout } from './layouts.ts';

const LARGE = 'large '.repeat(100_000);

describe('an image that is kept', () => {
  test('is found by its digest and by its name, with all that is in it', async () => {
    const { store, digest } = await keptImage(['base', LARGE]);
    expect(await store.named('shop-production-api:1')).toBe(digest);
    const image = (await store.find(digest))!;
    const { platform, labels, layers } = platformOf(image);
    expect({ platform, labels }).toEqual({ platform: 'linux/amd64', labels: { a: 'label' } });
    expect(layers.map(({ diffId }) => diffId)).toEqual(['base', LARGE].map(digestOf));
    expect(transferSize(layers)).toBeLessThan(LARGE.length);
    expect(await unpackedSize(layers[1]!)).toBe(LARGE.length);
  });

  test('has the same digest wherever it is kept', async () => {
    const [one, other] = [await keptImage(['base', LARGE]), await keptImage(['base', LARGE])];
    expect(other.digest).toBe(one.digest);
  });

  test('has its layers in common with others', async () => {
    const { store } = await keptImage(['base', 'one']);
    const before = readdirSync(join(store.folder, 'blobs', 'sha256')).length;
    await addTo(store, ['base', 'two'], 'shop-production-web:1');
    // A layer, a configuration and a manifest.
    expect(readdirSync(join(store.folder, 'blobs', 'sha256'))).toHaveLength(before + 3);
  });

  test('is not there when one of its files is not whole', async () => {
    const { store, digest } = await keptImage(['base', LARGE]);
    const [, layer] = platformOf((await store.find(digest))!).layers;
    truncateSync(layer!.path, 10);
    expect(await store.find(digest)).toBeUndefined();
  });

  test('is read by nobody else', async () => {
    const { store, digest } = await keptImage(['base']);
    expect(statSync(blobPath(store.folder, digest)).mode & 0o077).toBe(0);
    expect(statSync(join(store.folder, 'blobs')).mode & 0o077).toBe(0);
  });

  test('gives its name to the one that is built after it', async () => {
    const { store } = await keptImage(['one'], 'api:content');
    const second = await addTo(store, ['two'], 'api:content');
    expect(await store.named('api:content')).toBe(second);
  });
});

test('images that are kept at the same moment are all in the index', async () => {
  const store = new LayoutStore(newFolder());
  const names = ['a', 'b', 'c', 'd'];
  const digests = await Promise.all(names.map((name) => addTo(store, ['base', name], `${name}:1`)));
  expect(await Promise.all(names.map((name) => store.named(`${name}:1`)))).toEqual(digests);
});

test('what a builder has written is taken over, with all its platforms', async () => {
  const { folder, digest } = writtenLayout({ amd64: 'for amd64', arm64: 'for arm64' });
  const store = new LayoutStore(newFolder());
  expect(await store.take(folder, 'api:1')).toBe(digest);
  const image = (await store.find(digest))!;
  expect([image.manifests.size, image.blobs.size]).toEqual([3, 4]);
  expect(platformOf(image, 'linux/arm64').layers.map(({ diffId }) => diffId)).toEqual([
    digestOf('for arm64'),
  ]);
  expect(platformOf(image, 'linux/riscv64')).toBe(platformOf(image));
});

test.each(['../../etc/passwd', 'sha256:..', `sha512:${'a'.repeat(64)}`, ''])('%j is no digest', (digest) => {
  expect(() => blobPath('/store', digest)).toThrow('is no digest');
});

test('an empty folder has no images', async () => {
  const store = new LayoutStore(newFolder());
  expect(await store.named('api:1')).toBeUndefined();
  expect(await store.find(digestOf('nothing'))).toBeUndefined();
});
