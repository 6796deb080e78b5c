import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

/** extractedNames returns the paths of all files in the layers of an image, as `docker save` writes it. */
export function extractedNames(archive: Buffer): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-image-'));
  try {
    extract(folder, archive);
    const [{ Layers = [] } = {}] = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as {
      Layers?: string[];
    }[];
    return Layers.flatMap((layer, index) => {
      const into = mkdtempSync(join(folder, `files-${index}-`));
      extract(into, readFileSync(join(folder, layer)));
      return readdirSync(into, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(into, join(entry.parentPath, entry.name)));
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function extract(folder: string, archive: Buffer): void {
  const { status, stderr } = spawnSync('tar', ['-xf', '-', '-C', folder], { input: archive });
  if (status !== 0) throw new Error(`tar: ${stderr}`);
}
