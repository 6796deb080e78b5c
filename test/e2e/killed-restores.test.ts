import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { buildImages } from '../lab/images.ts';
import type { LabServer } from '../lab/lab.ts';
import { push } from '../lab/registry.ts';
import type { RunningAction } from './action.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { once } from './once.ts';
import { Project, serversOf } from './project.ts';

jest.setTimeout(300_000);

/** A restore is struck at each of its steps, and the next one has to find the old data or the new, whole. */

const secrets = JSON.stringify({ BACKUP_PASSWORD: 'of the repository' });
const JOB = 'struck_production_db_backup';

let lab: Fleet;
let server: LabServer;
let shop: Project;

beforeAll(async () => {
  lab = await fleet();
  [server] = lab.servers as [LabServer];
  const [postgres, { restic }] = await Promise.all([
    lab.database('postgres:17'),
    buildImages(['restic'], console.log),
  ]);
  shop = await Project.create(lab, {
    project: 'struck',
    sidecar: lab.sidecar,
    backup: { image: await push(lab.registry, restic!, 'restic:0.19') },
    environments: { production: { provider: 'static', user: 'root', servers: serversOf([server]) } },
    services: {
      db: {
        image: postgres,
        strategy: 'recreate',
        environment: { POSTGRES_PASSWORD: 'correct horse', POSTGRES_DB: 'shop' },
        volumes: ['data:/var/lib/postgresql/data'],
        backup: { verify: 'never' },
      },
    },
  });
});

afterAll(async () => {
  await shop?.leave();
  await server?.docker('volume', 'rm', 'struck_production_data', 'struck_production_backups');
});

async function sql(statement: string, database = 'shop'): Promise<string> {
  const asked = ['psql', '-v', 'ON_ERROR_STOP=1', '-U', 'postgres', '-d', database, '-qAtc', statement];
  return (await server.docker('exec', 'struck_production_db', ...asked)).trim();
}

/** A shop with 1000 orders, of which there is a backup. */
const stands = once(async () => {
  await shop.deploy();
  await sql('CREATE TABLE orders (id serial PRIMARY KEY, total int)');
  await sql('INSERT INTO orders (total) SELECT g % 100 FROM generate_series(1, 1000) g');
  const { code, log, outputs } = await shop.run('backup', { secrets });
  if (code !== 0) throw new Error(log);
  const [made] = JSON.parse(outputs.backups ?? '[]');
  return made.id as string;
});

function restore(backup: string): RunningAction {
  return shop.start('backup', { operation: 'restore', service: 'db', backup, secrets });
}

/** The script that the job runs which has the turn now. */
async function script(): Promise<string> {
  const listed = ['--no-trunc', '--filter', `name=${JOB}`, '--format', '{{.Command}}'];
  return /(\w+)\.sh/.exec(await server.docker('ps', '--all', ...listed))?.[1] ?? '';
}

/** How many restores the record knows that have come so far. */
async function recorded(key: 'began_at' | 'kept' | 'done_at'): Promise<number> {
  const tree = await shop.inOrigin('ls-tree', '-r', '--name-only', 'refs/heads/switchyard-state');
  const paths = tree.split('\n').filter((path) => path.startsWith('restores/struck/'));
  const texts = await Promise.all(paths.map((path) => shop.inOrigin('show', `switchyard-state:${path}`)));
  return texts.filter((text) => key in JSON.parse(text)).length;
}

/** Moments of a restore, in the order in which they come, and how one is seen that was `before` so far. */
const MOMENTS = {
  'what is left is tidied': async () => (await script()) === 'tidy',
  'it is on the record': async (before: number) => (await recorded('began_at')) > before,
  'the new database is filled': async () => (await script()) === 'beside',
  'it says what will be kept': async (before: number) => (await recorded('kept')) > before,
  'the new one takes its place': async () => (await script()) === 'swap',
  'the new one is in its place': async () =>
    (await sql('SELECT count(*) FROM orders').catch(() => '')) === '1000',
};
type Moment = keyof typeof MOMENTS;

/** strike starts a restore, and at a moment has its run killed, or the job that is at work; whoever is left goes on to its end. */
async function strike(moment: Moment, victim: 'run' | 'job'): Promise<void> {
  const id = await stands();
  await sql('DELETE FROM orders WHERE id > 10');
  const key = moment === 'it is on the record' ? 'began_at' : 'kept';
  const before = await recorded(key);
  const run = restore(id);
  let isOver = false;
  void run.done.then(() => {
    isOver = true;
  });
  while (!isOver && !(await MOMENTS[moment](before)));
  if (victim === 'run') run.signal('SIGKILL');
  else await server.docker('kill', JOB).catch(() => 'it had ended');
  await run.done;
  while ((await server.docker('ps', '--quiet', '--filter', `name=${JOB}`)) !== '');
  expect(['10', '1000']).toContain(await sql('SELECT count(*) FROM orders'));
}

/** converges restores once more: all is there, nothing is half, and what is kept is known. */
async function converges(): Promise<void> {
  const { code, log } = await restore(await stands()).done;
  if (code !== 0) throw new Error(log);
  expect(await sql('SELECT count(*) FROM orders')).toBe('1000');
  const databases = await sql('SELECT datname FROM pg_database', 'postgres');
  expect(databases).not.toContain('_restoring_');
  const status = (await shop.run('status')).log;
  for (const kept of databases.split('\n').filter((name) => name.includes('_before_')))
    expect(status).toContain(`kept as ${kept} until`);
  expect(status).not.toContain('has not said that it is over');
}

test('a restore whose run is killed while the new database takes its place, leaves one of the two', async () => {
  await strike('the new one takes its place', 'run');
  await converges();
});

const ALL = (Object.keys(MOMENTS) as Moment[]).flatMap((moment) =>
  (['run', 'job'] as const).map((victim) => ({ moment, victim })),
);

fullSizeTest.each(ALL)('killed when $moment: the $victim', async ({ moment, victim }) => {
  await strike(moment, victim);
  await converges();
});
