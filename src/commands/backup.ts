import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackupOutcome, BackupReport, BackupRequest, RestoreRequest } from '../backup/backup.ts';
import { requireBackupSecrets } from '../config/backup-secrets.ts';
import { failTogether, messageOf, UserError } from '../model/errors.ts';
import { type CommandResult, command } from './command.ts';
import { type Inputs, PROJECT } from './inputs.ts';
import type { BackupOutput } from './outputs.ts';
import { openProject, type Project } from './project.ts';

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
    'from',
    'mask',
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
    const { from: other } = inputs;
    if (operation !== 'restore') refuseBesideRestore(inputs);
    const { title } = project;
    const signal = surroundings.signal;
    const requestOf = (one: Project, isOpened = true): BackupRequest => {
      const { secrets, needed } = isOpened
        ? requireBackupSecrets(one, services, one.sources)
        : { secrets: {}, needed: {} };
      for (const value of Object.values(secrets)) surroundings.log.hide(value);
      return {
        ...{
          ...one.reach,
          wanted: one.wanted,
          services,
          excludedServers,
          secrets,
          author: one.author,
          signal,
        },
        ...(Object.keys(needed).length > 0 && { generated: { ...one.sealing, needed } }),
        hide: (value: string) => surroundings.log.hide(value),
      };
    };
    // Of another environment the repository is opened, and not the own one.
    const from =
      other === undefined
        ? undefined
        : requestOf(await openProject({ ...inputs, environment: other }, surroundings));
    const request = requestOf(project, from === undefined);
    const mask = await readMask(inputs.mask, project.workspace);
    const folder = join(project.workspace, inputs.folder);
    const report = await carryOut({ ...inputs, folder, from, mask }, request);
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

async function carryOut(
  {
    operation,
    backup: which,
    folder,
    'server-folder': serverFolder,
    'lease-wait': leaseWaitMs,
    from,
    mask,
  }: Pick<Inputs, 'operation' | 'backup' | 'folder' | 'server-folder' | 'lease-wait'> &
    Pick<RestoreRequest, 'from' | 'mask'>,
  request: BackupRequest,
): Promise<BackupReport> {
  const backups = await import('../backup/index.ts');
  switch (operation) {
    case 'create':
      return await backups.createBackups({ ...request, leaseWaitMs });
    case 'verify':
      return await backups.verifyBackups({ ...request, which });
    case 'list':
      return await backups.listBackups(request);
    case 'pull':
      return await backups.pullBackups({ ...request, which, folder, serverFolder });
    case 'prune':
      return await backups.pruneOldBackups(request);
    case 'restore':
      return await backups.restoreBackups({ ...request, which, leaseWaitMs, from, mask });
  }
}

/** refuseBesideRestore throws a UserError for inputs that say what a restore does, where none is asked for. */
function refuseBesideRestore({ from, mask }: Pick<Inputs, 'from' | 'mask'>): void {
  const named = [from !== undefined && 'from', mask !== undefined && 'mask'].find((name) => name !== false);
  if (named === undefined) return;
  throw new UserError(`the input "${named}" is for "operation: restore" alone`, {
    hint: 'Leave it out, or write what shall be restored.',
  });
}

/** readMask reads the statements that a restore runs on what it has restored. */
async function readMask(path: string | undefined, workspace: string): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(join(workspace, path), 'utf8');
  } catch (cause) {
    throw new UserError(`there is no ${path} in the repository, by which the data shall be masked`, {
      hint: 'The input "mask" is a path from the workspace: is it right, and is the repository checked out?',
      cause,
    });
  }
}

function outputOf({
  service,
  server,
  receipt,
  file,
  sha256,
  restore,
  volumes,
  failure,
}: BackupOutcome): BackupOutput {
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
    ...(restore?.kept !== undefined && { kept: restore.kept, kept_until: restore.kept_until }),
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
