import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { buildImages } from '../lab/images.ts';
import type { LabServer } from '../lab/lab.ts';
import { push } from '../lab/registry.ts';
import type { Stores } from '../lab/stores.ts';
import type { ActionRun } from './action.ts';
import { type Fleet, fleet } from './fleet.ts';
import { Project, serversOf } from './project.ts';

/** A database whose backups go to a bucket, and to a host by SFTP, as a runner has them made on a real server. */

const PASSWORD = `the "password" of $(the) repository`;

let lab: Fleet;
let server: LabServer;
let stores: Stores;
let shop: Project;

beforeAll(async () => {
  lab = await fleet();
  [server] = lab.servers as [LabServer];
  const [postgres, { restic }] = await Promise.all([
    lab.database('postgres:17'),
    buildImages(['restic'], console.log),
  ]);
  stores = await lab.startStores();
  const { target } = stores.s3;
  shop = await Project.create(lab, {
    project: 'placed',
    sidecar: lab.sidecar,
    backup: {
      image: await push(lab.registry, restic!, 'restic:0.19'),
      password: 'BACKUP_PASSWORD',
      to: { s3: target.url, access_key: 'S3_ACCESS_KEY', secret_key: 'S3_SECRET_KEY', ca: target.ca },
      retention: { daily: 1, weekly: 0, monthly: 0 },
    },
    environments: {
      production: { provider: 'static', user: 'root', servers: serversOf([server]) },
    },
    services: {
      db: {
        image: postgres,
        strategy: 'recreate',
        environment: { POSTGRES_PASSWORD: 'correct horse', POSTGRES_DB: 'shop' },
        volumes: ['data:/var/lib/postgresql/data'],
        backup: true,
      },
    },
  });
  await shop.deploy();
});

afterAll(async () => {
  await shop?.leave();
});

/** backup runs the action; it throws with the whole log when that fails. */
async function backup(inputs: Record<string, string> = {}): Promise<ActionRun> {
  const secrets = { BACKUP_PASSWORD: PASSWORD, ...stores.s3.secrets };
  const run = await shop.run('backup', { secrets: JSON.stringify(secrets), ...inputs });
  if (run.code !== 0) throw new Error(`the backup failed:\n${run.log}`);
  return run;
}

const madeBy = (run: ActionRun) => JSON.parse(run.outputs.backups ?? '[]');

test('backups in a bucket are made, restored, listed, pulled byte for byte, and given up by the rule', async () => {
  const runs = [await backup(), await backup()];
  const [first, second] = runs.flatMap(madeBy);
  expect([first.verified, second.verified]).toEqual([true, true]);
  expect(madeBy(await backup({ operation: 'list' })).map(({ id }: { id: string }) => id)).toEqual([
    first.id,
    second.id,
  ]);
  const [pulled] = madeBy(await backup({ operation: 'pull', folder: 'pulled', service: 'db' }));
  expect(pulled.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(readFileSync(pulled.file).subarray(0, 5).toString()).toBe('PGDMP');
  expect(pulled.file).toContain(join('pulled', `db-${second.id}`));
  expect(madeBy(await backup({ operation: 'prune' }))).toMatchObject([{ id: first.id }]);
  const left = madeBy(await backup({ operation: 'list' }));
  expect(left).toMatchObject([{ id: second.id, target: `s3:${stores.s3.target.url}` }]);
  for (const { log } of runs) expect(log).not.toContain(PASSWORD);
  const ours = ['label=switchyard.role=backup', 'label=switchyard.project=placed'];
  const filters = ours.flatMap((label) => ['--filter', label]);
  expect(await server.docker('ps', '--all', '--quiet', ...filters)).toBe('');
});
