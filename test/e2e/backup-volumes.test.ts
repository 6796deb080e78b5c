import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { buildImages } from '../lab/images.ts';
import type { LabServer } from '../lab/lab.ts';
import { push } from '../lab/registry.ts';
import type { ActionRun } from './action.ts';
import { ask } from './ask.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { Project, serversOf } from './project.ts';
import { startUsers } from './users.ts';

const secrets = JSON.stringify({ BACKUP_PASSWORD: 'the password of the repository' });

const WIKI = 'wiki.filed.example.com';

let lab: Fleet;
let server: LabServer;
let shop: Project;

beforeAll(async () => {
  lab = await fleet();
  [server] = lab.servers as [LabServer];
  const { restic } = await buildImages(['restic'], console.log);
  shop = await Project.create(lab, {
    project: 'filed',
    sidecar: lab.sidecar,
    backup: { image: await push(lab.registry, restic!, 'restic:0.19') },
    environments: {
      production: { provider: 'static', user: 'root', servers: serversOf([server]) },
    },
    services: {
      files: {
        image: lab.images.redis,
        strategy: 'recreate',
        volumes: ['uploads:/data', 'cache:/srv/cache'],
        backup: { volumes: ['uploads'] },
      },
      wiki: {
        image: lab.images.web('v1'),
        port: 3000,
        domain: WIKI,
        healthcheck: { path: '/health' },
        strategy: 'recreate',
        queue_requests: '60s',
        volumes: ['pages:/data'],
        backup: { volumes: true, stop: true },
      },
      words: {
        image: lab.images.redis,
        strategy: 'recreate',
        volumes: ['words:/data'],
        environment: { FOLDER: '/data' },
        backup: { command: ['sh', '-c', 'cat "$$FOLDER/a word"; redis-cli -h 127.0.0.1 get greeting'] },
      },
    },
  });
  await shop.deploy();
  await inService(
    'files',
    `mkdir -p "/data/it's $(a) folder" && cd "/data/it's $(a) folder" && seq 1 50000 >numbers && ln -sf numbers link && printf x >'-rf' && chown 1234:4321 numbers`,
  );
  await inService('words', `printf 'once, ' >'/data/a word'; redis-cli set greeting 'good day'`);
});

afterAll(async () => {
  await shop?.leave();
  const volumes = (await server?.docker('volume', 'ls', '--quiet', '--filter', 'name=filed_')) ?? '';
  for (const name of volumes.split('\n').filter((one) => one !== ''))
    await server.docker('volume', 'rm', name);
});

/** inService runs a line of a shell in the container of a service, which changes its name when it is deployed anew. */
async function inService(service: string, line: string): Promise<string> {
  const [container = ''] = await shop.containers(server, service);
  return await server.docker('exec', container, 'sh', '-c', line);
}

function tryBackup(inputs: Record<string, string>): Promise<ActionRun> {
  return shop.run('backup', { secrets, ...inputs });
}

/** backup runs the action, and returns what it says of the one backup; it throws with the whole log when that fails. */
async function backup(inputs: Record<string, string>) {
  const run = await tryBackup(inputs);
  if (run.code !== 0) throw new Error(`the backup failed:\n${run.log}`);
  return JSON.parse(run.outputs.backups ?? '[]')[0];
}

test('files of a volume come back into a new one, as they were, which the file names and a deploy takes', async () => {
  const made = await backup({ service: 'files' });
  expect(made).toMatchObject({ service: 'files', verified: true });
  expect((await shop.receipt('files', made.id)).facts.objects).toMatchObject({ bytes: 288_895 });
  await inService('files', 'rm -rf /data/it*');
  const { volumes } = await backup({ operation: 'restore', service: 'files' });
  expect(await inService('files', 'ls /data')).not.toContain('folder');
  shop.edit(({ services }) => {
    services.files!.volumes = [`${volumes.uploads}:/data`, 'cache:/srv/cache'];
    services.files!.backup = { volumes: true };
  });
  await shop.deploy();
  const seen = await inService('files', `cd /data/it* && ls && tail -n 1 link && stat -c %u:%g numbers`);
  expect(seen).toBe('-rf\nlink\nnumbers\n50000\n1234:4321');
});

test('a service is stopped while its files are read, and its users wait', async () => {
  const started = await startedAt();
  const users = startUsers([server], WIKI);
  const run = await tryBackup({ service: 'wiki' });
  const { lost, losses, sent } = await users.stop();
  expect(JSON.parse(run.outputs.backups ?? '[]')).toMatchObject([{ service: 'wiki', verified: true }]);
  expect(await startedAt()).not.toBe(started);
  expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
  expect(sent).toBeGreaterThan(0);
});

fullSizeTest('what a killed run has left stopped the next one starts', async () => {
  const dying = shop.start('backup', { service: 'wiki', secrets });
  while (await isRunning()) {
    if (dying.log().includes('scratch container')) throw new Error('it was over before it was killed');
  }
  dying.signal('SIGKILL');
  await dying.done;
  expect(await isRunning()).toBe(false);
  const run = await tryBackup({ service: 'wiki' });
  expect(run.log).toContain('was left stopped by a run that was killed');
  expect(JSON.parse(run.outputs.backups ?? '[]')).toMatchObject([{ verified: true }]);
  expect((await ask(server, WIKI)).status).toBe(200);
});

const wiki = async (format: string) =>
  (await server.docker('inspect', '--format', format, 'filed_production_wiki')).trim();
const startedAt = () => wiki('{{.State.StartedAt}}');
const isRunning = async () => (await wiki('{{.State.Running}}')) === 'true';

test('what a command prints is kept, byte for byte, and what it fails with is told', async () => {
  const made = await backup({ service: 'words' });
  expect(made).toMatchObject({ service: 'words', verified: true });
  expect((await shop.receipt('words', made.id)).facts.digests).toEqual({
    // SHA-256 of "once, good day" and a newline.
    'what the command has printed': DIGEST,
  });
  await inService('words', `rm '/data/a word'`);
  shop.edit(({ services }) => {
    services.words!.backup = { command: ['sh', '-c', 'printf half; echo no more >&2; exit 7'] };
  });
  const failed = await tryBackup({ service: 'words' });
  expect(failed.code).toBe(1);
  expect(failed.log).toMatch(/no more[\s\S]*exit code 7/);
});

const DIGEST = '612c223d540ed37c485cc575d49b5849e8b131c77b62d11652e6d003ac406755';
