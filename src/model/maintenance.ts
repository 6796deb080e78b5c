import * as z from 'zod';

/** When, by whom and why a service was put into maintenance by the action. */
export interface MaintenanceNote {
  /** ISO 8601. */
  since: string;
  /** The run, and who started it. */
  by: string;
  /** Undefined where nobody said. */
  reason?: string;
}

const note = z.object({ since: z.string(), by: z.string(), reason: z.string().optional() });

/** writeMaintenanceNote returns a note as the text of a flag. */
export function writeMaintenanceNote(said: MaintenanceNote): string {
  return `${JSON.stringify(said)}\n`;
}

/** readMaintenanceNote returns what a flag says; of one that was made by hand nothing is known. Pure. */
export function readMaintenanceNote(text: string | undefined): MaintenanceNote {
  try {
    const { reason, ...rest } = note.parse(JSON.parse(text ?? ''));
    return { ...rest, ...(reason !== undefined && { reason }) };
  } catch {
    return { since: '', by: '' };
  }
}
