import type { BackupContent, BackupSpec, DatabaseKind } from '../model/backup.ts';
import type { Report } from './check-service.ts';
import { DEFAULTS } from './defaults.ts';
import { parseDuration } from './duration.ts';
import { databaseOf } from './image.ts';
import { didYouMean, listed } from './nearest.ts';
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
  const { volumes, command, stop, query } = said;
  if (stop !== undefined && volumes === undefined)
    report(
      ['backup', 'stop'],
      'is for volumes: everything else is read from a service that works',
      'Leave it out.',
    );
  const told = [volumes, command, query].filter((one) => one !== undefined);
  if (told.length > 1) {
    report(['backup'], 'says twice what is backed up', 'Keep one of volumes, command and query.');
    return undefined;
  }
  if (volumes !== undefined) return volumesOf(input, volumes, stop ?? false, report);
  if (command !== undefined) return { kind: 'command', command };
  return databaseContent(input, said, report);
}

/** Files of the server, of the repository and of volumes without a name are no one's to keep. */
function volumesOf(
  input: ServiceInput,
  said: true | readonly string[],
  isStopped: boolean,
  report: Report,
): BackupContent | undefined {
  const known = (input.volumes ?? []).flatMap(({ type, source }) =>
    type === 'volume' && source !== undefined ? [source] : [],
  );
  if (known.length === 0) {
    report(
      ['backup', 'volumes'],
      'the service has no volume with a name',
      'Give it one: volumes: ["data:/data"].',
    );
    return undefined;
  }
  const names = said === true ? known : said;
  for (const [index, name] of names.entries()) {
    if (known.includes(name)) continue;
    const message = `there is no volume ${JSON.stringify(name)} of the service${didYouMean(name, known)}`;
    report(['backup', 'volumes', index], message, `It has ${listed(known)}.`);
  }
  return { kind: 'volumes', volumes: [...new Set(names)].sort(), isStopped };
}

function databaseContent(
  input: ServiceInput,
  said: ServiceBackupInput,
  report: Report,
): BackupContent | undefined {
  const kind = databaseIn(input);
  if (kind === undefined) {
    report(
      ['backup'],
      'nobody knows what to back up: the image is no database that is known by its name',
      'These are: postgres, mariadb, mysql, redis and valkey, under any registry. Of anything else, backup: { volumes: true, stop: true } keeps the files.',
    );
    return undefined;
  }
  if (said.query !== undefined && kind === 'redis')
    report(['backup', 'query'], 'is for a database that speaks SQL', 'Leave it out.');
  return { kind };
}
