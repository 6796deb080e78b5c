import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** The root of the repository. */
export const root = join(import.meta.dirname, '..', '..', '..');

/** A fenced block of a document. */
export interface Block {
  /** From the root of the repository. */
  file: string;
  /** The line of the fence, counted from 1. */
  line: number;
  language: string;
  text: string;
  /** The file that this block shows, where a comment above it says so. */
  example: string | undefined;
  /** What of the product this block shows, where a comment above it says so: `plan`. */
  shown: string | undefined;
}

/** documents returns the paths of all documents that people wrote; the reference is generated and has its own test. */
export function documents(): string[] {
  const top = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'];
  const below = ['docs', 'examples', 'actions', 'clients'].flatMap((folder) =>
    markdownBelow(join(root, folder)),
  );
  return [...top, ...below].filter((path) => !path.startsWith(join('docs', 'reference')));
}

function markdownBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

/** read returns the text of a file, by its path from the root. */
export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** blocks returns the fenced blocks of all documents, or those of one language. */
export function blocks(...languages: string[]): Block[] {
  return documents()
    .flatMap(blocksOf)
    .filter(({ language }) => languages.length === 0 || languages.includes(language));
}

/** blocksOf returns the fenced blocks of one document. It throws when a fence is not closed. */
function blocksOf(file: string): Block[] {
  const lines = read(file).split('\n');
  const found: Block[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const language = /^```(\S*)$/.exec(lines[at] ?? '')?.[1];
    if (language === undefined) continue;
    const end = lines.indexOf('```', at + 1);
    if (end < 0) throw new Error(`${file}:${at + 1}: the block is not closed`);
    const [, key, value] = /^<!-- (example|shown): (\S+) -->$/.exec(lines[at - 1] ?? '') ?? [];
    found.push({
      file,
      line: at + 1,
      language,
      text: `${lines.slice(at + 1, end).join('\n')}\n`,
      example: key === 'example' ? value : undefined,
      shown: key === 'shown' ? value : undefined,
    });
    at = end;
  }
  return found;
}

/** shown returns the block of a document that shows something of the product. It throws when there is none. */
export function shown(file: string, what: string): Block {
  const found = blocksOf(file).find((block) => block.shown === what);
  if (found === undefined) throw new Error(`${file} has no block that shows ${what}`);
  return found;
}

/** prose returns a document without its fenced blocks. */
export function prose(file: string): string {
  return read(file).replaceAll(/^```[\s\S]*?^```$/gm, '');
}

/** target returns the path from the root that a relative link of a document leads to. */
export function target(file: string, link: string): string {
  return join(dirname(file), link);
}
