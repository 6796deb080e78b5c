import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { pack } from 'tar-stream';
import { keepSaved } from '../../../src/build/saved-image.ts';
import { platformOf } from '../../../src/registry/layout.ts';
import { LayoutStore } from '../../../src/registry/layout-store.ts';
import { configOf, digestOf, newFolder } from '../registry/layouts.ts';

type Entry = { name: string; content: string | Buffer } | { name: string; linkTo: string };

/** What `docker save` writes. */
function saved(entries: readonly Entry[]): Readable {
  const tar = pack();
  for (const entry of entries) {
    if ('linkTo' in entry) tar.entry({ name: entry.name, type: 'symlink', linkname: entry.linkTo });
    else tar.entry({ name: entry.name }, entry.content);
  }
  tar.finalize();
  return Readable.from(tar);
}

const layers = ['base '.repeat(1000), 'of this version'];
const config = configOf(layers);
const list = (paths: string[], Config: string) => ({
  name: 'manifest.json',
  content: JSON.stringify([{ Config, RepoTags: ['api:1'], Layers: paths }]),
});
const keep = async (entries: readonly Entry[], store = new LayoutStore(newFolder())) => {
  const digest = await keepSaved(saved(entries), 'api:1', { store, folder: newFolder() });
  return { store, digest, image: (await store.find(digest))! };
};

const byVersion: Record<string, readonly Entry[]> = {
  '20.10': [
    { name: 'one/', content: '' },
    { name: 'one/layer.tar', content: layers[0]! },
    { name: 'one/VERSION', content: '1.0' },
    { name: 'two/layer.tar', content: layers[1]! },
    { name: 'c.json', content: config },
    list(['one/layer.tar', 'two/layer.tar'], 'c.json'),
  ],
  '25 and later': [
    ...layers.map((content) => ({ name: `blobs/${digestOf(content).replace(':', '/')}`, content })),
    { name: 'blobs/sha256/c', content: config },
    { name: 'index.json', content: '{}' },
    list(
      layers.map((content) => `blobs/${digestOf(content).replace(':', '/')}`),
      'blobs/sha256/c',
    ),
  ],
};

test.each(Object.entries(byVersion))(
  'an image that Docker %s has saved is kept',
  async (_version, entries) => {
    const { store, digest, image } = await keep(entries);
    expect(await store.named('api:1')).toBe(digest);
    const found = platformOf(image);
    expect(found.config.digest).toBe(digestOf(config));
    expect(found.layers.map(({ diffId }) => diffId)).toEqual(layers.map(digestOf));
  },
);

test('its digest does not follow from how it was saved', async () => {
  const digests = await Promise.all(
    Object.values(byVersion).map(async (entries) => (await keep(entries)).digest),
  );
  expect(new Set(digests).size).toBe(1);
});

test('a layer that is in it twice is saved as a link', async () => {
  const twice = configOf(['same', 'same']);
  const { image } = await keep([
    { name: 'one/layer.tar', content: 'same' },
    { name: 'two/layer.tar', linkTo: '../one/layer.tar' },
    { name: 'c.json', content: twice },
    list(['one/layer.tar', 'two/layer.tar'], 'c.json'),
  ]);
  const [one, two] = platformOf(image).layers;
  expect(two).toEqual(one);
});

test('layers that are packed already stay as they are', async () => {
  const packed = gzipSync(layers[0]!);
  const { image } = await keep([
    { name: 'blobs/sha256/a', content: packed },
    { name: 'blobs/sha256/c', content: configOf([layers[0]!]) },
    list(['blobs/sha256/a'], 'blobs/sha256/c'),
  ]);
  expect(platformOf(image).layers).toMatchObject([
    { digest: digestOf(packed), mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' },
  ]);
});

test('what ends in the middle is not kept', async () => {
  const [first] = byVersion['20.10']!;
  await expect(keep([first!])).rejects.toThrow('docker save wrote no manifest.json');
});
