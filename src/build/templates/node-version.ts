// One by one, since the package as a whole would be most of a bundle.
import satisfies from 'semver/functions/satisfies.js';
import minVersion from 'semver/ranges/min-version.js';
import validRange from 'semver/ranges/valid.js';
import { UserError } from '../../model/errors.ts';
import { inFolder } from './dockerfile-text.ts';
import type { NodePackage } from './node-package.ts';
import type { SourceTree } from './template.ts';

/** Lines of Node with long-term support, the newest first, by the names that version managers know. */
const LTS = { krypton: 24, jod: 22, iron: 20 } as const;

const LATEST_LTS = Object.values(LTS)[0]!;

/** A version, and by which file it was found. */
export interface FoundVersion {
  /** As in the tag of an image: `24`, `22.11`. */
  version: string;
  by: string;
}

/**
 * nodeVersion returns the version of Node that a project asks for; that with long-term support where it asks for none. It
 * throws for what names no version.
 */
export function nodeVersion(
  tree: SourceTree,
  packages: readonly NodePackage[],
  asked: string | undefined,
): FoundVersion {
  if (asked !== undefined) return { version: asked, by: 'version' };
  for (const { folder, json } of packages) {
    for (const file of ['.nvmrc', '.node-version', '.tool-versions']) {
      const path = inFolder(folder, file);
      const said = versionIn(file, tree.read(path));
      if (said !== undefined) return { version: named(said, path), by: path };
    }
    const path = inFolder(folder, 'package.json');
    const { node: range } = json.engines ?? {};
    const { node: pinned } = json.volta ?? {};
    if (pinned !== undefined) return { version: named(pinned, path), by: `volta in ${path}` };
    if (range !== undefined) return { version: newest(range, path), by: `engines in ${path}` };
  }
  return { version: String(LATEST_LTS), by: 'the one with long-term support, since the folder names none' };
}

function versionIn(file: string, text: string | undefined): string | undefined {
  const lines = text?.split('\n').map((line) => line.replace(/#.*/, '').trim()) ?? [];
  if (file !== '.tool-versions') return lines.find((line) => line !== '');
  return lines.map((line) => /^node(?:js)?\s+(\S+)/.exec(line)?.[1]).find((version) => version !== undefined);
}

function named(said: string, path: string): string {
  const version = said.replace(/^v/, '');
  if (/^\d+(?:\.\d+){0,2}$/.test(version)) return version;
  if (/^(?:lts\/\*|lts|node|stable|current|latest)$/.test(said)) return String(LATEST_LTS);
  const codename = /^lts[/-](\w+)$/.exec(said)?.[1] ?? '';
  if (Object.hasOwn(LTS, codename)) return String(LTS[codename as keyof typeof LTS]);
  throw new UserError(`${path} says ${JSON.stringify(said)}, which is no version of Node`, {
    hint: 'Write a number, for example 24, there or as version of the template.',
  });
}

/** The newest line with long-term support in a range, else what the range begins with. */
function newest(range: string, path: string): string {
  const lowest = validRange(range) === null ? null : minVersion(range);
  if (lowest === null) return named(range, path);
  const { major, minor, version } = lowest;
  const lines = [...Object.values(LTS).map(String), String(major), `${major}.${minor}`];
  return lines.find((line) => satisfies(last(line), range)) ?? version;
}

/** A release that is as good as the last one of a line. */
const last = (line: string): string => [...line.split('.'), '9999', '9999'].slice(0, 3).join('.');
