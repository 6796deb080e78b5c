import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { buildImages } from '../lab/images.ts';
import type { LabServer } from '../lab/lab.ts';
import { push } from '../lab/registry.ts';
import type { Stores } from '../lab/stores.ts';
import type { ActionRun } from './action.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { once } from './once.ts';
import { Project, serversOf } from './project.ts';
import { said } from './said.ts';

jest.setTimeout(300_000);

/** A database in two environments, with backups of production elsewhere, and what becomes of them when they come back. */

let lab: Fleet;
let server: LabServer;
let stores: Stores;
let shop: Project;

beforeAll(async () => {
  lab = await fleet();
  [server] = lab.servers as [LabServer];
  const [postgres, { restic }] = await Promise.all([
    lab.database('postgres:18'),
    buildImages(['restic'], console.log),
  ]);
  stores = await lab.startStores();
  const { user, host, port, path, hostKeys, keySecret } = stores.sftp.target;
  const environment = { provider: 'static', user: 'root', servers: serversOf([server]) };
  shop = await Project.create(lab, {
    project: 'returned',
    sidecar: lab.sidecar,
    backup: {
      image: await push(lab.registry, restic!, 'restic:0.19'),
      to: { sftp: `${user}@${host}:${port}${path}-${randomUUID()}`, host_key: hostKeys[0], key: keySecret },
    },
    environments: { production: environment, staging: environment },
    services: { db: { preset: 'postgres', version: '18', image: postgres, backup: true } },
  });
});

afterAll(async () => {
  if (shop === undefined) return;
  shop.config.services = {};
  shop.write();
  await Promise.all([shop.deploy(), shop.deploy({ environment: 'staging' })]);
  await server.docker('volume', 'rm', 'returned_production_db-data', 'returned_staging_db-data');
});

const secrets = () => JSON.stringify({ ...stores.sftp.secrets, BACKUP_PASSWORD: 'of the repository' });

/** backup runs the action; it throws with the whole log when that fails. */
async function backup(inputs: Record<string, string> = {}, env: Record<string, string> = {}) {
  const run = await tryBackup(inputs, env);
  if (run.code !== 0) throw new Error(`the backup failed:\n${run.log}`);
  return { run, made: JSON.parse(run.outputs.backups ?? '[]') };
}

function tryBackup(inputs: Record<string, string>, env: Record<string, string> = {}): Promise<ActionRun> {
  return shop.run('backup', { secrets: secrets(), ...inputs }, env);
}

/** sql asks the database of an environment as its app does, or another one beside it as the superuser. */
async function sql(statement: string, environment = 'production', beside?: string): Promise<string> {
  const container = `returned_${environment}_db`;
  const asked =
    beside === undefined
      ? ['sh', '-c', 'psql -v ON_ERROR_STOP=1 -h 127.0.0.1 -U "$APP_USER" -d "$POSTGRES_DB" -qAtc "$1"', 'sh']
      : ['psql', '-U', 'postgres', '-d', beside, '-qAtc'];
  return (await server.docker('exec', container, ...asked, statement)).trim();
}

const databases = (environment: string) =>
  sql('SELECT datname FROM pg_database ORDER BY 1', environment, 'postgres');

const ORDERS =
  'DROP TABLE IF EXISTS orders; CREATE TABLE orders (id serial PRIMARY KEY, email text); ' +
  "INSERT INTO orders (email) SELECT g || '@example.com' FROM generate_series(1, 1000) g; " +
  'CREATE TABLE IF NOT EXISTS visits (number int PRIMARY KEY)';

/** Both environments stand, and production has a backup of 1000 orders. */
const stands = once(async () => {
  await Promise.all([shop.deploy({ secrets: secrets() }), shop.deploy({ environment: 'staging' })]);
  await sql(ORDERS);
  const { made } = await backup();
  return { id: made[0].id as string };
});

const aDayLater = {
  NODE_OPTIONS: `--import=${join(import.meta.dirname, 'shifted-clock.mjs')}`,
  CLOCK_OFF_MS: String(24 * 3_600_000 + 60_000),
};

test('what a restore has replaced is named, kept for a day, and then removed by the next run', async () => {
  const { id } = await stands();
  await sql('DELETE FROM orders WHERE id > 10');
  const { made } = await backup({ operation: 'restore', service: 'db', backup: id });
  const [{ kept, kept_until: until }] = made;
  expect(await sql('SELECT count(*) FROM orders')).toBe('1000');
  expect(await sql('SELECT count(*) FROM orders', 'production', kept)).toBe('10');
  for (const { log } of [await shop.run('status'), (await backup({ operation: 'list' })).run])
    expect(log).toContain(`kept as ${kept} until ${until}`);
  await backup({ operation: 'verify' });
  expect(await databases('production')).toContain(kept);
  await backup({ operation: 'verify', backup: id }, aDayLater);
  expect(await databases('production')).not.toContain('_before_');
  expect((await shop.run('status')).log).not.toContain(kept);
});

fullSizeTest(
  'an app that writes meanwhile loses nothing that it was told of: it connects again',
  async () => {
    const { id } = await stands();
    await sql('TRUNCATE visits');
    const [told, refused]: [number[], number[]] = [[], []];
    let isOver = false;
    const writing = (async () => {
      for (let number = 1; !isOver; number++)
        await sql(`INSERT INTO visits VALUES (${number})`).then(
          () => told.push(number),
          () => refused.push(performance.now()),
        );
    })();
    const { made } = await backup({ operation: 'restore', service: 'db', backup: id }).finally(() => {
      isOver = true;
    });
    await writing;
    expect(await sql('SELECT count(*) FROM orders')).toBe('1000');
    const numbers = (text: string) =>
      text
        .split('\n')
        .filter((line) => line !== '')
        .map(Number);
    const before = numbers(await sql('SELECT number FROM visits', 'production', made[0].kept));
    const since = numbers(await sql('SELECT number FROM visits'));
    expect(since.filter((number) => before.includes(number))).toEqual([]);
    for (const number of told) expect([...before, ...since]).toContain(number);
    console.log(
      `Of ${told.length + refused.length} statements ${refused.length} were refused while the new database took its place, ` +
        `within ${((refused.at(-1) ?? 0) - (refused[0] ?? 0)).toFixed(0)} ms`,
    );
  },
);

test('staging gets the data of production, masked, as its own', async () => {
  await stands();
  await sql('DROP TABLE IF EXISTS drafts; CREATE TABLE drafts (id int)', 'staging');
  writeFileSync(
    join(shop.folder, 'mask.sql'),
    "UPDATE orders SET email = 'user' || id || '@masked.example';\n",
  );
  const history = await shop.history();
  const { made } = await backup({
    ...{ environment: 'staging', operation: 'restore', service: 'db', from: 'production', mask: 'mask.sql' },
  });
  expect(
    await sql(
      "SELECT count(*), count(*) FILTER (WHERE email LIKE '%@masked.example') FROM orders",
      'staging',
    ),
  ).toBe('1000|1000');
  await sql('ALTER TABLE orders ADD note text; INSERT INTO orders (email) VALUES (1)', 'staging');
  const production = await sql('SELECT current_database()');
  const roles = await sql('SELECT rolname FROM pg_roles', 'staging', 'postgres');
  expect(roles).not.toContain(`${production}_owner`);
  expect(await sql('SELECT count(*) FROM drafts', 'staging', made[0].kept)).toBe('0');
  expect(await sql("SELECT count(*) FROM orders WHERE email LIKE '%@masked.example'")).toBe('0');
  const since = (await shop.history()).slice(0, -history.length);
  expect(since.filter((subject) => subject.startsWith('returned production'))).toEqual([]);
});

fullSizeTest('a mask that fails leaves everything as it was, and nothing of production behind', async () => {
  await stands();
  const before = await databases('staging');
  writeFileSync(join(shop.folder, 'bad.sql'), 'UPDATE orders SET email = NULL;\nUPDATE nowhere SET a = 1;\n');
  const failed = await tryBackup({
    ...{ environment: 'staging', operation: 'restore', service: 'db', from: 'production', mask: 'bad.sql' },
  });
  expect(said(failed)).toMatch(/the masking of db failed.*nowhere/s);
  expect(await databases('staging')).toBe(before);
});

test('with the state branch lost, the repository alone says which backups there are', async () => {
  const { id } = await stands();
  const known = JSON.parse((await backup({ operation: 'list' })).run.outputs.backups ?? '[]');
  await shop.inOrigin('update-ref', '-d', 'refs/heads/switchyard-state');
  await shop.deploy({ secrets: secrets() });
  await sql('DELETE FROM orders');
  await backup({ operation: 'restore', service: 'db' });
  expect(await sql('SELECT count(*) FROM orders')).toBe('1000');
  const { made } = await backup({ operation: 'list' });
  expect(made.map((one: { id: string }) => one.id)).toEqual(known.map((one: { id: string }) => one.id));
  expect(await shop.receipt('db', id)).toMatchObject({ facts: { rows: { 'public.orders': 1000 } } });
});

test('what the repository has not is refused with what it has', async () => {
  await stands();
  const refused = await tryBackup({ environment: 'staging', operation: 'restore', service: 'db' });
  expect(said(refused)).toMatch(/no backup of db of returned staging.*db of returned production/s);
});
