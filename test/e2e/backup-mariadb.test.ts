import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { buildImages } from '../lab/images.ts';
import type { LabServer } from '../lab/lab.ts';
import { push } from '../lab/registry.ts';
import { type Fleet, fleet } from './fleet.ts';
import { Project, serversOf } from './project.ts';

const secrets = JSON.stringify({ BACKUP_PASSWORD: 'the password of the repository' });
const PASSWORD = `it's #a "pass\\word`;

let lab: Fleet;
let server: LabServer;
let shop: Project;

beforeAll(async () => {
  lab = await fleet();
  [server] = lab.servers as [LabServer];
  const [mariadb, { restic }] = await Promise.all([
    lab.database('mariadb:11.8'),
    buildImages(['restic'], console.log),
  ]);
  shop = await Project.create(lab, {
    project: 'kept-mariadb',
    sidecar: lab.sidecar,
    backup: { image: await push(lab.registry, restic!, 'restic:0.19') },
    environments: {
      production: { provider: 'static', user: 'root', servers: serversOf([server]) },
    },
    services: {
      db: {
        image: mariadb,
        strategy: 'recreate',
        environment: {
          MARIADB_ROOT_PASSWORD: 'of root alone',
          MARIADB_ROOT_HOST: 'localhost',
          MARIADB_USER: 'shop',
          MARIADB_PASSWORD: PASSWORD,
          MARIADB_DATABASE: 'shop',
        },
        volumes: ['data:/var/lib/mysql'],
        backup: { query: 'SELECT max(id), sum(total) FROM orders' },
      },
    },
  });
  await shop.deploy();
  await sql(
    'CREATE OR REPLACE TABLE orders (id int AUTO_INCREMENT PRIMARY KEY, total int, KEY by_total (total))',
  );
  await sql('INSERT INTO orders (total) SELECT seq % 100 FROM seq_1_to_1000');
  await sql('CREATE OR REPLACE TABLE visits (id int AUTO_INCREMENT PRIMARY KEY, at int)');
  await sql('CREATE OR REPLACE PROCEDURE order_more() INSERT INTO orders (total) VALUES (1)');
});

afterAll(async () => {
  await shop?.leave();
  await server?.docker('volume', 'rm', 'kept-mariadb_production_data', 'kept-mariadb_production_backups');
});

/** sql asks the database of the shop, as the app does. */
async function sql(statement: string): Promise<string> {
  const [container = ''] = await shop.containers(server, 'db');
  const client = ['mariadb', '-h', '127.0.0.1', '-u', 'shop', '-NBe', statement, 'shop'];
  return (await server.docker('exec', '--env', `MYSQL_PWD=${PASSWORD}`, container, ...client)).trim();
}

async function backup() {
  const run = await shop.run('backup', { service: 'db', secrets });
  if (run.code !== 0) throw new Error(`the backup failed:\n${run.log}`);
  const [made] = JSON.parse(run.outputs.backups ?? '[]');
  return { made, log: run.log, receipt: await shop.receipt('db', made.id) };
}

test('a mariadb is counted in the moment of its dump, although an app goes on writing, and restored', async () => {
  let isOver = false;
  const writing = (async () => {
    while (!isOver) await sql('INSERT INTO visits (at) SELECT seq FROM seq_1_to_100');
  })();
  const { made, receipt, log } = await backup().finally(() => {
    isOver = true;
  });
  await writing;
  expect(made).toMatchObject({ service: 'db', verified: true });
  expect(receipt.facts).toMatchObject({
    rows: { 'shop.orders': 1000 },
    indexes: expect.arrayContaining(['shop.orders.PRIMARY', 'shop.orders.by_total']),
    objects: { tables: 2, 'functions and procedures': 1 },
    query: '1000\t49500',
  });
  expect(receipt.facts.rows['shop.visits']).toBeLessThanOrEqual(
    Number(await sql('SELECT count(*) FROM visits')),
  );
  expect(log).not.toContain(PASSWORD);
});

test('a restore in place is refused, with what to do', async () => {
  const refused = await shop.run('backup', { operation: 'restore', service: 'db', secrets });
  expect(refused.code).toBe(1);
  expect(refused.log).toContain('Bring a MariaDB or MySQL back');
});
