import { createHash } from 'node:crypto';
import type { BuildSpec } from '../model/build.ts';
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

/**
 * contentHash returns by what an image is found again: 64 hexadecimal digits. What does not change the image is no part of
 * it: tags, caches, the values of secrets, which a build may read and an image must not hold. Pure.
 */
export function contentHash(content: BuildContent): string {
  const { spec, dockerfile, context, contexts, images, platform } = content;
  const facts = {
    version: VERSION,
    dockerfile,
    context,
    contexts,
    images,
    platforms: spec.platforms.length === 0 ? [platform] : [...spec.platforms].sort(),
    args: spec.args,
    labels: spec.labels,
    target: spec.target,
    secrets: Object.keys(spec.secrets).sort(),
    ssh: spec.ssh.map((agent) => agent.split('=')[0]).sort(),
    places: spec.contexts,
    extraHosts: spec.extraHosts,
    network: spec.network,
    entitlements: spec.entitlements,
    provenance: spec.provenance,
    sbom: spec.sbom,
  };
  return createHash('sha256')
    .update(JSON.stringify(sorted(facts)))
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
