import type { BackupContent, BackupSpec, DatabaseKind } from '../model/backup.ts';
import type { Report } from './check-service.ts';
import { DEFAULTS } from './defaults.ts';
import { parseDuration } from './duration.ts';
import { databaseOf } from './image.ts';
import type { BackupSettingsInput, ServiceBackupInput } from './schema/backup.ts';
import type { ServiceInput } from './schema/service.ts';

/**
 * resolveBackup returns what becomes of the data of a service, by what it says and by what all backups of the file share;
 * undefined where nothing is backed up. What cannot be is reported.
 */
export function resolveBackup(
  input: ServiceInput,
  shared: BackupSettingsInput = {},
  report: Report,
): BackupSpec | undefined {
  if (input.backup === undefined || input.backup.enabled === false) return undefined;
  const said = { ...shared, ...input.backup };
  const content = contentOf(input, input.backup, report);
  if (content === undefined) return undefined;
  const { retention } = DEFAULTS.backup;
  return {
    content,
    to: said.to ?? { kind: DEFAULTS.backup.to },
    passwordSecret: said.password ?? DEFAULTS.backup.password,
    image: said.image ?? DEFAULTS.backup.image,
    retention: { ...retention, ...shared.retention, ...input.backup.retention },
    verify: said.verify ?? DEFAULTS.backup.verify,
    maxAgeMs: said.max_age ?? parseDuration(DEFAULTS.backup.max_age),
    ...(said.query !== undefined && { query: said.query }),
    ...(said.schedule !== undefined && { schedule: said.schedule }),
  };
}

/** couldBeBackedUp tells whether a service has a database from a preset whose data the file says nothing of. Pure. */
export function couldBeBackedUp(input: ServiceInput): boolean {
  return input.preset !== undefined && input.backup === undefined && databaseIn(input) !== undefined;
}

/** An image that is not known by its name behaves like that of the preset. */
function databaseIn({ image = '', preset }: ServiceInput): DatabaseKind | undefined {
  return databaseOf(image) ?? (preset && databaseOf(preset));
}

function contentOf(input: ServiceInput, said: ServiceBackupInput, report: Report): BackupContent | undefined {
  const kind = databaseIn(input);
  if (kind === undefined) {
    report(
      ['backup'],
      'nobody knows what to back up: the image is no database that is known by its name',
      'These are: postgres, mariadb, mysql, redis and valkey, under any registry.',
    );
    return undefined;
  }
  if (said.query !== undefined && kind === 'redis')
    report(['backup', 'query'], 'is for a database that speaks SQL', 'Leave it out.');
  return { kind };
}
