/** When, by whom and why a service was put into maintenance by the action. */
export interface MaintenanceNote {
  /** ISO 8601. */
  since: string;
  /** The run, and who started it. */
  by: string;
  /** Undefined where nobody said. */
  reason?: string;
}

/** writeMaintenanceNote returns a note as the text of a flag. */
export function writeMaintenanceNote(said: MaintenanceNote): string {
  return `${JSON.stringify(said)}\n`;
}

/** readMaintenanceNote returns what a flag says; of one that was made by hand nothing is known. Pure. */
export function readMaintenanceNote(text: string | undefined): MaintenanceNote {
  const { since, by, reason } = membersOf(text);
  const known = typeof since === 'string' && typeof by === 'string' ? { since, by } : { since: '', by: '' };
  return { ...known, ...(typeof reason === 'string' && { reason }) };
}

function membersOf(text: string | undefined): Partial<Record<keyof MaintenanceNote, unknown>> {
  try {
    const said: unknown = JSON.parse(text ?? '');
    return typeof said === 'object' && said !== null ? said : {};
  } catch {
    return {};
  }
}
