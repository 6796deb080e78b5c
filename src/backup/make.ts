import {
  type BackupFacts,
  type BackupReceipt,
  type BackupSpec,
  type BackupVerification,
  backupTags,
} from '../model/backup.ts';
import { targetTitle } from '../model/backup-target.ts';
import { UserError } from '../model/errors.ts';
import type { Author } from '../model/release.ts';
import { ABOUT_FILE, aboutText } from './about.ts';
import { newBackupId, resticTime } from './backup-id.ts';
import { findRunning, findStanding, type RunningContainer } from './database-container.ts';
import { PROGRAMS } from './databases/index.ts';
import type { DatabaseJob, DatabaseProgram } from './databases/program.ts';
import { type Job, type JobSurroundings, runJob } from './job.ts';
import type { Program } from './program.ts';
import { programFor } from './program-for.ts';
import { resticVersion, writtenSnapshot } from './restic-output.ts';
import type { ResticAccess } from './vault.ts';
import { differencesOf } from './verdict.ts';

/** What a backup is made of, and where to. */
export interface Source {
  service: string;
  spec: BackupSpec;
  access: ResticAccess;
  author: Author;
}

/** Beside the database a dump takes no more than this. */
export const DUMP_MEMORY_BYTES = 256 * 1024 * 1024;

/**
 * makeBackup backs up what a service holds on a server, and returns its receipt once all of it is in the repository. It
 * throws a UserError where anything of it fails: then nothing counts.
 */
export async function makeBackup(surroundings: JobSurroundings, source: Source): Promise<BackupReceipt> {
  const { server, scope, clock } = surroundings;
  const { service, spec, access, author } = source;
  const container = await requireContainer(surroundings, source);
  const program = programFor(spec, scope);
  const at = new Date(clock.now());
  const id = newBackupId(at);
  const tags = { ...scope, service, id };
  const part = program.dump(container, spec.query);
  const { release, image } = container;
  const about = aboutText({
    ...{ schema: 1, ...scope, service, id, content: spec.content.kind, server: server.name, release, image },
    ...{ began_at: at.toISOString(), ...(spec.query !== undefined && { query: spec.query }) },
    ...{ run: author.run, actor: author.actor },
  });
  const outcome = await runJob(surroundings, {
    title: `the backup of ${service}`,
    service,
    image: container.imageId,
    network: `container:${container.id}`,
    memoryBytes: DUMP_MEMORY_BYTES,
    ...jobOf({ ...part, files: { ...part.files, [ABOUT_FILE]: about } }, access, {
      BACKUP_TIME: resticTime(at),
      DATA_PATH: program.dataPath,
      DATA_TAGS: backupTags(tags, 'data').join(','),
      ABOUT_TAGS: backupTags(tags, 'about').join(','),
    }),
  });
  const { output } = outcome;
  const data = writtenSnapshot(output.get('data.json'));
  const beside = writtenSnapshot(output.get('about.json'));
  return {
    schema: 1,
    ...scope,
    service,
    id,
    content: spec.content.kind,
    server: server.name,
    release: container.release,
    image: container.image,
    began_at: at.toISOString(),
    took_ms: Math.round(outcome.tookMs),
    size_bytes: data.sizeBytes,
    stored_bytes: data.storedBytes + beside.storedBytes,
    target: targetTitle(spec.to),
    snapshot: data.id,
    about: beside.id,
    facts: program.factsOf(output),
    ...(spec.query !== undefined && { query: spec.query }),
    tools: { ...program.toolsOf(output), restic: resticVersion(output.get('restic.json')) },
    run: author.run,
    actor: author.actor,
  };
}

/**
 * verifyBackup restores a backup into a scratch container, away from the network of the app, and compares it with what was
 * counted. It throws a UserError where that fails or anything is different: then it is no backup.
 */
export async function verifyBackup(
  surroundings: JobSurroundings,
  source: Source,
  receipt: BackupReceipt,
): Promise<BackupVerification> {
  const { clock, server, scope } = surroundings;
  const { service, spec, access, author } = source;
  const container = await requireContainer(surroundings, source);
  const program = programFor(spec, scope);
  const title = `the test of backup ${receipt.id} of ${service}`;
  const outcome = await runJob(surroundings, {
    title,
    service,
    image: container.imageId,
    network: 'bridge',
    memoryBytes: container.memoryBytes === undefined ? undefined : container.memoryBytes + DUMP_MEMORY_BYTES,
    ...jobOf(program.verify(container, receipt.query), access, snapshotsOf(receipt, program)),
  });
  requireWhole(`${server.name}: ${title}`, receipt, program.factsOf(outcome.output));
  return { at: new Date(clock.now()).toISOString(), run: author.run, took_ms: Math.round(outcome.tookMs) };
}

/** snapshotsOf returns the variables by which scripts find a backup in its repository. Pure. */
export function snapshotsOf(
  { snapshot, about = '' }: Pick<BackupReceipt, 'snapshot' | 'about'>,
  { dataPath }: Pick<Program, 'dataPath'>,
): Record<string, string> {
  return { SNAPSHOT: snapshot, ABOUT: about, DATA_PATH: dataPath };
}

/** programOf returns how the database of a service is dumped and restored. */
export function programOf({ content }: Pick<BackupSpec, 'content'>): DatabaseProgram {
  if (content.kind === 'volumes' || content.kind === 'command')
    throw new Error(`${content.kind} is no database`);
  return PROGRAMS[content.kind];
}

/** jobOf puts what a database needs together with what restic needs. Pure. */
export function jobOf(
  { script, files, environment, words = [], mounts = [], volumesOf, image, network }: DatabaseJob,
  access: ResticAccess,
  more: Readonly<Record<string, string>>,
): Pick<Job, 'command' | 'files' | 'environment' | 'mounts' | 'volumesOf'> &
  Partial<Pick<Job, 'image' | 'network'>> {
  return {
    command: ['/bin/sh', script, ...words, ...access.command],
    files: { ...files, ...access.files },
    environment: { ...environment, ...access.environment, ...more },
    mounts: [...access.mounts, ...mounts],
    volumesOf,
    ...(image !== undefined && { image }),
    ...(network !== undefined && { network }),
  };
}

/** requireWhole throws a UserError where what was restored is not what was counted. */
export function requireWhole(title: string, { facts }: BackupReceipt, restored: BackupFacts): void {
  const differences = differencesOf(facts, restored);
  if (differences.length === 0) return;
  throw new UserError(`${title} found what was not restored: ${differences.join('; ')}`, {
    hint: 'This backup counts for nothing. Make another one; if that fails too, its data cannot be dumped as it is.',
  });
}

/** Files are there whether anything runs or not. */
async function requireContainer(
  surroundings: JobSurroundings,
  { service, spec }: Pick<Source, 'service' | 'spec'>,
): Promise<RunningContainer> {
  const { server, scope } = surroundings;
  const standing = spec.content.kind === 'volumes' && (await findStanding(server, scope, service));
  return standing || (await requireRunning(surroundings, service));
}

/** requireRunning returns the container of a service. It throws a UserError where none runs. */
export async function requireRunning(
  { server, scope }: JobSurroundings,
  service: string,
): Promise<RunningContainer> {
  const found = await findRunning(server, scope, service);
  if (found !== undefined) return found;
  throw new UserError(`${server.name}: ${service} does not run, so nobody can ask it for its data`, {
    hint: 'Deploy it first. What it had before is in its earlier backups.',
  });
}
