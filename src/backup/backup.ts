import { type OpenEnvironment, type Opening, withEnvironment } from '../deploy/environment.ts';
import { describeRestore } from '../deploy/observation/backups.ts';
import type { Reach } from '../deploy/request.ts';
import { Timeline } from '../deploy/timeline.ts';
import { resumeStopped, whileStopped } from '../deploy/while-stopped.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Server } from '../fleet/server.ts';
import type { BackupReceipt, BackupSpec, RestoreReceipt } from '../model/backup.ts';
import { targetTitle } from '../model/backup-target.ts';
import { messageOf, UserError } from '../model/errors.ts';
import type { Scope } from '../model/names.ts';
import type { EnvironmentSpec } from '../model/spec.ts';
import { chooseBackup } from './choose.ts';
import { findRunning, findStanding } from './database-container.ts';
import type { JobSurroundings } from './job.ts';
import { makeBackup, type Source, verifyBackup } from './make.ts';
import { type Origin, type OriginRequest, openOrigin, requireWithinReach } from './origin.ts';
import { findUnknown, keepFound } from './recover.ts';
import { openRepository, repositoryOf } from './repository.ts';
import { Restic } from './restic/restic.ts';
import { restoreInPlace } from './restore.ts';
import { repositorySecrets, type SecretsRequest } from './secrets.ts';
import { isDue, type Settled, settle, tidyRestores } from './tidy.ts';
import { type RestoredVolume, restoreVolumes } from './volumes/restore.ts';

/** What shall be backed up. */
export interface BackupRequest extends Reach, SecretsRequest {
  wanted: EnvironmentSpec;
  /** Names of services; undefined is all that the file backs up. */
  services: readonly string[] | undefined;
  excludedServers: readonly string[] | undefined;
  signal: AbortSignal;
}

/** One backup that was made, or looked at, and what it failed with. */
export interface BackupOutcome {
  service: string;
  server: string;
  receipt?: BackupReceipt;
  /** Where it was pulled to, and its digest. */
  file?: string;
  sha256?: string;
  /** The new volumes that it was restored to. */
  volumes?: RestoredVolume[];
  /** What a restore has replaced, where one was made. */
  restore?: RestoreReceipt;
  failure?: unknown;
}

/** What a run did to backups. */
export interface BackupReport {
  outcomes: BackupOutcome[];
  /** What earlier restores have left, where that was looked at. */
  restores?: RestoreReceipt[];
}

/** What of a backup shall come back, and how. */
export interface RestoreRequest extends BackupRequest {
  /** `latest`, an id or a time. */
  which: string;
  leaseWaitMs: number;
  /** The environment that the data comes from, where that is another one. */
  from?: OriginRequest | undefined;
  /** Statements that are run on what was restored before it takes its place. */
  mask?: string | undefined;
}

/** A service that is backed up, on a server that has its data. */
interface Holder {
  service: string;
  spec: BackupSpec;
  server: Server;
}

/**
 * createBackups backs up services, one after another on each server, and verifies what the file says. It takes no lease, unless one
 * of them is stopped meanwhile: it changes nothing else that a deploy does, and a deploy that replaces the container makes it fail. What fails for one
 * service is in its outcome, and the others go on.
 */
export async function createBackups(request: BackupRequest & { leaseWaitMs: number }): Promise<BackupReport> {
  const { author, leaseWaitMs, signal } = request;
  const isAnyStopped = chosenOf(request).some(({ spec }) => isStopped(spec));
  const back = async (holder: Holder, work: Work): Promise<Worked> => {
    const { spec, service } = holder;
    const receipt = await work.step(`Back up ${service} on ${holder.server.name}`, () =>
      isStopped(spec) ? makeStopped(work) : makeBackup(work.surroundings, work.source),
    );
    await work.keep(receipt, `backup ${receipt.id} of ${service}`);
    const before = await work.receipts();
    if (!isVerifiedNow(spec, before, receipt)) return { receipt };
    return await verified(work, receipt);
  };
  return await withHolders(request, back, isAnyStopped ? { author, leaseWaitMs, signal } : 'read');
}

function isStopped({ content }: BackupSpec): boolean {
  return content.kind === 'volumes' && content.isStopped;
}

/** A copy that a killed run has left stopped starts first: there is no telling what has become of it since. */
async function makeStopped({ surroundings, source, environment }: Work): Promise<BackupReceipt> {
  const { server, scope, log, clock, signal } = surroundings;
  const { service, author } = source;
  const found = await findStanding(server, scope, service);
  if (found === undefined) throw new Error(`${service} has gone meanwhile`);
  const pause = { service, server: server.name, id: found.id, run: author.run, log, clock, signal };
  if (!found.isRunning) await resumeStopped(environment, pause);
  return await whileStopped(environment, pause, () => makeBackup(surroundings, source));
}

/** verifyBackups restores a backup of each service, the last one unless another is named, into a scratch container. */
export async function verifyBackups(request: BackupRequest & { which: string }): Promise<BackupReport> {
  return await withHolders(request, async ({ service }, work) => {
    const receipts = await work.receipts();
    return await verified(work, chooseBackup(service, receipts, request.which, 'made'));
  });
}

/**
 * restoreBackups brings back what a backup has of a service, in place of what is there. That is kept, and nothing is missed
 * while the backup is read: a new database is filled beside it, compared with what was counted, and takes its place at once.
 * It holds the lease of the environment, so that no deploy replaces the database meanwhile.
 */
export async function restoreBackups(request: RestoreRequest): Promise<BackupReport> {
  const { author, leaseWaitMs, signal, from, mask, services = [] } = request;
  const [name] = services;
  if (name === undefined || services.length !== 1) {
    throw new UserError('a restore needs the name of the service whose data comes back', {
      hint: 'Write it as the input "service", one name.',
    });
  }
  const origin = from && (await openOrigin(from, name));
  const restore = async ({ service, spec, server }: Holder, work: Work): Promise<Worked> => {
    const receipts = await work.receipts();
    const receipt = chooseBackup(service, receipts, request.which, 'verified');
    if (receipt.content !== spec.content.kind) throw isOfAnotherKind(receipt, spec);
    if (spec.content.kind === 'command') throw isForPeople(receipt);
    const title = `Restore backup ${receipt.id} of ${service} on ${server.name}`;
    if (spec.content.kind === 'volumes') {
      const { content } = spec;
      const volumes = await work.step(title, () =>
        restoreVolumes(work.surroundings, work.source, content, receipt),
      );
      for (const { volume, restored } of volumes) {
        request.log.warning(
          `${volume} of ${service}, as it was at ${receipt.began_at}, is the volume ${restored} on ${server.name}. Nothing uses it yet: write it in place of ${volume} in the file, and deploy`,
        );
      }
      return { receipt, volumes };
    }
    const restores = await work.restores();
    const { keepRestores: keep, confirm } = work;
    const restored = await work.step(title, () =>
      restoreInPlace(work.surroundings, work.source, { receipt, mask, restores, keep, confirm }),
    );
    request.log.warning(`${describeRestore(restored)}. The first backup after that removes it`);
    return { receipt, restore: restored };
  };
  return await withHolders(request, restore, { author, leaseWaitMs, signal }, origin);
}

function isForPeople({ id, service }: BackupReceipt): UserError {
  return new UserError(
    `backup ${id} of ${service} is what a command has printed, and nobody knows what takes it`,
    {
      hint: 'Bring it to the server with "operation: pull" and "server-folder", and give it to the program that reads it.',
    },
  );
}

function isOfAnotherKind({ id, content, image }: BackupReceipt, spec: BackupSpec): UserError {
  return new UserError(
    `backup ${id} is of a ${content} (${image}), and the service is a ${spec.content.kind}`,
    {
      hint: 'Is the service the right one? "operation: pull" writes a backup to a folder, for whatever else shall be done with it.',
    },
  );
}

/** What came of the work for one service on one server. */
type Worked = Pick<BackupOutcome, 'restore' | 'volumes'> & { receipt: BackupReceipt };

/** What is done for one service on one server. */
interface Work {
  environment: OpenEnvironment;
  surroundings: JobSurroundings;
  source: Source;
  step<T>(title: string, work: () => Promise<T>): Promise<T>;
  keep(receipt: BackupReceipt, what: string): Promise<void>;
  /** Of the service, the oldest first. */
  receipts(): Promise<readonly BackupReceipt[]>;
  /** Restores of the service that may have left something, on any server. */
  restores(): Promise<RestoreReceipt[]>;
  keepRestores(settled: Settled): Promise<void>;
  /** Resolves when the lease is held still, where one was taken. */
  confirm(): Promise<void>;
}

async function verified(work: Work, receipt: BackupReceipt): Promise<Worked> {
  const { service, id } = receipt;
  try {
    const verification = await work.step(`Restore backup ${id} of ${service} into a scratch container`, () =>
      verifyBackup(work.surroundings, work.source, receipt),
    );
    const { unverified: _earlier, ...known } = receipt;
    const good = { ...known, verified: verification };
    await work.keep(good, `backup ${id} of ${service} verified`);
    return { receipt: good };
  } catch (error) {
    const bad = { ...receipt, unverified: messageOf(error).split('\n')[0] ?? '' };
    delete bad.verified;
    await work.keep(bad, `backup ${id} of ${service} not verified`);
    throw error;
  }
}

/** A day begins at midnight, UTC. */
function isVerifiedNow(
  { verify }: BackupSpec,
  before: readonly BackupReceipt[],
  { began_at }: BackupReceipt,
): boolean {
  if (verify !== 'daily') return verify === 'always';
  return !before.some(({ verified: found }) => found?.at.slice(0, 10) === began_at.slice(0, 10));
}

async function withHolders(
  request: BackupRequest,
  work: (holder: Holder, work: Work) => Promise<Worked>,
  access: Opening['access'] = 'read',
  origin?: Origin,
): Promise<BackupReport> {
  const { wanted: file, excludedServers, clock, log, author, signal, registryAuth } = request;
  const chosen = origin === undefined ? chosenOf(request) : chosenFor(request, origin);
  const narrowing = { services: undefined, zones: undefined, excludedServers };
  const opening = { wanted: file, narrowing, access, timeline: new Timeline(clock) };
  return await withEnvironment(request, opening, async (environment) => {
    const { wanted, fleet, journal } = environment;
    fleet.guardWith(() => journal.lease?.assertMayChange());
    const secrets = origin?.secrets ?? (await repositorySecrets(request, environment));
    const scope = { project: wanted.project, environment: wanted.environment };
    const holders = await holdersOf(fleet, scope, chosen);
    const outcomes: BackupOutcome[] = [];
    for (const holder of holders) {
      const { service, server } = holder;
      const told = { service, server: server.name };
      try {
        const surroundings = { server, scope, clock, log, signal };
        const { spec } = origin ?? holder;
        if (origin !== undefined) await requireWithinReach(server, origin);
        const owner = origin?.scope;
        const known = origin?.receipts ?? (await journal.snapshot.receipts(service));
        const isExpected = known.some(({ target }) => target === targetTitle(spec.to));
        const repository = { spec, secrets, owner, isExpected, authFor: registryAuth };
        const source = {
          ...{ service, spec: holder.spec, author },
          access: await openRepository(surroundings, repository),
        };
        const keepRestores = (settled: Settled) =>
          journal.keepRestores(settled, `restore of ${service} on ${server.name}`, author);
        const receipts = async () => {
          const recorded = origin?.receipts ?? (await journal.snapshot.receipts(service));
          const restic = new Restic(surroundings, repositoryOf(repository), spec.image);
          const lost = { service, spec, owner: owner ?? scope };
          const found = await findUnknown(surroundings, restic, lost, recorded);
          if (origin === undefined) await keepFound(journal, found, author);
          return [...recorded, ...found].sort((one, other) => (one.id < other.id ? -1 : 1));
        };
        const restores = await journal.snapshot.restores(service);
        // A restore does it by itself.
        if (access === 'read' && isDue(restores, server.name, clock.now())) {
          const kept = await tidyRestores(surroundings, source, false);
          await keepRestores(settle(restores, server.name, kept, clock.now()));
        }
        const worked = await work(holder, {
          environment,
          surroundings,
          source,
          step: (title, inner) => log.group(title, inner),
          keep: (kept, what) => journal.keepReceipts([kept], what, author),
          receipts,
          restores: () => journal.snapshot.restores(service),
          keepRestores,
          confirm: async () => await journal.lease?.confirm(),
        });
        outcomes.push({ ...told, ...worked });
      } catch (error) {
        if (signal.aborted || !(error instanceof UserError)) throw error;
        outcomes.push({ ...told, failure: error });
      }
    }
    return { outcomes };
  });
}

/** chosenOf returns the services that are meant, with what the file says of their backups. It throws a UserError for one that has none. */
export function chosenOf({
  wanted,
  services,
}: Pick<BackupRequest, 'wanted' | 'services'>): { service: string; spec: BackupSpec }[] {
  const all = wanted.services.flatMap(({ name, backup }) =>
    backup === undefined ? [] : [{ service: name, spec: backup }],
  );
  const unknown = services?.find((name) => !all.some(({ service }) => service === name));
  if (unknown !== undefined || all.length === 0) {
    throw new UserError(
      unknown === undefined
        ? `nothing of ${wanted.project} ${wanted.environment} is backed up`
        : `the file does not back up ${JSON.stringify(unknown)}`,
      {
        hint: 'Write backup: true at a service that is a database, and backup: { volumes: true, stop: true } at another one.',
      },
    );
  }
  return services === undefined ? all : all.filter(({ service }) => services.includes(service));
}

/** Files are there whether anything runs or not. */
function find({ content }: BackupSpec): typeof findRunning {
  return content.kind === 'volumes' ? findStanding : findRunning;
}

/** What data comes to may be backed up itself or not. */
function chosenFor(
  { wanted, services = [] }: Pick<BackupRequest, 'wanted' | 'services'>,
  { spec }: Origin,
): { service: string; spec: BackupSpec }[] {
  return services.map((service) => ({
    service,
    spec: wanted.services.find(({ name }) => name === service)?.backup ?? spec,
  }));
}

/** Every server that has a copy has data of its own. */
async function holdersOf(
  fleet: Fleet,
  scope: Scope,
  chosen: readonly { service: string; spec: BackupSpec }[],
): Promise<Holder[]> {
  const found = await fleet.onAll(async (server) => {
    const here = await Promise.all(
      chosen.map(async (one) =>
        (await find(one.spec)(server, scope, one.service)) ? [{ ...one, server }] : [],
      ),
    );
    return here.flat();
  });
  const holders = found.flat();
  const missing = chosen.find(({ service }) => !holders.some((holder) => holder.service === service));
  if (missing === undefined) return holders;
  throw new UserError(`${missing.service} runs on none of the servers, so nobody can ask it for its data`, {
    hint: 'Deploy it first. What it had before is in its earlier backups: "operation: restore" brings it back.',
  });
}
