import type { MaintenanceSpec } from '../model/spec.ts';
import type { Report } from './check-service.ts';
import { DEFAULTS } from './defaults.ts';
import { parseDuration } from './duration.ts';
import type { MaintenanceInput } from './schema/maintenance.ts';
import { type Sources, textOf } from './service-files.ts';

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
  const page =
    said.page === undefined
      ? undefined
      : textOf(said.page, PAGE_MAX_BYTES, sources, (message, hint) => report(['maintenance'], message, hint));
  return {
    isOn: said.enabled ?? false,
    allow: said.allow ?? [],
    retryAfterMs: said.retry_after ?? parseDuration(DEFAULTS.maintenance.retry_after),
    status: said.status ?? DEFAULTS.maintenance.status,
    ...(page !== undefined && { page }),
  };
}
