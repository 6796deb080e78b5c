import type { MaintenanceSpec } from '../model/spec.ts';
import type { Report } from './check-service.ts';
import { DEFAULTS } from './defaults.ts';
import { parseDuration } from './duration.ts';
import type { MaintenanceInput } from './schema/maintenance.ts';
import { look, type Sources } from './service-files.ts';

/** A page is part of the configuration of an edge, of the record and of each run's look at both. */
const PAGE_MAX_BYTES = 64 * 1024;

/**
 * maintenanceOf lays what top, environment and service say of maintenance over each other, key by key, and reads the page.
 * Undefined where nobody says anything. A page that is not there, too large or no text is reported.
 */
export function maintenanceOf(
  levels: readonly (MaintenanceInput | undefined)[],
  sources: Sources,
  report: Report,
): MaintenanceSpec | undefined {
  if (levels.every((level) => level === undefined)) return undefined;
  const said: MaintenanceInput = Object.assign({}, ...levels);
  const page = said.page === undefined ? undefined : readPage(said.page, sources, report);
  return {
    isOn: said.enabled ?? false,
    allow: said.allow ?? [],
    retryAfterMs: said.retry_after ?? parseDuration(DEFAULTS.maintenance.retry_after),
    status: said.status ?? DEFAULTS.maintenance.status,
    ...(page !== undefined && { page }),
  };
}

function readPage(path: string, sources: Sources, report: Report): string | undefined {
  const complain = (message: string, hint?: string) => report(['maintenance'], message, hint);
  const entry = look(path, sources, complain);
  if (entry === undefined) return undefined;
  if (entry.kind === 'folder') {
    complain(`${path} is a folder`, 'Name the HTML file in it.');
    return undefined;
  }
  const { bytes } = entry.file;
  const text = bytes.toString('utf8');
  if (!Buffer.from(text).equals(bytes)) complain(`${path} is no text in UTF-8`);
  else if (bytes.length > PAGE_MAX_BYTES)
    complain(`${path} has ${Math.ceil(bytes.length / 1024)} KB, and 64 KB are possible`, PAGE_HINT);
  return text;
}

const PAGE_HINT = 'A page of maintenance stands alone: what it needs is in it.';
