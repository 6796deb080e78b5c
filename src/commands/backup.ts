import { join } from 'node:path';
import {
  type BackupOutcome,
  type BackupReport,
  type BackupRequest,
  createBackups,
  restoreBackups,
  verifyBackups,
} from '../backup/backup.ts';
import { listBackups, pruneOldBackups, pullBackups } from '../backup/kept.ts';
import { requireBackupSecrets } from '../config/backup-secrets.ts';
import { failTogether, messageOf, UserError } from '../model/errors.ts';
import { type CommandResult, command } from './command.ts';
import { type Inputs, PROJECT } from './inputs.ts';
import type { BackupOutput } from './outputs.ts';
import { openProject } from './project.ts';

/** What was done to backups. */
export interface BackedUp extends CommandResult<'backups'> {
  kind: 'backups';
  /** For people: `shop production`. */
  title: string;
  operation: Inputs['operation'];
  report: BackupReport;
}

/** backup makes backups of services, restores them to see whether they are any, and brings them back. */
export const backup = command({
  title: 'Switchyard backup',
  description:
    'Back up databases and volumes of an environment from server to repository, verify each backup by restoring it, and bring one back.',
  inputs: [
    ...PROJECT,
    'operation',
    'backup',
    'folder',
    'server-folder',
    'service',
    'exclude-servers',
    'lease-wait',
    'secrets',
    'age-key',
  ],
  outputs: ['backups'],
  meanings: {
    service:
      'The services to work on, one a line. All that the file backs up when empty; `restore` needs one.',
    secrets:
      'The values of secrets by name, as a JSON object: all with the expression `toJSON(secrets)`. Needed are the password of the repository, and what opens the place where it is.',
  },
  async run(inputs, surroundings): Promise<BackedUp> {
    const project = await openProject(inputs, surroundings);
    const { operation, service: services, 'exclude-servers': excludedServers } = inputs;
    const { wanted, reach, author, title, sources, sealing } = project;
    const { secrets, needed } = requireBackupSecrets(project, services, sources);
    for (const value of Object.values(secrets)) surroundings.log.hide(value);
    const request = {
      ...reach,
      wanted,
      services,
      excludedServers,
      secrets,
      ...(Object.keys(needed).length > 0 && { generated: { ...sealing, needed } }),
      author,
      signal: surroundings.signal,
      hide: (value: string) => surroundings.log.hide(value),
    };
    const report = await carryOut({ ...inputs, folder: join(project.workspace, inputs.folder) }, request);
    return {
      kind: 'backups',
      title,
      operation,
      report,
      outputs: { backups: report.outcomes.map(outputOf) },
      failure: failureIn(report),
    };
  },
});

function carryOut(
  {
    operation,
    backup: which,
    folder,
    'server-folder': serverFolder,
    'lease-wait': leaseWaitMs,
  }: Pick<Inputs, 'operation' | 'backup' | 'folder' | 'server-folder' | 'lease-wait'>,
  request: BackupRequest,
): Promise<BackupReport> {
  switch (operation) {
    case 'create':
      return createBackups({ ...request, leaseWaitMs });
    case 'verify':
      return verifyBackups({ ...request, which });
    case 'list':
      return listBackups(request);
    case 'pull':
      return pullBackups({ ...request, which, folder, serverFolder });
    case 'prune':
      return pruneOldBackups(request);
    case 'restore':
      return restoreBackups({ ...request, which, leaseWaitMs });
  }
}

function outputOf({ service, server, receipt, file, sha256, volumes, failure }: BackupOutcome): BackupOutput {
  return {
    service,
    server,
    ...(receipt !== undefined && {
      id: receipt.id,
      at: receipt.began_at,
      size_bytes: receipt.size_bytes,
      stored_bytes: receipt.stored_bytes,
      took_ms: receipt.took_ms,
      target: receipt.target,
    }),
    ...(file !== undefined && { file }),
    ...(sha256 !== undefined && { sha256 }),
    ...(volumes !== undefined && {
      volumes: Object.fromEntries(volumes.map(({ volume, restored }) => [volume, restored])),
    }),
    verified: failure === undefined && receipt?.verified !== undefined,
    ...(receipt?.verified !== undefined && { restore_ms: receipt.verified.took_ms }),
    ...(failure !== undefined && { error: messageOf(failure).split('\n')[0] ?? '' }),
  };
}

function failureIn({ outcomes }: BackupReport): unknown {
  const failures = outcomes.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  try {
    failTogether(failures.filter((failure) => failure instanceof UserError));
    return failures[0];
  } catch (error) {
    return error;
  }
}
