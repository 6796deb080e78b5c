import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { accessTo, type Repository } from '../../src/backup/restic/access.ts';
import { type ContainerEnd, createRun, runContainer } from '../../src/backup/restic/container.ts';
import { prepareRepository } from '../../src/backup/restic/prepare.ts';
import { bringPrograms, type Programs } from '../../src/backup/restic/program.ts';
import { pullToRunner, pullToServer } from '../../src/backup/restic/pull.ts';
import { Restic } from '../../src/backup/restic/restic.ts';
import { ownerTags, pruneBackups } from '../../src/backup/restic/retention.ts';
import { snapshotsOf, tagValue } from '../../src/backup/restic/snapshots.ts';
import { localProvider } from '../../src/fleet/local.ts';
import type { Server } from '../../src/fleet/server.ts';
import { backupTags, type Retention } from '../../src/model/backup.ts';
import { systemClock } from '../../src/model/clock.ts';
import { backupsVolumeName } from '../../src/model/names.ts';
import { fullSizeTest } from '../e2e/full-size-test.ts';
import { size } from '../e2e/size.ts';
import { docker, dockerList } from './command.ts';
import { buildImages } from './images.ts';
import { makeKey } from './keys.ts';
import { removeLab } from './lab.ts';
import { createNetworks, type LabNetworks } from './networks.ts';
import { type Store, type Stores, startStores } from './stores.ts';

/** restic as the product runs it, on this machine's engine, with real servers that backups go to. */

const LAB = `restic-${process.pid}`;
const HERE = { name: 'here', host: 'localhost', port: 0, user: '', zone: 'default', hostKeys: [] };
const PASSWORD = ` "quoted' $(id) and blanks`;
const OWNER = { project: 'shop', environment: 'production', service: 'db' };
/** Half a megabyte that nothing can make smaller. */
const DATA = randomBytes(512 * 1024);
const { isFull } = size;

let server: Server;
let images: Record<string, string>;
let networks: LabNetworks;
let stores: Stores;
let programs: Programs;
const projects: string[] = [];
const folder = mkdtempSync(join(tmpdir(), 'switchyard-restic-'));

beforeAll(async () => {
  images = await buildImages(['restic', 'stores', 'node'], () => undefined);
  networks = await createNetworks(LAB, ['zone']);
  stores = await startStores(LAB, networks);
  server = await localProvider([HERE]).connect(HERE);
  programs = await bringPrograms(surroundingsOf('programs'), images.restic!);
}, 180_000);

afterAll(async () => {
  for (const project of new Set(projects)) {
    const label = `label=switchyard.project=${project}`;
    const left = await dockerList(['ps', '--all', '--quiet', '--filter', label]);
    if (left.length > 0) await docker(['rm', '--force', '--volumes', ...left]);
  }
  await server?.close();
  await removeLab(LAB);
  for (const project of new Set(projects)) {
    await docker(['volume', 'rm', '--force', backupsVolumeName(scopeOf(project))]);
  }
  rmSync(folder, { recursive: true, force: true });
});

const scopeOf = (project: string) => ({ project, environment: 'lab' });

function surroundingsOf(project: string) {
  const scope = scopeOf(project);
  const { signal } = new AbortController();
  return { server, scope, network: networks.outside.name, clock: systemClock, signal };
}

/** A repository in a volume of its own, or at one of the stores. */
function resticFor(story: string, at?: Pick<Store<Repository['target']>, 'target' | 'secrets'>): Restic {
  const project = `${LAB}-${story}`;
  projects.push(project);
  const { target, secrets } = at ?? { target: { kind: 'disk' as const }, secrets: {} };
  return new Restic(surroundingsOf(project), { target, password: PASSWORD, secrets }, images.restic!);
}

/** Backs up what a program prints, in a container of an image without restic, and of an older Debian than that of restic. */
async function backUp(
  restic: Restic,
  { id, owner = OWNER, time = [] }: { id: string; owner?: typeof OWNER; time?: string[] },
  ...program: string[]
): Promise<ContainerEnd> {
  const access = accessTo(restic.repository, restic.surroundings.scope, programs);
  const tags = backupTags({ ...owner, id }, 'data').join(',');
  return await runContainer(restic.surroundings, {
    image: images.stores!,
    command: [
      ...access.command,
      ...['backup', '--json', '--host', 'here', '--tag', tags, ...time],
      ...['--stdin-filename', 'db.dump', '--stdin-from-command', '--', ...program],
    ],
    environment: access.environment,
    files: { ...access.files, 'data.b64': DATA.toString('base64') },
    mounts: access.mounts,
    isOutside: restic.repository.target.kind !== 'disk',
  });
}

const PRINT = ['base64', '--decode', '/run/switchyard-backup/data.b64'];

const said = (work: Promise<unknown>) =>
  work.then(
    () => 'it went well',
    (error: Error) => error.message,
  );

const PLACES: [
  name: string,
  at: () => Pick<Store<Repository['target']>, 'target' | 'secrets'> | undefined,
][] = [
  ['a disk', () => undefined],
  ['SFTP', () => stores.sftp],
  ['a bucket', () => stores.s3],
  ['a REST server', () => stores.rest],
];

test.each(isFull ? PLACES : PLACES.slice(0, 2))(
  'what a database prints goes to %s and comes back byte for byte, in whichever image it ran',
  async (_name, at) => {
    const restic = resticFor('whole', at());
    await prepareRepository(restic, false);
    // There is one now: the second time it is found.
    await prepareRepository(restic, true);
    expect(await backUp(restic, { id: 'one' }, ...PRINT)).toMatchObject({ exitCode: 0 });
    const failed = await backUp(restic, { id: 'two' }, 'sh', '-c', 'head -c 1000 /dev/zero; exit 3');
    expect([failed.exitCode, failed.stderr]).toEqual([1, expect.stringContaining('exit status 3')]);
    const [only, ...others] = await snapshotsOf(restic, ownerTags(OWNER));
    expect(others).toEqual([]);
    expect([tagValue(only!, 'backup'), only!.sizeBytes]).toEqual(['one', DATA.length]);
    const file = join(folder, `pulled-${_name}`);
    const digest = createHash('sha256').update(DATA).digest('hex');
    expect(await pullToRunner(restic, { snapshot: only!.id, path: '/db.dump' }, file)).toEqual({
      bytes: DATA.length,
      sha256: digest,
    });
    expect(readFileSync(file).equals(DATA)).toBe(true);
  },
  120_000,
);

fullSizeTest(
  'a backup is pulled to a folder of the server, and nothing that is there is lost',
  async () => {
    const restic = resticFor('to-server');
    await prepareRepository(restic, false);
    // There is one now: the second time it is found.
    await prepareRepository(restic, true);
    await backUp(restic, { id: 'one' }, ...PRINT);
    const [one] = await snapshotsOf(restic, ownerTags(OWNER));
    const path = await pullToServer(
      restic,
      { snapshot: one!.id, path: '/db.dump' },
      join(folder, 'on-server'),
    );
    expect(readFileSync(path).equals(DATA)).toBe(true);
  },
  60_000,
);

test('neither who looks at a container nor its command line sees a secret', async () => {
  for (const store of [stores.s3, stores.sftp, stores.rest]) {
    const restic = resticFor('unseen', store);
    const id = await createRun(restic.surroundings, restic.requestFor(['snapshots']));
    const seen = await docker(['inspect', id]);
    for (const secret of [PASSWORD, ...Object.values(store.secrets)]) {
      expect(seen).not.toContain(secret);
      expect(seen).not.toContain(encodeURIComponent(secret));
      expect(seen).not.toContain(JSON.stringify(secret).slice(1, -1));
    }
    await docker(['rm', '--force', '--volumes', id]);
  }
});

fullSizeTest(
  'who may not in is told why, and no second repository is made',
  async () => {
    const first = resticFor('first', { ...stores.rest, target: restAt('told') });
    await prepareRepository(first, false);
    const other = new Restic(
      first.surroundings,
      { ...first.repository, password: 'another one' },
      images.restic!,
    );
    const stranger = await makeKey('ed25519');
    const [password, wrongLogin, wrongKey, otherBucket, otherHost, otherLogin, unknownCa, gone] =
      await Promise.all([
        said(prepareRepository(other, false)),
        said(
          prepareRepository(resticFor('told', { ...stores.rest, secrets: { REST_PASSWORD: 'no' } }), false),
        ),
        said(
          prepareRepository(
            resticFor('told', { ...stores.s3, secrets: { S3_ACCESS_KEY: 'NOBODY', S3_SECRET_KEY: 'x' } }),
            false,
          ),
        ),
        said(
          prepareRepository(
            resticFor('told', {
              ...stores.s3,
              target: { ...stores.s3.target, url: stores.s3.target.url.replace('/backups/', '/no-bucket/') },
            }),
            false,
          ),
        ),
        said(
          prepareRepository(
            resticFor('told', {
              ...stores.sftp,
              target: { ...stores.sftp.target, hostKeys: [stranger.publicKey] },
            }),
            false,
          ),
        ),
        said(
          prepareRepository(
            resticFor('told', { ...stores.sftp, secrets: { SSH_KEY: stranger.privateKey } }),
            false,
          ),
        ),
        said(
          prepareRepository(
            resticFor('told', {
              ...stores.rest,
              target: { ...restAt('told'), ca: await anotherAuthority() },
            }),
            false,
          ),
        ),
        said(prepareRepository(resticFor('told', { ...stores.rest, target: restAt('gone') }), true)),
      ]);
    expect(password).toContain('the password of the repository is another one');
    for (const refused of [wrongLogin, wrongKey, otherLogin]) {
      expect(refused).toContain('the credentials are not accepted');
    }
    expect(otherBucket).toContain('the bucket is not there');
    expect(otherHost).toContain('the host shows another key');
    expect(unknownCa).toContain('the certificate of the server is not trusted');
    expect(gone).toContain('there is no repository, and backups were made there');
    for (const one of [wrongLogin, password, unknownCa])
      expect(one).not.toContain(stores.rest.secrets.REST_PASSWORD);
  },
  180_000,
);

function restAt(path: string) {
  return { ...stores.rest.target, url: stores.rest.target.url.replace(/\/shop\/$/, `/${path}/`) };
}

/** A certificate that nobody here has: that of the sidecar's own kind. */
async function anotherAuthority(): Promise<string> {
  const { selfSigned } = await import('../../src/acme/certificate.ts');
  return (await selfSigned(['example.com'], { days: 1 })).chain;
}

fullSizeTest(
  'what can only be added to takes backups, and says how to prune it',
  async () => {
    const target = { ...restAt('added-to') };
    const appendOnly = resticFor('append', {
      secrets: stores.appendOnly.secrets,
      target: { ...target, url: stores.appendOnly.target.url.replace(/\/shop\/$/, '/added-to/') },
    });
    await prepareRepository(appendOnly, false);
    for (const id of ['one', 'two']) {
      expect(await backUp(appendOnly, { id }, ...PRINT)).toMatchObject({ exitCode: 0 });
    }
    const rule = { daily: 1, weekly: 0, monthly: 0 };
    expect(await said(pruneBackups(appendOnly, OWNER, rule))).toContain(
      'nothing may be deleted with these credentials',
    );
    expect(await snapshotsOf(appendOnly, ownerTags(OWNER))).toHaveLength(2);
    const owner = resticFor('append', { ...stores.rest, target });
    expect(await pruneBackups(owner, OWNER, rule)).toEqual({ backups: ['one'], kept: 1 });
  },
  120_000,
);

test('a bit that was flipped, and a disk that is full, are loud; the next backup is whole', async () => {
  const restic = resticFor('damage');
  const volume = backupsVolumeName(restic.surroundings.scope);
  await docker([
    ...['volume', 'create', '--driver', 'local', '--opt', 'type=tmpfs', '--opt', 'device=tmpfs'],
    ...['--opt', 'o=size=3m', volume],
  ]);
  // An engine forgets what is in memory when nobody uses it.
  const keeper = await docker([
    'run',
    '--detach',
    '--init',
    '--label',
    `switchyard.lab=${LAB}`,
    '--volume',
    `${volume}:/r`,
    images.stores!,
    'sleep',
    '600',
  ]);
  await prepareRepository(restic, false);
  const full = await backUp(restic, { id: 'large' }, 'head', '-c', '8000000', '/dev/urandom');
  expect(restic.explain(full.exitCode, full.stderr).message).toContain('there is no space left for backups');
  expect(await snapshotsOf(restic, ownerTags(OWNER))).toEqual([]);
  await docker(['exec', keeper, 'find', '/r/data', '-type', 'f', '-delete']);
  await docker(['exec', keeper, 'find', '/r/locks', '/r/index', '-type', 'f', '-delete']);
  expect(await backUp(restic, { id: 'small' }, ...PRINT)).toMatchObject({ exitCode: 0 });
  const [small] = await snapshotsOf(restic, ownerTags(OWNER));
  const flip =
    'f=$(find /r/data -type f -size +200k); printf "\\377" | dd of="$f" bs=1 seek=99999 conv=notrunc';
  await docker(['exec', keeper, 'sh', '-c', flip]);
  const file = join(folder, 'damaged');
  expect(await said(pullToRunner(restic, { snapshot: small!.id, path: '/db.dump' }, file))).toContain(
    'the repository is damaged',
  );
  expect(() => readFileSync(file)).toThrow('ENOENT');
}, 120_000);

test('a backup that is killed in the middle is none, and two at once are two', async () => {
  const restic = resticFor('killed');
  await prepareRepository(restic, false);
  const name = async () => {
    const label = `label=switchyard.project=${restic.surroundings.scope.project}`;
    return await dockerList(['ps', '--quiet', '--filter', label]);
  };
  const cut = said(backUp(restic, { id: 'cut' }, 'sh', '-c', 'echo begun; sleep 600'));
  let running: string[] = [];
  while (running.length === 0) running = await name();
  await docker(['exec', running[0]!, 'sh', '-c', 'until [ -n "$(pidof sleep)" ]; do :; done']);
  await docker(['kill', ...running]);
  await cut;
  const both = await Promise.all(['one', 'two'].map((id) => backUp(restic, { id }, ...PRINT)));
  expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  const found = await snapshotsOf(restic, ownerTags(OWNER));
  expect(found.map((one) => tagValue(one, 'backup')).sort()).toEqual(['one', 'two']);
}, 120_000);

/** Backups of two years in one container: most of the time would go into starting others. */
const MANY = `set -eu
while read -r day clock id; do
  "$@" backup --quiet --host here --time "$day $clock" --tag "project=shop,environment=production,service=db,backup=$id,part=data" --stdin-filename db.dump --stdin-from-command -- echo "$id"
done </run/switchyard-backup/times`;

fullSizeTest(
  'what is kept is what the rule says, and nothing of others is touched',
  async () => {
    const restic = resticFor('retention');
    await prepareRepository(restic, false);
    const times = manyTimes(isFull ? 400 : 10);
    const access = accessTo(restic.repository, restic.surroundings.scope, programs);
    const made = await runContainer(restic.surroundings, {
      image: images.stores!,
      command: ['sh', '-c', MANY, 'sh', ...access.command],
      environment: { ...access.environment, TZ: 'UTC' },
      files: { ...access.files, times: times.map(({ id, at }) => `${spoken(at)} ${id}\n`).join('') },
      mounts: access.mounts,
      isOutside: false,
    });
    expect(made).toMatchObject({ exitCode: 0 });
    const other = { ...OWNER, service: 'cache' };
    await backUp(restic, { id: 'old', owner: other, time: ['--time', '2020-01-01 00:00:00'] }, ...PRINT);
    await restic.run(['backup', '--host', 'stranger', '/etc/hostname']);
    const rule: Retention = isFull
      ? { daily: 7, weekly: 4, monthly: 12 }
      : { daily: 3, weekly: 2, monthly: 2 };
    const kept = keptBy(rule, times);
    const { backups } = await pruneBackups(restic, OWNER, rule, [times[0]!.id]);
    const left = await snapshotsOf(restic, ownerTags(OWNER));
    expect(new Set(left.map((one) => tagValue(one, 'backup')))).toEqual(new Set([times[0]!.id, ...kept]));
    expect(backups.length).toBe(times.length - left.length);
    expect(await snapshotsOf(restic, ownerTags(other))).toHaveLength(1);
    const { values } = await restic.run(['snapshots', '--host', 'stranger']);
    expect(values.flat()).toHaveLength(1);
    expect(await said(restic.run(['check', '--read-data']))).toBe('it went well');
  },
  900_000,
);

/** Backups over two years, the closer the later, several on the last days; they come in no order, as with clocks that were set. */
function manyTimes(count: number): { id: string; at: Date }[] {
  const last = Date.UTC(2026, 10, 30, 22);
  const hours = (index: number) => Math.round((2 * 365 * 24 * index ** 3) / (count - 1) ** 3) + index * 7;
  const times = Array.from({ length: count }, (_, index) => ({
    id: `b${index}`,
    at: new Date(last - hours(index) * 3_600_000),
  }));
  return times.sort((one, other) => one.at.getUTCMinutes() - other.at.getUTCMinutes()).reverse();
}

/** As restic reads it, in UTC. */
function spoken(at: Date): string {
  return at.toISOString().slice(0, 19).replace('T', ' ');
}

/** What a rule keeps, reckoned apart from restic: the last one of each of the last days, weeks and months that have one. */
function keptBy({ daily, weekly, monthly }: Retention, times: readonly { id: string; at: Date }[]): string[] {
  const newestFirst = [...times].sort((one, other) => other.at.getTime() - one.at.getTime());
  const lastOf = (periodOf: (at: Date) => string, most: number) =>
    [...Map.groupBy(newestFirst, ({ at }) => periodOf(at)).values()]
      .slice(0, most)
      .map(([newest]) => newest!.id);
  return [
    ...lastOf((at) => at.toISOString().slice(0, 10), daily),
    ...lastOf(mondayOf, weekly),
    ...lastOf((at) => at.toISOString().slice(0, 7), monthly),
  ];
}

/** Weeks begin on Monday, as in ISO 8601. */
function mondayOf(at: Date): string {
  const sinceMonday = (at.getUTCDay() + 6) % 7;
  return new Date(at.getTime() - sinceMonday * 86_400_000).toISOString().slice(0, 10);
}
