import * as z from 'zod';
import { UserError } from '../model/errors.ts';

const Summary = z.looseObject({
  message_type: z.literal('summary'),
  snapshot_id: z.string(),
  total_bytes_processed: z.int(),
  total_files_processed: z.int(),
  /** Since 0.17. */
  data_added_packed: z.int().optional(),
  data_added: z.int(),
});

/** What restic says of a snapshot that it has written. */
export interface WrittenSnapshot {
  id: string;
  sizeBytes: number;
  storedBytes: number;
  /** Files that were read, without folders and links. */
  files: number;
}

/** writtenSnapshot reads the last words of `restic backup --json`. It throws a UserError where there is no snapshot. */
export function writtenSnapshot(output: string | undefined): WrittenSnapshot {
  const lines = (output ?? '').split('\n').filter((line) => line.includes('"summary"'));
  const parsed = Summary.safeParse(jsonOf(lines.at(-1) ?? ''));
  if (!parsed.success) {
    throw new UserError('restic has ended well and says of no snapshot that it was written', {
      hint: 'Is the image that of restic 0.17 or newer? "backup.image" in the file names it.',
    });
  }
  const { snapshot_id: id, total_bytes_processed: sizeBytes, data_added, data_added_packed } = parsed.data;
  const { total_files_processed: files } = parsed.data;
  return { id, sizeBytes, storedBytes: data_added_packed ?? data_added, files };
}

/** resticVersion reads `restic version --json`. */
export function resticVersion(output: string | undefined): string {
  const parsed = z.looseObject({ version: z.string() }).safeParse(jsonOf(output ?? ''));
  return parsed.success ? parsed.data.version : 'unknown';
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
