import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Looks into the files of a folder until it is stopped. */
export interface FileWatch {
  /** look looks now; it does so every 50 ms by itself. */
  look(): void;
  /** stop returns the files that had one of the texts in them at any time: `<name> <mode>`, each once. */
  stop(): string[];
}

/** watchFiles looks for texts in the files below a folder, whatever comes and goes there. */
export function watchFiles(folder: string, texts: readonly string[]): FileWatch {
  const seen = new Set<string>();
  const look = () => {
    for (const one of filesWith(folder, texts)) seen.add(one);
  };
  const timer = setInterval(look, 50);
  return {
    look,
    stop() {
      clearInterval(timer);
      return [...seen].sort();
    },
  };
}

/** filesWith returns the files below a folder that have one of the texts in them: `<name> <mode>`. */
export function filesWith(folder: string, texts: readonly string[]): string[] {
  const entries = orNothing(() => readdirSync(folder, { withFileTypes: true })) ?? [];
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesWith(path, texts);
    if (!entry.isFile()) return [];
    const found = orNothing(() => ({ mode: statSync(path).mode & 0o777, content: readFileSync(path) }));
    if (found === undefined || !texts.some((text) => found.content.includes(text))) return [];
    return [`${entry.name} ${found.mode.toString(8)}`];
  });
}

/** What has gone while we looked is nothing. */
function orNothing<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
