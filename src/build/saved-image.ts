import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { eachEntry } from '../docker/archive.ts';
import type { Descriptor } from '../registry/layout.ts';
import { digestInto, type LayoutStore } from '../registry/layout-store.ts';
import { type DockerRun, streamDocker } from './run-docker.ts';

/** The list of images in what `docker save` writes, whatever its version. */
const LIST = 'manifest.json';

/** A file of the archive, where it lies and the digest of what is in it. */
interface SavedFile {
  path: string;
  digest: string;
}

/** Where an image is kept, and what lies beside it meanwhile. */
interface KeepingPlace {
  store: LayoutStore;
  /** The folder for what is large and temporary. */
  folder: string;
}

/** keepFromEngine puts an image of the engine of this machine, by one of its names, into a store, and returns its digest. */
export async function keepFromEngine(name: string, place: KeepingPlace, run: DockerRun): Promise<string> {
  return await streamDocker(['save', name], run, (tar) => keepSaved(tar, name, place));
}

/**
 * keepSaved puts the one image that `docker save` has written into a store, under a name, and returns its digest. An engine
 * knows an image as its configuration and unpacked layers; its manifest, and so its digest, come to be here.
 */
export async function keepSaved(
  tar: Readable,
  name: string,
  { store, folder }: KeepingPlace,
): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const files = new Map<string, SavedFile>();
  const links = new Map<string, string>();
  await eachEntry(tar, async (entry) => {
    if ('linkTo' in entry) {
      links.set(entry.path, entry.linkTo);
      return;
    }
    const path = join(folder, String(files.size));
    files.set(entry.path, { path, digest: await digestInto(entry.content, path) });
  });
  const find = (path: string): SavedFile => {
    const found = files.get(links.get(path) ?? path);
    if (found === undefined) throw new Error(`docker save wrote no ${path}`);
    return found;
  };
  const [image] = JSON.parse(await readFile(find(LIST).path, 'utf8')) as {
    Config: string;
    Layers: string[];
  }[];
  if (image === undefined) throw new Error('docker save wrote no image');
  const config = await readFile(find(image.Config).path);
  const { rootfs } = JSON.parse(config.toString()) as { rootfs: { diff_ids: string[] } };
  const layers = await Promise.all(
    image.Layers.map((path, index): Promise<Descriptor> => {
      const { path: file, digest } = find(path);
      const isPacked = digest !== rootfs.diff_ids[index];
      return isPacked ? store.addPacked(file, digest) : store.addLayer(file, digest);
    }),
  );
  return await store.addImage(config, layers, name);
}
