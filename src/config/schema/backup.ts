import * as z from 'zod';
import { UserError } from '../../model/errors.ts';
import { parseCron } from '../cron.ts';
import { DEFAULTS } from '../defaults.ts';
import { parseImage } from '../image.ts';
import { splitWords } from '../shell-words.ts';
import { backupTarget } from './backup-target.ts';
import { entryName } from './configs.ts';
import { closed, key, parsed } from './key.ts';
import { filledText, flag, positiveDuration, wholeNumber } from './scalars.ts';

const kept = wholeNumber('a number from 0 to 1000', 0, 1000);

const retention = closed({
  daily: key(kept, {
    description: 'The last backup of so many days.',
    fallback: { value: DEFAULTS.backup.retention.daily },
    example: 'daily: 14',
  }),
  weekly: key(kept, {
    description: 'The last one of so many weeks.',
    fallback: { value: DEFAULTS.backup.retention.weekly },
    example: 'weekly: 8',
  }),
  monthly: key(kept, {
    description: 'The last one of so many months.',
    fallback: { value: DEFAULTS.backup.retention.monthly },
    example: 'monthly: 24',
  }),
});

/** What may stand at the top for all services, and at a service for that one. */
const shared = {
  to: key(backupTarget, {
    description:
      'Where backups go. `disk` is a volume on the server that has the data, so that the only copy stands beside the original.',
    fallback: { value: DEFAULTS.backup.to },
    example: 'to: disk',
  }),
  password: key(entryName('secret'), {
    description:
      'The name of the secret that is the password of the repository: without it nobody reads a backup, you included. One with `generate` is made by the first deploy of a service that is backed up, and needs `age_recipients` where backups lie elsewhere.',
    fallback: { value: DEFAULTS.backup.password },
    example: 'password: backup-password',
  }),
  image: key(parsed(filledText, parseImage), {
    description: 'Image of restic, 0.17 or newer, which runs on the servers.',
    fallback: { value: DEFAULTS.backup.image },
    example: 'image: "restic/restic:0.18.1"',
  }),
  retention: key(retention, {
    description: 'How many backups are kept; the action `backup` removes the others with `action: prune`.',
    fallback: { value: DEFAULTS.backup.retention },
    example: 'retention: { daily: 7, weekly: 4, monthly: 12 }',
  }),
  verify: key(z.enum(['always', 'daily', 'never']), {
    description:
      'When a backup is restored into a scratch container and compared with what was counted: after each one, after the first of a day, or only by `action: verify`. What was never restored counts as no backup.',
    fallback: { value: DEFAULTS.backup.verify },
    example: 'verify: daily',
  }),
  max_age: key(positiveDuration, {
    description:
      'How old the last verified backup may be: beyond it `status` fails, and plans and deploys say so.',
    fallback: { value: DEFAULTS.backup.max_age },
    example: 'max_age: 36h',
  }),
  schedule: key(parsed(filledText, parseCron), {
    description:
      'When the workflow with the action `backup` runs, in the words of cron. It starts nothing by itself: it is for people, and is checked.',
    example: 'schedule: "17 3 * * *"',
  }),
};

const words = parsed(
  z.union([filledText, z.array(filledText)], { error: 'must be a command, or a list of its words' }),
  (value): string[] => {
    const list = typeof value === 'string' ? splitWords(value) : value;
    if (list.length === 0) throw new UserError('is empty');
    return list;
  },
);

const ofService = closed({
  enabled: key(flag, {
    description: 'Whether backups are made at all.',
    fallback: { value: true },
    example: 'enabled: false',
  }),
  ...shared,
  volumes: key(
    z.union([z.literal(true), z.array(filledText).min(1)], {
      error: 'must be true, or a list with names of volumes of the service',
    }),
    {
      description:
        'The files of these volumes of the service, or of all with `true`, are what is backed up, whatever the service is. They are read while it works, unless `stop` says otherwise.',
      example: 'volumes: [uploads]',
    },
  ),
  stop: key(flag, {
    description:
      'Whether the service is stopped while its `volumes` are read, and then started again: what a program writes to several files fits together only then. Requests wait meanwhile where it has `queue_requests`.',
    fallback: { value: false },
    example: 'stop: true',
  }),
  command: key(words, {
    description:
      'What this command prints is backed up, whatever the service is. It runs in a container beside that of the service: of the same image, as root, with its variables, files and network, and its volumes read-only. A shell, `tee` and `sha256sum` have to be in the image.',
    short: 'command: mongodump --archive --uri mongodb://127.0.0.1',
    long: 'command: ["sqlite3", "-readonly", "/data/app.db", ".dump"]',
  }),
  query: key(filledText, {
    description:
      'SQL that is asked in the backup’s own snapshot and again after a restore: both have to answer the same.',
    example: 'query: SELECT max(id), sum(total) FROM orders',
  }),
});

/** A backup as a service of the file has it, always as a map. Durations in milliseconds. */
export type ServiceBackupInput = z.infer<typeof ofService>;

/** What is backed up of a service, where to, and how long it is kept. */
export const serviceBackup = z.union(
  [flag.transform((enabled): ServiceBackupInput => ({ enabled })), ofService],
  { error: 'must be true, false or a map such as { max_age: 36h }' },
);

/** What all backups of the file share. */
export const backupSettings = closed(shared).meta({ id: 'backup' });

/** What all backups of the file share, as it has it. Durations in milliseconds. */
export type BackupSettingsInput = z.infer<typeof backupSettings>;
