import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What a manifest says of a blob. */
export interface Descriptor {
  mediaType: string;
  digest: string;
  /** In bytes. */
  size: number;
}

/** A blob of an image, and where it lies. */
export interface Blob extends Descriptor {
  path: string;
}

/** A layer of an image. */
export interface Layer extends Blob {
  /** The digest of what is in it, unpacked: by that an engine knows a layer. */
  diffId: string;
}

/** An image as it lies in a layout, whole. */
export interface LayoutImage {
  digest: string;
  /** Manifests by digest: its own, and where that is a list, those of its platforms. */
  manifests: ReadonlyMap<string, Blob>;
  /** Configurations and layers by digest. */
  blobs: ReadonlyMap<string, Blob>;
  /** What runs, by platform: one at least. */
  platforms: readonly PlatformImage[];
}

/** An image for one platform. */
export interface PlatformImage {
  /** `linux/amd64`, or with its variant `linux/arm/v7`. */
  platform: string;
  config: Blob;
  labels: Readonly<Record<string, string>>;
  /** From the lowest. */
  layers: readonly Layer[];
}

interface ManifestBody {
  mediaType?: string;
  config?: Descriptor;
  layers?: Descriptor[];
  manifests?: (Descriptor & { annotations?: Record<string, string> })[];
}

interface ConfigBody {
  os?: string;
  architecture?: string;
  variant?: string;
  config?: { Labels?: Record<string, string> | null };
  rootfs?: { diff_ids?: string[] };
}

/** Anything else is no name of a file. */
const DIGEST = /^sha256:[0-9a-f]{64}$/;

export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';

/** blobPath returns where a layout keeps a blob. It throws for what is no digest. Pure. */
export function blobPath(folder: string, digest: string): string {
  if (!DIGEST.test(digest)) throw new Error(`${JSON.stringify(digest)} is no digest`);
  return join(folder, 'blobs', ...digest.split(':'));
}

/**
 * readImage returns an image of the OCI layout in `folder`; undefined where the layout does not have all of it. What the
 * blobs hold is not compared with their digests: who pulls them does that.
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export async function readImage(folder: string, digest: string): Promise<LayoutImage | undefined> {
  const manifests = new Map<string, Blob>();
  const blobs = new Map<string, Blob>();
  const platforms: PlatformImage[] = [];
  const read = async (one: string, told?: string): Promise<void> => {
    const path = blobPath(folder, one);
    const text = await readFile(path, 'utf8');
    const body = JSON.parse(text) as ManifestBody;
    const mediaType = told ?? body.mediaType ?? (body.manifests === undefined ? OCI_MANIFEST : OCI_INDEX);
    manifests.set(one, { digest: one, mediaType, size: Buffer.byteLength(text), path });
    for (const nested of body.manifests ?? []) await read(nested.digest, nested.mediaType);
    if (body.config === undefined) return;
    const { digest: ofConfig } = body.config;
    const layers = body.layers ?? [];
    for (const { mediaType, digest, size } of [body.config, ...layers]) {
      blobs.set(digest, { mediaType, digest, size, path: await whole(folder, digest, size) });
    }
    const config = JSON.parse(await readFile(blobPath(folder, ofConfig), 'utf8')) as ConfigBody;
    const diffIds = config.rootfs?.diff_ids ?? [];
    // What is only said of an image, such as where it comes from, has no content to unpack.
    if (diffIds.length !== layers.length) return;
    platforms.push({
      platform: [config.os, config.architecture, config.variant].filter(Boolean).join('/'),
      config: blobs.get(ofConfig)!,
      labels: config.config?.Labels ?? {},
      layers: layers.map(({ digest }, index) => ({ ...blobs.get(digest)!, diffId: diffIds[index]! })),
    });
  };
  try {
    await read(digest);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return platforms.length === 0 ? undefined : { digest, manifests, blobs, platforms };
}

/** platformOf returns what a server of a platform gets of an image: the first where nothing fits better. Pure. */
export function platformOf({ platforms }: Pick<LayoutImage, 'platforms'>, platform?: string): PlatformImage {
  const isFor = (one: PlatformImage) => one.platform === platform || one.platform.startsWith(`${platform}/`);
  return platforms.find(isFor) ?? platforms[0]!;
}

/** Returns the path of a blob; one that was not written to its end is not there. */
async function whole(folder: string, digest: string, size: number): Promise<string> {
  const path = blobPath(folder, digest);
  const { size: found } = await stat(path);
  if (found !== size) throw Object.assign(new Error(`${path} is not whole`), { code: 'ENOENT' });
  return path;
}

/** So much of a gzip file is at its end: the length of what is in it, in four bytes. */
const GZIP_LENGTH = 4;
/** What text and programs mostly come to, where nobody says it. */
const USUAL_RATIO = 3;

/**
 * unpackedSize returns how much space a layer takes on a server, in bytes: what its gzip says of itself (modulo 4 GiB),
 * or a guess where it is packed in another way.
 */
export async function unpackedSize({ mediaType, path, size }: Blob): Promise<number> {
  if (mediaType.endsWith('.tar')) return size;
  if (!mediaType.endsWith('gzip') || size < GZIP_LENGTH) return size * USUAL_RATIO;
  const file = await open(path);
  try {
    const end = Buffer.alloc(GZIP_LENGTH);
    await file.read(end, 0, GZIP_LENGTH, size - GZIP_LENGTH);
    return Math.max(end.readUInt32LE(), size);
  } finally {
    await file.close();
  }
}

/** transferSize returns what the blobs of an image weigh on their way, in bytes. Pure. */
export function transferSize(layers: readonly Descriptor[]): number {
  return layers.reduce((sum, { size }) => sum + size, 0);
}
