import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildSpec } from '../model/build.ts';
import type { Abilities } from './abilities.ts';
import type { BuildOrder } from './arguments.ts';
import { contentTag, LAST_TAG } from './content-hash.ts';
import type { Examined } from './examine.ts';
import { imageLabels, type Origin } from './labels.ts';

/** What a build is besides what was read of it. */
export interface OrderPlace extends Omit<Origin, 'parts'> {
  /** A folder of this build alone, which is gone when the run is over. */
  folder: string;
  abilities: Abilities;
  cache: BuildOrder['cache'];
  isPushed: boolean;
  /** The image that a site stands on, so that pages that are open find their files; undefined where there is none. */
  before: string | undefined;
  /** Whether the builder writes it as an OCI layout, in place of pushing it. */
  writesLayout: boolean;
  /** A link to the run that builds, for its provenance; undefined where there is none. */
  run: string | undefined;
}

/** orderOf returns what a builder is told. What it reads as files is written: an inline Dockerfile, and values of secrets. */
export async function orderOf(one: Examined, place: OrderPlace): Promise<BuildOrder> {
  const { spec, context, contexts, dockerfile, template, hash, parts } = one;
  const { folder, abilities, cache, isPushed, revision, committedAt, before } = place;
  await mkdir(folder, { mode: 0o700 });
  const inline = join(folder, 'Dockerfile');
  if ('text' in dockerfile) await writeFile(inline, dockerfile.text);
  // BuildKit looks there first.
  if (template?.ignore !== undefined) await writeFile(`${inline}.dockerignore`, template.ignore);
  const secretFiles = Object.entries(spec.secrets).map(
    ([id], index) => [id, join(folder, `secret-${index}`)] as const,
  );
  for (const [id, path] of secretFiles) await writeFile(path, spec.secrets[id]!, { mode: 0o600 });
  const tags = [
    contentTag(hash),
    ...(isPushed ? [LAST_TAG] : []),
    ...(revision === undefined ? [] : [revision]),
  ];
  const argument = template?.before;
  return {
    spec: before && argument ? { ...spec, args: { ...spec.args, [argument]: before } } : spec,
    context,
    contexts,
    dockerfile: 'path' in dockerfile ? dockerfile.path : inline,
    secretFiles: Object.fromEntries(secretFiles),
    names: [...tags.map((tag) => `${spec.repository}:${tag}`), ...spec.tags],
    labels: imageLabels(spec, { ...place, parts }),
    cache,
    provenance: abilities.attests ? (spec.provenance ?? provenanceFor(spec, place)) : undefined,
    sbom: abilities.attests ? spec.sbom : undefined,
    isDated: abilities.rewritesTimestamps && committedAt !== undefined,
    isPushed,
    ...(place.writesLayout && { layout: join(folder, 'layout') }),
  };
}

/**
 * Of one platform the deploy gets the image itself, beside which its provenance lies. Of several it gets the list, whose
 * digest would be another one each time with the times that provenance holds. `mode=max` would show arguments.
 */
function provenanceFor({ platforms }: BuildSpec, { isPushed, run }: OrderPlace): string {
  if (!isPushed || platforms.length > 1) return 'false';
  return run === undefined ? 'mode=min' : `mode=min,builder-id=${run}`;
}
