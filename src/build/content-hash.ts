import { createHash } from 'node:crypto';
import type { BuildSpec } from '../model/build.ts';
import { LABEL } from '../model/labels.ts';
import type { ContextEntry } from './context.ts';

/** All that an image follows from. */
export interface BuildContent {
  spec: BuildSpec;
  dockerfile: string;
  context: readonly ContextEntry[];
  /** Further contexts that are folders, by name. */
  contexts: Readonly<Record<string, readonly ContextEntry[]>>;
  /** The digests of images that it builds on, by name; of one that nobody could tell, undefined. */
  images: Readonly<Record<string, string | undefined>>;
  /** What it is built for where the file does not say it. */
  platform: string;
}

/** Raised when the same content would give another image. */
const VERSION = 1;

/** What can make another image, each as it is told to people when it has changed. */
const PARTS = {
  dockerfile: 'the Dockerfile has changed',
  files: 'files of the context have changed',
  images: 'an image that it builds on has changed',
  args: 'its arguments have changed',
  settings: 'how it is built has changed',
} as const;

/** Hashes of the parts of a content. */
export type ContentParts = Record<keyof typeof PARTS, string>;

/**
 * contentParts returns what an image follows from as hashes, part by part. What does not change the image is no part of
 * it: tags, caches, the values of secrets, which a build may read and an image must not hold. Pure.
 */
export function contentParts(content: BuildContent): ContentParts {
  const { spec, dockerfile, context, contexts, images, platform } = content;
  return {
    dockerfile: hashOf(dockerfile),
    files: hashOf({ context, contexts }),
    images: hashOf(images),
    args: hashOf(spec.args),
    settings: hashOf({
      version: VERSION,
      platforms: spec.platforms.length === 0 ? [platform] : [...spec.platforms].sort(),
      labels: spec.labels,
      target: spec.target,
      secrets: Object.keys(spec.secrets).sort(),
      ssh: spec.ssh.map((agent) => agent.split('=')[0]).sort(),
      // Of another repository its files count, and not the version that they are from.
      contexts: Object.fromEntries(
        Object.entries(spec.contexts).map(([name, place]) => [
          name,
          typeof place === 'string' ? place : 'git',
        ]),
      ),
      extraHosts: spec.extraHosts,
      network: spec.network,
      entitlements: spec.entitlements,
      provenance: spec.provenance,
      sbom: spec.sbom,
    }),
  };
}

/** contentHash returns by what an image is found again: 64 hexadecimal digits. Pure. */
export function contentHash(parts: ContentParts): string {
  return hashOf(parts);
}

/** Hexadecimal digits of a part on the label: enough to tell two apart. */
const SHORT = 12;

/** contentLabel returns the parts of a content as they stand on a label of its image. Pure. */
export function contentLabel(parts: ContentParts): string {
  return Object.entries(parts)
    .map(([name, hash]) => `${name}=${hash.slice(0, SHORT)}`)
    .join(' ');
}

/** whyBuilt returns what has changed since the image that has this label; `label` is undefined where there is none. Pure. */
export function whyBuilt(parts: ContentParts, label: string | undefined): string {
  if (label === undefined) return 'there is no earlier image of it';
  const before = label.split(' ');
  const changed = contentLabel(parts)
    .split(' ')
    .filter((part) => !before.includes(part))
    .map((part) => PARTS[part.split('=')[0] as keyof typeof PARTS]);
  return changed.length === 0 ? 'its image has left the registry' : changed.join(', ');
}

/** The tag of the image that was built last. */
export const LAST_TAG = 'content-last';

/** The label that has {@link contentLabel}. */
export const CONTENT_LABEL = LABEL.content;

function hashOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(value)))
    .digest('hex');
}

/** The same with the keys of maps in one order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  );
}

/** contentTag returns the tag under which a registry has the image of a content. */
export function contentTag(hash: string): string {
  return `content-${hash}`;
}
