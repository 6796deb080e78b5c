import type { BuildSpec } from '../model/build.ts';
import { LABEL } from '../model/labels.ts';
import { CONTENT_LABEL, type ContentParts, contentLabel } from './content-hash.ts';

/** What an image is made from, as far as it is known. */
export interface Origin {
  project: string;
  /** What it follows from, for who asks why the next one was built. */
  parts: ContentParts;
  /** Address of the repository for people. */
  source: string | undefined;
  revision: string | undefined;
  /** In seconds since 1970. */
  committedAt: number | undefined;
}

/**
 * imageLabels returns the labels of an image: those of its service, the ones that the OCI has words for, and the one by
 * which a deploy finds on a server what no release needs any more. They follow from the commit alone, so that the same
 * commit gives the same image. Pure.
 * https://github.com/opencontainers/image-spec/blob/main/annotations.md
 */
export function imageLabels(
  { labels, service }: BuildSpec,
  { project, parts, source, revision, committedAt }: Origin,
): Record<string, string> {
  const known = {
    title: service,
    source,
    revision,
    version: revision,
    created: committedAt === undefined ? undefined : new Date(committedAt * 1000).toISOString(),
  };
  const own = Object.entries(known).flatMap(([name, value]) =>
    value === undefined ? [] : [[`org.opencontainers.image.${name}`, value]],
  );
  return {
    ...Object.fromEntries(own),
    ...labels,
    [LABEL.project]: project,
    [CONTENT_LABEL]: contentLabel(parts),
  };
}
