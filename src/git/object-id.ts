import { createHash } from 'node:crypto';

/** blobId returns the id git gives to a file with `text` in it; `format` is `sha1` or `sha256`. */
export function blobId(text: string, format: string): string {
  const content = Buffer.from(text, 'utf8');
  return createHash(format).update(`blob ${content.length}\0`).update(content).digest('hex');
}
