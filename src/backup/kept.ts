import { mkdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { withEnvironment } from '../deploy/environment.ts';
import type { Journal } from '../deploy/record/journal.ts';
import { Timeline } from '../deploy/timeline.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Server } from '../fleet/server.ts';
import type { BackupReceipt, BackupSpec } from '../model/backup.ts';
import { UserError } from '../model/errors.ts';
import type { Scope } from '../model/names.ts';
import { type BackupOutcome, type BackupReport, type BackupRequest, chosenOf } from './backup.ts';
import { chooseBackup } from './choose.ts';
import { findUnknown, keepFound } from './recover.ts';
import { ensureImage, repositoryOf } from './repository.ts';
import { removeDeadRuns } from './restic/container.ts';
import { pullToRunner, pullToServer } from './restic/pull.ts';
import { Restic } from './restic/restic.ts';
import { ownerTags, pruneBackups } from './restic/retention.ts';
import { snapshotsOf } from './restic/snapshots.ts';
import { repositorySecrets } from './secrets.ts';

/** The backups of a service that lie in one repository. */
interface Kept {
  service: string;
  spec: BackupSpec;
  /** Asks the repository. */
  server: Server;
  restic: Restic;
  scope: Scope;
  /** The oldest first. */
  receipts: readonly BackupReceipt[];
  journal: Journal;
}

/**
 * listBackups returns the backups that were made, the oldest first. The repository is asked whether it has them still: one
 * that it has not is a failure, and so is a repository that cannot be asked.
 */
export async function listBackups(request: BackupRequest): Promise<BackupReport> {
  return await withKept(request, async ({ service, server, scope, restic, receipts }) => {
    const there = new Set((await snapshotsOf(restic, ownerTags({ ...scope, service }))).map(({ id }) => id));
    return receipts.map((receipt) => ({
      service,
      server: server.name,
      receipt,
      ...(!there.has(receipt.snapshot) && { failure: isGone(receipt) }),
    }));
  });
}

/**
 * pruneOldBackups gives up the backups that the rule of the file does not keep, and their receipts. The last one that was
 * verified stays whatever the rule says. It returns those that went.
 */
export async function pruneOldBackups(request: BackupRequest): Promise<BackupReport> {
  return await withKept(request, async ({ service, spec, server, scope, restic, receipts, journal }) => {
    const lastGood = receipts.filter(({ verified }) => verified !== undefined).at(-1);
    const owner = { ...scope, service };
    const { backups, kept } = await pruneBackups(
      restic,
      owner,
      spec.retention,
      lastGood ? [lastGood.id] : [],
    );
    const went = receipts.filter(({ id }) => backups.includes(id));
    request.log.info(`${service}: ${kept} backups are kept, ${backups.length} went`);
    if (went.length > 0) {
      await journal.forgetReceipts(went, `${went.length} old backups of ${service} given up`, request.author);
    }
    return went.map((receipt) => ({ service, server: server.name, receipt }));
  });
}

/** Where a backup is pulled to. */
export interface PullPlace {
  /** `latest`, an id or a time. */
  which: string;
  /** Of the machine that runs the action. */
  folder: string;
  /** Of the server instead. */
  serverFolder?: string | undefined;
}

/**
 * pullBackups writes a backup of each service to a folder, byte for byte as it was made; which one, `which` says: the last
 * one that was made, an id or a time.
 */
export async function pullBackups(request: BackupRequest & PullPlace): Promise<BackupReport> {
  const { log, which, folder, serverFolder } = request;
  return await withKept(request, async ({ service, server, scope, restic, receipts }) => {
    const receipt = chooseBackup(service, receipts, which, 'made');
    const found = await snapshotsOf(restic, ownerTags({ ...scope, service }));
    const [path = '/'] = found.find(({ id }) => id === receipt.snapshot)?.paths ?? [];
    if (path === '/') throw isGone(receipt);
    const pulled = { snapshot: receipt.snapshot, path };
    const told = { service, server: server.name, receipt };
    if (serverFolder !== undefined) {
      const below = posix.join(serverFolder, `${service}-${receipt.id}`);
      const file = await pullToServer(restic, pulled, below);
      log.info(`backup ${receipt.id} of ${service} is ${file} on ${server.name}`);
      return [{ ...told, file }];
    }
    await mkdir(folder, { recursive: true });
    const file = join(
      folder,
      `${service}-${receipt.id}${receipt.content === 'volumes' ? '.tar' : posix.extname(path)}`,
    );
    const { bytes, sha256 } = await pullToRunner(restic, pulled, file);
    log.info(`backup ${receipt.id} of ${service} is ${file}: ${bytes} bytes, sha256 ${sha256}`);
    return [{ ...told, file, sha256 }];
  });
}

async function withKept(
  request: BackupRequest,
  work: (kept: Kept) => Promise<BackupOutcome[]>,
): Promise<BackupReport> {
  const { wanted: file, excludedServers, clock, signal, registryAuth } = request;
  const chosen = chosenOf(request);
  const narrowing = { services: undefined, zones: undefined, excludedServers };
  const opening = { wanted: file, narrowing, access: 'read' as const, timeline: new Timeline(clock) };
  return await withEnvironment(request, opening, async (environment) => {
    const { wanted, fleet, journal } = environment;
    const secrets = await repositorySecrets(request, environment);
    const scope = { project: wanted.project, environment: wanted.environment };
    const outcomes: BackupOutcome[] = [];
    const restores = await Promise.all(chosen.map(({ service }) => journal.snapshot.restores(service)));
    for (const { service, spec } of chosen) {
      const all = await journal.snapshot.receipts(service);
      for (const { name, receipts: recorded } of placesOf(fleet, spec, all)) {
        try {
          const server = serverNamed(fleet, name, service);
          const surroundings = { server, scope, clock, log: request.log, signal };
          await removeDeadRuns(surroundings);
          await ensureImage(surroundings, spec.image, registryAuth);
          const restic = new Restic(surroundings, repositoryOf({ spec, secrets }), spec.image);
          const found = await findUnknown(surroundings, restic, { service, spec, owner: scope }, recorded);
          await keepFound(journal, found, request.author);
          const receipts = [...recorded, ...found];
          outcomes.push(...(await work({ service, spec, server, restic, scope, receipts, journal })));
        } catch (error) {
          if (signal.aborted || !(error instanceof UserError)) throw error;
          outcomes.push({ service, server: name, failure: error });
        }
      }
    }
    return { outcomes, restores: restores.flat() };
  });
}

/** The servers that ask for the backups of a service: each for those on its own disk, or one for all that lie elsewhere. */
function placesOf(
  { servers }: Pick<Fleet, 'servers'>,
  { to }: Pick<BackupSpec, 'to'>,
  receipts: readonly BackupReceipt[],
): { name: string; receipts: readonly BackupReceipt[] }[] {
  if (to.kind === 'disk' && receipts.length > 0) {
    const byServer = Map.groupBy(receipts, ({ server }) => server);
    return [...byServer].map(([name, own]) => ({ name, receipts: own }));
  }
  // Where the record knows of none, each disk may have some.
  if (to.kind === 'disk') return servers.map(({ name }) => ({ name, receipts }));
  const last = servers.find(({ name }) => name === receipts.at(-1)?.server) ?? servers[0];
  return last === undefined ? [] : [{ name: last.name, receipts }];
}

function serverNamed({ servers }: Pick<Fleet, 'servers'>, name: string, service: string): Server {
  const found = servers.find((server) => server.name === name);
  if (found !== undefined) return found;
  throw new UserError(`backups of ${service} lie on the disk of ${name}, which is none of the servers`, {
    hint: `Where ${name} has gone they have gone with it. "to" in the file names a place elsewhere.`,
  });
}

function isGone({ id, service, target }: BackupReceipt): UserError {
  return new UserError(`backup ${id} of ${service} is on the record, and not at ${target}`, {
    hint: 'Somebody has removed it there. Make a new one now: the action backup with "operation: create".',
  });
}
