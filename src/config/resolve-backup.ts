import type { BackupContent, BackupSpec } from '../model/backup.ts';
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
    beforeDeploy: said.before_deploy ?? DEFAULTS.backup.before_deploy,
    ...(said.query !== undefined && { query: said.query }),
    ...(said.schedule !== undefined && { schedule: said.schedule }),
  };
}

function contentOf(
  { image = '', volumes = [] }: ServiceInput,
  said: ServiceBackupInput,
  report: Report,
): BackupContent | undefined {
  if (said.volumes !== undefined && said.command !== undefined) {
    report(['backup'], 'volumes and command exclude each other', 'Keep one of the two.');
    return undefined;
  }
  if (said.stopped !== undefined && said.volumes === undefined) {
    report(
      ['backup', 'stopped'],
      'is for a backup of volumes',
      'Leave it out, or name them: volumes: [data].',
    );
  }
  const database = databaseOf(image);
  const isDumped = said.volumes === undefined && said.command === undefined;
  if (said.query !== undefined && !(isDumped && isAsked(database))) {
    report(
      ['backup', 'query'],
      'is for a database that speaks SQL and is dumped by its own program',
      'Leave it out.',
    );
  }
  if (said.command !== undefined) return { kind: 'command', command: said.command };
  if (said.volumes !== undefined) {
    const known = volumes.flatMap(({ type, source }) => (type === 'volume' && source ? [source] : []));
    for (const name of said.volumes) {
      if (known.includes(name)) continue;
      report(
        ['backup', 'volumes'],
        `the service has no volume ${JSON.stringify(name)}${didYouMean(name, known)}`,
        known.length > 0 ? `It has ${listed(known)}.` : 'Give it one: volumes: [data:/var/lib/app].',
      );
    }
    return { kind: 'volumes', volumes: said.volumes, isStopped: said.stopped ?? false };
  }
  if (database !== undefined) return { kind: database };
  report(
    ['backup'],
    'nobody knows what to back up: the image is no database that is known by its name',
    'Name volumes, backup: { volumes: [data] }, or a command whose output is the backup.',
  );
  return undefined;
}

function isAsked(database: ReturnType<typeof databaseOf>): boolean {
  return database === 'postgres' || database === 'mysql' || database === 'mariadb';
}
