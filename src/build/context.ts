import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { IgnoreRules } from './ignore.ts';

/** Something in a context, as far as an image could have it: git keeps no more of a mode than whether it can be run. */
export type ContextEntry = { path: string } & (
  | { kind: 'folder' }
  | { kind: 'link'; to: string }
  | { kind: 'file'; sha256: string; isExecutable: boolean }
);

/** So many files are read at once. */
const AT_ONCE = 16;

/**
 * readContext returns what BuildKit would be sent of a folder, sorted by paths from there. Links are what they are, and
 * are not followed: neither does BuildKit.
 */
export async function readContext(folder: string, rules: IgnoreRules): Promise<ContextEntry[]> {
  const { files, others: found } = await listContext(folder, rules);
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let path = files.pop(); path !== undefined; path = files.pop()) {
        const place = join(folder, path);
        const [sha256, { mode }] = await Promise.all([hashOf(place), stat(place)]);
        found.push({ path, kind: 'file', sha256, isExecutable: (mode & 0o111) !== 0 });
      }
    }),
  );
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** listContext returns the files of a context by their paths, and what else is in it; see {@link readContext}. */
export async function listContext(
  folder: string,
  rules: IgnoreRules,
): Promise<{ files: string[]; others: ContextEntry[] }> {
  const others: ContextEntry[] = [];
  const files: string[] = [];
  const walk = async (below: string): Promise<void> => {
    for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      const isIgnored = rules.isIgnored(path);
      if (entry.isDirectory()) {
        if (!isIgnored) others.push({ path, kind: 'folder' });
        if (!isIgnored || rules.hasExceptions) await walk(path);
      } else if (isIgnored) continue;
      else if (entry.isSymbolicLink())
        others.push({ path, kind: 'link', to: await readlink(join(folder, path)) });
      else if (entry.isFile()) files.push(path);
    }
  };
  await walk('');
  return { files, others };
}

async function hashOf(place: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(place), hash);
  return hash.digest('hex');
}
