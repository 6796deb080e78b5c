import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listContext } from './context.ts';
import type { IgnoreRules } from './ignore.ts';
import type { SourceTree } from './templates/template.ts';

/** Folders that say nothing of a project, and may be large. */
const UNSEEN = /(?:^|\/)(?:\.git|node_modules|\.venv|__pycache__)(?:\/|$)/;

/** readTree returns a folder as templates look at it. Links are not followed. */
export async function readTree(folder: string, rules: IgnoreRules): Promise<SourceTree> {
  const { files } = await listContext(folder, {
    isIgnored: (path) => UNSEEN.test(path) || rules.isIgnored(path),
    hasExceptions: rules.hasExceptions,
  });
  const paths = files.sort();
  const known = new Set(paths);
  return {
    paths,
    read: (path) => (known.has(path) ? readFileSync(join(folder, path), 'utf8') : undefined),
  };
}
