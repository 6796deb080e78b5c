import * as z from 'zod';
import type { Restic } from './restic.ts';

const Listed = z.array(
  z.looseObject({
    id: z.string(),
    time: z.string(),
    paths: z.array(z.string()).nullish(),
    tags: z.array(z.string()).nullish(),
    summary: z
      .looseObject({ total_bytes_processed: z.int(), data_added_packed: z.int().optional() })
      .optional(),
  }),
);

/** A snapshot of a repository: all files of one moment. */
export interface Snapshot {
  id: string;
  /** ISO 8601. */
  time: string;
  /** What lies in it. */
  paths: string[];
  tags: string[];
  /** What was read for it, and what of it was new in the repository; absent where an older restic has written it. */
  sizeBytes?: number;
  storedBytes?: number;
}

/** snapshotsOf returns the snapshots that carry all of these tags, the oldest first. It throws a UserError where it cannot ask. */
export async function snapshotsOf(restic: Restic, tags: readonly string[]): Promise<Snapshot[]> {
  const { values } = await restic.run(['snapshots', '--no-lock', '--tag', tags.join(',')]);
  return listedSnapshots(values);
}

/** listedSnapshots reads what restic prints of snapshots, the oldest first. Pure. */
export function listedSnapshots(values: readonly unknown[]): Snapshot[] {
  const listed = values.flatMap((value) => Listed.parse(value ?? []));
  return listed.map(snapshotFrom).sort((one, other) => Date.parse(one.time) - Date.parse(other.time));
}

/** tagValue returns what follows `name=` among the tags of a snapshot. */
export function tagValue({ tags }: Pick<Snapshot, 'tags'>, name: string): string | undefined {
  return tags.find((tag) => tag.startsWith(`${name}=`))?.slice(name.length + 1);
}

function snapshotFrom({ id, time, paths, tags, summary }: z.infer<typeof Listed>[number]): Snapshot {
  return {
    id,
    time,
    paths: paths ?? [],
    tags: tags ?? [],
    ...(summary && { sizeBytes: summary.total_bytes_processed }),
    ...(summary?.data_added_packed !== undefined && { storedBytes: summary.data_added_packed }),
  };
}
