import type { Journal } from '../deploy/record/journal.ts';
import type { BackupReceipt, BackupSpec } from '../model/backup.ts';
import { targetTitle } from '../model/backup-target.ts';
import { UserError } from '../model/errors.ts';
import type { Scope } from '../model/names.ts';
import type { Author } from '../model/release.ts';
import { ABOUT_FILE, parseAbout } from './about.ts';
import { type JobSurroundings, runJob } from './job.ts';
import { programFor } from './program-for.ts';
import { EXIT } from './restic/failure.ts';
import type { Restic } from './restic/restic.ts';
import { listedSnapshots, type Snapshot, tagValue } from './restic/snapshots.ts';

/** Whose backups are looked for, and of what kind they have to be. */
export interface Lost {
  service: string;
  spec: Pick<BackupSpec, 'content' | 'to' | 'image'>;
  owner: Scope;
}

/** Both parts of a backup. */
interface Parts {
  id: string;
  data: Snapshot;
  about: Snapshot;
}

/** What of the part beside the data is read: the roles of a database stay where they are. */
const SCRIPT = `set -eu
umask 077
while read -r id snapshot; do
  "$@" restore --no-lock --quiet "$snapshot:$PWD/about" --target "out/$id" \\
    --include /${ABOUT_FILE} --include /facts --include /query \\
    --include /data.json --include /sha256 </dev/null >/dev/null
done <parts
`;

/**
 * findBackups returns the receipts of a service's backups as the repository alone tells them, the oldest first: of a record
 * that is lost, or of an environment that this repository never knew. None is verified, for nobody knows any more. It throws a
 * UserError where there is a repository that has none of this service but others, and where it cannot ask.
 */
async function findBackups(
  surroundings: JobSurroundings,
  restic: Restic,
  { service, spec, owner }: Lost,
): Promise<BackupReceipt[]> {
  const { clock, log, server } = surroundings;
  const { exitCode, values } = await restic.run(['snapshots', '--no-lock'], {
    expected: [EXIT.noRepository],
  });
  if (exitCode === EXIT.noRepository) return [];
  const all = listedSnapshots(values);
  const parts = partsOf(all, { ...owner, service });
  if (parts.length === 0) {
    const others = ownersIn(all);
    if (others.length === 0) return [];
    throw new UserError(
      `${restic.title} has no backup of ${service} of ${owner.project} ${owner.environment}`,
      {
        hint: `It has those of ${others.join(', ')}. Has the project, the environment or the service another name by now?`,
      },
    );
  }
  log.info(
    `${server.name}: ${restic.title} has ${parts.length} backups of ${service} that the record does not know`,
  );
  const { image, command, environment, files, mounts, isOutside } = restic.requestFor([]);
  const { output } = await runJob(surroundings, {
    title: `the look at the backups of ${service}`,
    service,
    image,
    network: isOutside ? 'bridge' : 'none',
    command: ['/bin/sh', 'recover.sh', ...command],
    files: {
      ...files,
      'recover.sh': SCRIPT,
      parts: parts.map(({ id, about }) => `${id} ${about.id}\n`).join(''),
    },
    environment,
    mounts,
  });
  const foundAt = new Date(clock.now()).toISOString();
  return parts.flatMap((one) => receiptFrom(one, output, { spec, owner }, foundAt) ?? []);
}

/**
 * findUnknown returns the backups of a service that are in its repository, where the record knows of none there; else none. It
 * throws like findBackups.
 */
export async function findUnknown(
  surroundings: JobSurroundings,
  restic: Restic,
  lost: Lost,
  recorded: readonly BackupReceipt[],
): Promise<BackupReceipt[]> {
  if (recorded.some(({ target }) => target === targetTitle(lost.spec.to))) return [];
  return await findBackups(surroundings, restic, lost);
}

/** keepFound puts backups on the record again. */
export async function keepFound(
  journal: Journal,
  found: readonly BackupReceipt[],
  author: Author,
): Promise<void> {
  const [first] = found;
  if (first === undefined) return;
  const what = `${found.length} backups of ${first.service} found in their repository`;
  await journal.keepReceipts(found, what, author);
}

const ID = /^\d{8}t\d{6}z-[0-9a-f]{4}$/;

/** partsOf returns the backups of a service of which both parts are there, the oldest first: half is none. Pure. */
export function partsOf(
  snapshots: readonly Snapshot[],
  owner: Pick<BackupReceipt, 'project' | 'environment' | 'service'>,
): Parts[] {
  const own = snapshots.filter((one) =>
    Object.entries(owner).every(([name, value]) => tagValue(one, name) === value),
  );
  const byId = Map.groupBy(own, (one) => tagValue(one, 'backup') ?? '');
  return [...byId]
    .flatMap(([id, parts]) => {
      const part = (name: string) => parts.find((one) => tagValue(one, 'part') === name);
      const [data, about] = [part('data'), part('about')];
      return data && about && ID.test(id) ? [{ id, data, about }] : [];
    })
    .sort((one, other) => (one.id < other.id ? -1 : 1));
}

/** ownersIn names whose backups a repository has: `db of shop production`. Pure. */
export function ownersIn(snapshots: readonly Snapshot[]): string[] {
  const names = snapshots.flatMap((one) => {
    const [service, project, environment] = ['service', 'project', 'environment'].map((name) =>
      tagValue(one, name),
    );
    return service === undefined ? [] : [`${service} of ${project} ${environment}`];
  });
  return [...new Set(names)].sort();
}

function receiptFrom(
  { id, data, about }: Parts,
  output: ReadonlyMap<string, string>,
  { spec, owner }: Pick<Lost, 'spec' | 'owner'>,
  foundAt: string,
): BackupReceipt | undefined {
  const said = parseAbout(output.get(`${id}/${ABOUT_FILE}`));
  if (said === undefined || said.id !== id || said.content !== spec.content.kind) return undefined;
  const own = [...output].filter(([path]) => path.startsWith(`${id}/`));
  const facts = new Map(own.map(([path, text]) => [path.slice(id.length + 1), text]));
  return {
    ...said,
    took_ms: 0,
    size_bytes: data.sizeBytes ?? 0,
    stored_bytes: (data.storedBytes ?? 0) + (about.storedBytes ?? 0),
    target: targetTitle(spec.to),
    snapshot: data.id,
    about: about.id,
    facts: programFor(spec, owner).factsOf(facts),
    tools: {},
    found_at: foundAt,
  };
}
