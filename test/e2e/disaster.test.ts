import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { buildImages } from '../lab/images.ts';
import type { LabServer } from '../lab/lab.ts';
import { push } from '../lab/registry.ts';
import type { Stores } from '../lab/stores.ts';
import type { ActionRun } from './action.ts';
import { ask } from './ask.ts';
import { borrow, type LentServers } from './fleet.ts';
import { once } from './once.ts';
import { type Project, serversOf } from './project.ts';
import { said } from './said.ts';
import { newProject } from './web-shop.ts';

jest.setTimeout(300_000);

const DOMAIN = 'drill.example.com';
const APP = readFileSync(join(import.meta.dirname, '..', 'lab', 'apps', 'reader', 'server.pl'), 'utf8');
const QUERY = 'SELECT count(*), sum(total) FROM orders';
const ROWS = '100000|4950000';

/** All that was kept elsewhere: the repository, the place of the backups with what opens it, and a key. */
describe('When all servers are gone', () => {
  let lab: LentServers;
  let old: LabServer;
  let fresh: LabServer;
  let stores: Stores;
  let shop: Project;
  let key: string;

  beforeAll(async () => {
    lab = await borrow(2);
    [old, fresh] = lab.servers as [LabServer, LabServer];
    const [postgres, { restic }] = await Promise.all([
      lab.database('postgres:18'),
      buildImages(['restic'], console.log),
    ]);
    stores = await lab.startStores();
    key = await generateX25519Identity();
    const [image, recipient] = [
      await push(lab.registry, restic!, 'restic:0.19'),
      await identityToRecipient(key),
    ];
    const { user, host, port, path, hostKeys, keySecret } = stores.sftp.target;
    shop = await newProject(lab, 'drill', [old], {
      db: { preset: 'postgres', version: '18', image: postgres, backup: true },
      app: {
        image: postgres,
        command: ['perl', '/app/server.pl', QUERY],
        configs: [{ source: 'app', target: '/app/server.pl' }],
        port: 3000,
        protocol: 'http',
        domain: DOMAIN,
        healthcheck: { path: '/health' },
        depends_on: ['db'],
      },
    });
    shop.edit((config) => {
      config.configs = { app: { content: APP.replaceAll('$', '$$$$') } };
      config.secrets = { 'backup-password': { generate: 32 } };
      config.age_recipients = [recipient];
      config.backup = {
        image,
        to: { sftp: `${user}@${host}:${port}${path}-${randomUUID()}`, host_key: hostKeys[0], key: keySecret },
      };
    });
  });

  afterAll(() => lab?.giveBack());

  const secrets = () => JSON.stringify(stores.sftp.secrets);

  /** backup runs the action; it throws with the whole log when that fails. */
  async function backup(inputs: Record<string, string> = {}): Promise<ActionRun> {
    const run = await shop.run('backup', { secrets: secrets(), ...inputs });
    if (run.code !== 0) throw new Error(`the backup failed:\n${run.log}`);
    return run;
  }

  const madeBy = (run: ActionRun) => JSON.parse(run.outputs.backups ?? '[]');

  /** A shop with orders and a backup of them, on a server whose power is cut then; the file names another one. */
  const lost = once(async () => {
    const early = await shop.run('backup', { secrets: secrets() });
    await shop.deploy({ secrets: secrets() });
    const [db = ''] = await shop.containers(old, 'db');
    const asApp = 'psql -v ON_ERROR_STOP=1 -U "$APP_USER" -d "$POSTGRES_DB" -qAtc "$1"';
    const statement =
      'CREATE TABLE orders (id serial PRIMARY KEY, total int); INSERT INTO orders (total) SELECT g % 100 FROM generate_series(1, 100000) g';
    await old.docker('exec', db, 'sh', '-c', asApp, 'sh', statement);
    expect(await ask(old, DOMAIN, '/')).toEqual({ status: 200, body: `${ROWS}\n` });
    const [made] = madeBy(await backup());
    expect(made).toMatchObject({ service: 'db', verified: true });
    await old.kill();
    shop.edit(({ environments }) => {
      environments.production!.servers = serversOf([fresh]);
    });
    return { made, early };
  });

  test('a backup before the first deploy makes no password that nobody would keep', async () => {
    const { early } = await lost();
    expect(said(early)).toMatch(/secret backup-password was not made yet.*Deploy once/s);
  });

  test('nothing is made anew without the key, and the refusal says where everything is', async () => {
    await lost();
    expect(said(await shop.failToDeploy({ secrets: secrets() }))).toMatch(
      /is lost: .*pass the key of one of them as the input "age-key"/s,
    );
    expect(await fresh.docker('ps', '--all', '--quiet')).toBe('');
  });

  test('one deploy and one restore, and the app answers with the rows of the last backup', async () => {
    const { made } = await lost();
    const began = performance.now();
    const deployed = await shop.deploy({ secrets: secrets(), 'age-key': key });
    const restored = await backup({ operation: 'restore', service: 'db' });
    const answer = await ask(fresh, DOMAIN, '/');
    const tookMs = performance.now() - began;
    expect(answer).toEqual({ status: 200, body: `${ROWS}\n` });
    expect(madeBy(restored)).toMatchObject([{ id: made.id, service: 'db' }]);
    const figures = { all: tookMs, deploy: deployed.ms, restore: restored.ms };
    const told = Object.entries(figures).map(([what, ms]) => `${what} ${(ms / 1000).toFixed(1)} s`);
    console.log(`From an empty server to the rows of the last backup: ${told.join(', ')}`);
    expect(madeBy(await backup({ operation: 'list' }))).toMatchObject([{ id: made.id }]);
  });
});
