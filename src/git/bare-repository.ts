import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * layOutBare writes what makes a folder a bare repository (gitrepository-layout). `git init` would take the
 * person's templates, default ref storage and object format, and a process. `objectFormat` is `sha1` or `sha256`.
 */
export async function layOutBare(directory: string, objectFormat: string): Promise<void> {
  const isSha1 = objectFormat === 'sha1';
  const extension = isSha1 ? '' : `[extensions]\n\tobjectFormat = ${objectFormat}\n`;
  await Promise.all([
    mkdir(join(directory, 'objects'), { recursive: true }),
    mkdir(join(directory, 'refs'), { recursive: true }),
    writeFile(join(directory, 'HEAD'), 'ref: refs/heads/none\n'),
    writeFile(
      join(directory, 'config'),
      `[core]\n\trepositoryFormatVersion = ${isSha1 ? 0 : 1}\n\tbare = true\n${extension}`,
    ),
  ]);
}
