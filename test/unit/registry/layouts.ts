import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { LayoutStore } from '../../../src/registry/layout-store.ts';

export const digestOf = (content: string | Buffer): string =>
  `sha256:${createHash('sha256').update(content).digest('hex')}`;

/** newFolder returns an empty folder. */
export const newFolder = (): string => mkdtempSync(join(tmpdir(), 'switchyard-layout-'));

/** configOf returns the configuration of an image with these layers, by what is in them. */
export function configOf(layers: readonly string[], architecture = 'amd64'): Buffer {
  const rootfs = { type: 'layers', diff_ids: layers.map(digestOf) };
  return Buffer.from(
    JSON.stringify({ os: 'linux', architecture, config: { Labels: { a: 'label' } }, rootfs }),
  );
}

/** keptImage returns a store with an image of these layers, and its digest. */
export async function keptImage(
  layers: readonly string[],
  name = 'shop-production-api:1',
): Promise<{ store: LayoutStore; digest: string }> {
  const store = new LayoutStore(newFolder());
  return { store, digest: await addTo(store, layers, name) };
}

/** addTo adds an image of these layers to a store, and returns its digest. */
export async function addTo(store: LayoutStore, layers: readonly string[], name: string): Promise<string> {
  const folder = newFolder();
  const added = await Promise.all(
    layers.map((content, index) => {
      const path = join(folder, String(index));
      writeFileSync(path, content);
      return store.addLayer(path, digestOf(content));
    }),
  );
  return await store.addImage(configOf(layers), added, name);
}

/** writtenLayout returns a folder with an image for several platforms, as a builder writes it, and its digest. */
export function writtenLayout(platforms: Record<string, string>): { folder: string; digest: string } {
  const folder = newFolder();
  mkdirSync(join(folder, 'blobs', 'sha256'), { recursive: true });
  const put = (mediaType: string, content: string | Buffer) => {
    const digest = digestOf(content);
    writeFileSync(join(folder, 'blobs', ...digest.split(':')), content);
    return { mediaType, digest, size: Buffer.byteLength(content) };
  };
  const manifests = Object.entries(platforms).map(([architecture, layer]) => {
    const config = put('application/vnd.oci.image.config.v1+json', configOf([layer], architecture));
    const layers = [put('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(layer))];
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    return put(mediaType, JSON.stringify({ schemaVersion: 2, mediaType, config, layers }));
  });
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const index = put(mediaType, JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [index] }));
  return { folder, digest: index.digest };
}
