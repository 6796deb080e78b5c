import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What package.json says that matters here; `licenses` is the old form, which ssh2 still has. */
interface Manifest {
  name: string;
  version: string;
  license?: string;
  licenses?: { type: string }[];
  author?: string | { name: string };
}

/**
 * licences returns the licence texts of all packages that bundled files come from, by name. It throws when a
 * package has no licence.
 */
export function licences(files: readonly string[]): string {
  const folders = new Set(files.flatMap((file) => packageFolder(file) ?? []));
  const entries = [...folders].map((folder) => {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
    const licence = manifest.license ?? manifest.licenses?.map(({ type }) => type).join(' or ');
    if (!licence) throw new Error(`${manifest.name} names no licence: it cannot be bundled`);
    return { title: `${manifest.name} ${manifest.version} (${licence})`, text: textOf(folder, manifest) };
  });
  const unique = new Map(entries.map(({ title, text }) => [title, text]));
  const sorted = [...unique].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([title, text]) => `${title}\n${'-'.repeat(title.length)}\n\n${text}\n`).join('\n\n');
}

/** packageFolder returns the folder of the package that a file belongs to; none for files of our own. */
function packageFolder(file: string): string | undefined {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
}

/** textOf returns the licence a package brings along; a few name one and bring none. */
function textOf(folder: string, { author }: Manifest): string {
  const name = readdirSync(folder)
    .sort()
    .find((file) => /^(licen[cs]e|copying)/i.test(file));
  if (name !== undefined) return readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n').trim();
  const holder = typeof author === 'string' ? author : author?.name;
  return `The package brings no licence text along.${holder ? ` Its author: ${holder}` : ''}`;
}
