import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { buildImages } from '../lab/images.ts';
import type { LabServer } from '../lab/lab.ts';
import { push } from '../lab/registry.ts';
import type { ActionRun } from './action.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { Project, serversOf } from './project.ts';

/** What opens the repository: in a secret of GitHub. */
const secrets = JSON.stringify({ BACKUP_PASSWORD: 'the password of the repository' });

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
    project: 'kept',
    sidecar: lab.sidecar,
    backup: { image: await push(lab.registry, restic!, 'restic:0.19') },
    environments: {
      production: { provider: 'static', user: 'root', servers: serversOf([server]) },
    },
    services: {
      db: {
        image: postgres,
        strategy: 'recreate',
        environment: { POSTGRES_PASSWORD: 'correct horse: battery', POSTGRES_DB: 'shop' },
        volumes: ['data:/var/lib/postgresql/data'],
        backup: { query: 'SELECT max(id), sum(total) FROM orders' },
      },
      cache: {
        image: lab.images.redis,
        strategy: 'recreate',
        volumes: ['cache:/data'],
        backup: true,
      },
    },
  });
  await shop.deploy();
  await sql('DROP TABLE IF EXISTS orders');
  await sql('CREATE TABLE orders (id serial PRIMARY KEY, total int NOT NULL)');
  await sql('CREATE INDEX by_total ON orders (total)');
  await sql('INSERT INTO orders (total) SELECT g % 100 FROM generate_series(1, 1000) g');
});

afterAll(async () => {
  await shop?.leave();
  await server?.docker(
    'volume',
    'rm',
    'kept_production_data',
    'kept_production_cache',
    'kept_production_backups',
  );
});

/** sql asks the database of the shop, as its superuser. */
async function sql(statement: string, database = 'shop'): Promise<string> {
  const [container = ''] = await shop.containers(server, 'db');
  const asked = ['psql', '-U', 'postgres', '-d', database, '-tAc', statement];
  return (await server.docker('exec', container, ...asked)).trim();
}

/** backup runs the action; it throws with the whole log when that fails. */
async function backup(inputs: Record<string, string> = { service: 'db' }): Promise<ActionRun> {
  const outcome = await tryBackup(inputs);
  if (outcome.code !== 0) throw new Error(`the backup failed:\n${outcome.log}`);
  return outcome;
}

function tryBackup(inputs: Record<string, string> = { service: 'db' }): Promise<ActionRun> {
  return shop.run('backup', { secrets, ...inputs });
}

test('a backup is restored into a scratch container before it counts', async () => {
  const run = await backup();
  const [made] = JSON.parse(run.outputs.backups ?? '[]');
  expect(made).toMatchObject({ service: 'db', verified: true });
  expect(made.size_bytes).toBeGreaterThan(0);
  expect(made.restore_ms).toBeGreaterThan(0);
  const receipt = await shop.receipt('db', made.id);
  expect(receipt).toMatchObject({
    facts: {
      rows: { 'public.orders': 1000 },
      query: '1000|49500',
      indexes: ['public.by_total', 'public.orders_pkey'],
    },
    verified: { took_ms: made.restore_ms },
  });
  expect(receipt.tools.pg_dump).toMatch(/PostgreSQL/);
});

test('the keys of a redis are counted again after a restore', async () => {
  const redis = (...words: string[]) => server.docker('exec', 'kept_production_cache', 'redis-cli', ...words);
  await redis('eval', 'for i = 1, 500 do redis.call("set", "key" .. i, i) end', '0');
  await redis('set', 'short', 'lived', 'ex', '3600');
  const [made] = JSON.parse((await backup({ service: 'cache' })).outputs.backups ?? '[]');
  expect(made).toMatchObject({ service: 'cache', verified: true });
  expect(await shop.receipt('cache', made.id)).toMatchObject({
    facts: { rows: { 'keys that do not expire': 500 } },
  });
  const status = await shop.run('status');
  expect(status.log).toMatch(/the last verified backup of cache is \d+ min old/);
});

test('a restore brings back what was there, and keeps what was there before it', async () => {
  const [made] = JSON.parse((await backup()).outputs.backups ?? '[]');
  await sql('DELETE FROM orders WHERE id > 10');
  await sql(
    "ALTER DATABASE shop SET search_path TO public, pg_catalog; ALTER DATABASE shop SET work_mem TO '5MB'",
  );
  const restored = await backup({ operation: 'restore', service: 'db' });
  expect(await sql('SELECT count(*) FROM orders')).toBe('1000');
  expect(await sql('SHOW search_path')).toBe('public, pg_catalog');
  expect(await sql('SHOW work_mem')).toBe('5MB');
  const [, kept = ''] = /kept as (\S+)/.exec(restored.log) ?? [];
  expect(await sql('SELECT count(*) FROM orders', kept)).toBe('10');
  expect(JSON.parse(restored.outputs.backups ?? '[]')).toMatchObject([{ service: 'db', id: made.id }]);
});

test('a wrong password makes no second repository', async () => {
  const failed = await tryBackup({
    service: 'db',
    secrets: JSON.stringify({ BACKUP_PASSWORD: 'another one' }),
  });
  expect(failed.code).toBe(1);
  expect(failed.log).not.toContain('another one');
});

test('a run that is killed leaves nothing that counts, and the next one waits for its turn', async () => {
  const dying = shop.start('backup', { service: 'db', secrets });
  await dying.says(/Back up db on/);
  while (!(await server.docker('ps', '--format', '{{.Names}}')).includes('kept_production_db_backup')) {
    if (dying.log().includes('scratch container'))
      throw new Error('the backup was over before it was killed');
  }
  dying.signal('SIGKILL');
  await dying.done;
  const [made] = JSON.parse((await backup()).outputs.backups ?? '[]');
  expect(made.verified).toBe(true);
  expect(await server.docker('ps', '--all', '--format', '{{.Names}}')).not.toMatch(/^kept_.*_backup/m);
});

fullSizeTest('a backup that has rotted is told as soon as it is restored', async () => {
  const [made] = JSON.parse((await backup()).outputs.backups ?? '[]');
  await inRepository('for pack in data/*/*; do printf x | dd of="$pack" bs=1 seek=100 conv=notrunc; done');
  const failed = await tryBackup({ operation: 'verify', service: 'db' });
  expect(failed.code).toBe(1);
  const receipt = await shop.receipt('db', made.id);
  expect(receipt.verified).toBeUndefined();
  expect(receipt.unverified).toMatch(/failed with exit code/);
  await inRepository('rm -r data index snapshots keys locks config');
  const gone = await tryBackup();
  expect(gone.log).toContain('there is no repository, and backups were made there');
});

/** inRepository runs a line in the folder that the repository is in, on the server. */
async function inRepository(line: string): Promise<void> {
  const folder = (
    await server.docker('volume', 'inspect', '--format', '{{.Mountpoint}}', 'kept_production_backups')
  ).trim();
  const { code, stderr } = await server.exec(['sh', '-c', `cd "$1" && ${line}`, 'sh', folder]);
  if (code !== 0) throw new Error(stderr);
}
