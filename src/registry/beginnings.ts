import { createHash } from 'node:crypto';
import { type Descriptor, OCI_CONFIG, OCI_MANIFEST, type PlatformImage } from './layout.ts';

/** A blob that is in no file. */
export interface TextBlob extends Descriptor {
  content: Buffer;
}

/** The lowest layers of an image, as an image of their own. */
export interface Beginning {
  manifest: TextBlob;
  config: TextBlob;
}

/** What comes in less than about a second is not worth to be kept by itself. */
const PIECE_BYTES = 5e6;

/**
 * beginningsOf returns the beginnings of an image, each of which has some more layers than the one before; none of an image
 * that is small. An engine gives up the layers of a pull that is cut off, unless an image has them: who has the beginnings
 * goes on from there. They carry the labels of the image. Pure.
 */
export function beginningsOf({ platform, labels, layers }: PlatformImage): Beginning[] {
  const [os, architecture, variant] = platform.split('/');
  let pieceBytes = 0;
  return layers.slice(0, -1).flatMap(({ size }, index) => {
    pieceBytes += size;
    if (pieceBytes < PIECE_BYTES) return [];
    pieceBytes = 0;
    const lowest = layers.slice(0, index + 1);
    const rootfs = { type: 'layers', diff_ids: lowest.map(({ diffId }) => diffId) };
    const config = textBlob(OCI_CONFIG, { os, architecture, variant, config: { Labels: labels }, rootfs });
    const manifest = textBlob(OCI_MANIFEST, {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: descriptorOf(config),
      layers: lowest.map(descriptorOf),
    });
    return [{ manifest, config }];
  });
}

function textBlob(mediaType: string, value: object): TextBlob {
  const content = Buffer.from(JSON.stringify(value));
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  return { mediaType, digest, size: content.length, content };
}

function descriptorOf({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}
