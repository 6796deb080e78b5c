import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { docker, mustRun } from '../lab/command.ts';
import type { LabServer } from '../lab/lab.ts';
import { type Block, blocks } from '../unit/docs/documents.ts';
import { serverBlock } from '../unit/docs/server-blocks.ts';
import type { ActionRun } from './action.ts';
import { ask } from './ask.ts';
import { Example } from './example.ts';
import { borrow, type LentServers } from './fleet.ts';
import { once } from './once.ts';

const repository = join(import.meta.dirname, '..', '..');
const MINUTE = 60_000;

let lab: LentServers;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-docs-'));
  lab = await borrow(2);
}, 15 * MINUTE);

afterAll(() => {
  lab?.giveBack();
  rmSync(folder, { recursive: true, force: true });
});

/** onServer types a block of a document on a server, as root, with some words replaced; returns what it prints. */
async function onServer(
  server: LabServer,
  { text }: Pick<Block, 'text'>,
  words: Record<string, string> = {},
): Promise<string> {
  // The lab's servers have the packages already.
  let script = text.replaceAll(/^apt-get .*$/gm, '');
  for (const [word, other] of Object.entries(words)) script = script.replaceAll(word, other);
  const { code, stdout, stderr } = await server.exec(['bash', '-euc', script]);
  if (code !== 0) throw new Error(`${script}\nended with ${code}: ${stderr}`);
  return stdout;
}

/** changedBy returns whether a run changed anything; it throws with the log of a run that failed. */
function changedBy({ code, log, outputs }: ActionRun): string | undefined {
  if (code !== 0) throw new Error(log);
  return outputs.changed;
}

/** The steps of a reader. Each is taken once: a story takes those that come before it, if no other has. */
describe('a first deploy, as the README says', () => {
  const who = 'shipper';
  let server: LabServer;

  beforeAll(() => {
    server = lab.servers[0]!;
  });

  /** The server is prepared; what that printed. */
  const prepared = once(async () => {
    await server.exec(['userdel', '--remove', '--force', who]);
    // ssh-keygen has made this file on every machine but the lab's.
    await server.exec(['tee', '/etc/ssh/ssh_host_ed25519_key.pub'], { input: `${server.hostKeys[0]}\n` });
    return await onServer(server, serverBlock('prepare it'), { deploy: who });
  });

  /** The workflow has a key of its own. */
  const key = once(async () => {
    await prepared();
    const [block] = blocks('sh').filter(({ text }) => text.startsWith('ssh-keygen -t'));
    const line = block!.text.split('\n')[0]!.replace('~/.ssh/switchyard-key', join(folder, 'key'));
    execFileSync('bash', ['-euc', line], { stdio: 'ignore' });
    const publicKey = readFileSync(join(folder, 'key.pub'), 'utf8');
    await server.exec(['tee', '--append', `/home/${who}/.ssh/authorized_keys`], { input: publicKey });
    return readFileSync(join(folder, 'key'), 'utf8');
  });

  /** The repository, deployed. */
  const hello = once(async () => {
    const example = await Example.copy(lab, 'single-server', who);
    expect(changedBy(await example.run('deploy', { 'ssh-private-key': await key() }))).toBe('true');
    return example;
  });

  async function run(action: string): Promise<ActionRun> {
    return await (await hello()).run(action, { 'ssh-private-key': await key() });
  }

  test('a server is prepared, and shows its host key', async () => {
    const hostKey = server.hostKeys[0]!.split(' ')[1];
    expect(await prepared()).toContain(hostKey);
    const scanned = execFileSync('ssh-keyscan', ['-t', 'ed25519', server.host], { encoding: 'utf8' });
    expect(scanned).toContain(hostKey);
  });

  test('the workflow gets a key of its own', async () => {
    expect(await key()).toContain('PRIVATE KEY');
  });

  test(
    'the service answers, and a second run has nothing to do',
    async () => {
      await hello();
      expect(await ask(server, 'hello.example.com', '/')).toMatchObject({ status: 200 });
      expect(changedBy(await run('deploy'))).toBe('false');
    },
    5 * MINUTE,
  );

  test(
    'what operations.md looks at is there',
    async () => {
      await hello();
      const said = await onServer(server, serverBlock('look at what runs'), { shop: 'hello' });
      expect(said).toContain('hello_production_web');
      expect(said).toContain('server_name hello.example.com');
    },
    5 * MINUTE,
  );

  test(
    'the log of the edge, and nothing else, is on its standard output',
    async () => {
      await hello();
      await ask(server, 'hello.example.com', '/');
      const said = await onServer(server, { text: 'docker logs switchyard_edge 2>/dev/null' });
      const lines = said.trim().split('\n');
      expect(lines.map((line) => JSON.parse(line))).toContainEqual(
        expect.objectContaining({ host: 'hello.example.com' }),
      );
    },
    5 * MINUTE,
  );

  test(
    'a balancer is told that the server is out, and that it is back',
    async () => {
      await hello();
      const health = async () => (await ask(server, server.host, '/.well-known/switchyard/health')).status;
      const [out = '', back = ''] = serverBlock('take it out of the balancer').text.split(
        '# and back again\n',
      );
      await onServer(server, { text: out });
      expect(await health()).toBe(503);
      await onServer(server, { text: back });
      expect(await health()).toBe(200);
    },
    5 * MINUTE,
  );

  test(
    'a hook that was stopped, and what it said',
    async () => {
      await hello();
      const image = (
        await server.docker('inspect', '--format', '{{.Config.Image}}', 'hello_production_web')
      ).trim();
      const name = 'shop_production_api_pre_deploy';
      await server.docker(
        'run',
        '--name',
        name,
        '--label',
        'switchyard.hook=pre_deploy',
        image,
        'node',
        '-p',
        '6 * 7',
      );
      const said = await onServer(server, serverBlock('look at a hook'));
      await server.docker('rm', name);
      expect(said).toContain(name);
      expect(said).toMatch(/^42$/m);
    },
    5 * MINUTE,
  );

  test(
    'the data of a service that has left',
    async () => {
      await hello();
      await server.docker('volume', 'create', 'shop_production_cache-data');
      const said = await onServer(server, serverBlock('remove the data of a service'));
      expect(said).toContain('shop_production_cache-data');
      expect(await server.docker('volume', 'ls', '--quiet')).not.toContain('shop_production');
    },
    5 * MINUTE,
  );

  test(
    'a lost record is written again, and nothing is restarted',
    async () => {
      const example = await hello();
      const before = await server.docker('ps', '--no-trunc', '--quiet');
      await example.git('--git-dir', example.origin, 'update-ref', '-d', 'refs/heads/switchyard-state');
      expect((await run('status')).log).toContain('runs, but is not recorded');
      expect(changedBy(await run('deploy'))).toBe('true');
      expect((await example.recorded('web')).copies).toHaveLength(1);
      expect(await server.docker('ps', '--no-trunc', '--quiet')).toBe(before);
    },
    5 * MINUTE,
  );

  test(
    'the project leaves, and then the edge',
    async () => {
      await (await hello()).configure(['services'], {});
      expect(changedBy(await run('deploy'))).toBe('true');
      expect((await server.docker('ps', '--all', '--format', '{{.Names}}')).trim()).toBe('switchyard_edge');
      await onServer(server, serverBlock('remove the edge'));
      expect(await server.docker('ps', '--all', '--quiet')).toBe('');
      expect(await server.docker('volume', 'ls', '--quiet')).toBe('');
      expect(await server.docker('network', 'ls', '--filter', 'type=custom', '--quiet')).toBe('');
    },
    5 * MINUTE,
  );
});

describe('the machine that runs the workflow', () => {
  test(
    'deploys to its own engine',
    async () => {
      const server = lab.servers[1]!;
      const notes = await Example.copy(lab, 'local');
      const at = '/srv/switchyard';
      await server.exec(['rm', '-rf', at]);
      await server.exec(['mkdir', '-p', at]);
      await docker(['cp', join(repository, 'dist'), `${server.container}:${at}/dist`]);
      await docker(['cp', process.execPath, `${server.container}:${at}/node`]);
      await docker(['cp', notes.folder, `${server.container}:${at}/work`]);
      const run = (action: string) =>
        server.exec([
          ...['env', `GITHUB_WORKSPACE=${at}/work`, 'INPUT_ENVIRONMENT=home'],
          ...[
            'bash',
            '-euc',
            `cd ${at}/work && chown -R root . && git remote remove origin; exec ${at}/node ${at}/dist/${action}.js`,
          ],
        ]);
      const deployed = await run('deploy');
      if (deployed.code !== 0) throw new Error(deployed.stdout + deployed.stderr);
      expect(await ask(server, 'notes.home.arpa', '/')).toMatchObject({ status: 200 });
      const names = await server.docker('ps', '--format', '{{.Names}}');
      expect(names).toContain('notes_home_web');
      expect(names).toContain('notes_home_cache');
      // The address of the cache is the sidecar's, and somebody answers there.
      const ping =
        'exec 3<>/dev/tcp/$SWITCHYARD_CACHE_HOST/$SWITCHYARD_CACHE_PORT; echo PING >&3; head -1 <&3';
      expect(await server.docker('exec', 'notes_home_web', 'bash', '-c', ping)).toContain('PONG');
    },
    5 * MINUTE,
  );
});

test(
  'the commands that the demo leaves its readers with',
  async () => {
    const cli = (...args: string[]) =>
      mustRun([process.execPath, 'test/lab/cli.ts', ...args], { cwd: repository, env: { NODE_OPTIONS: '' } });
    const version = ['version', '--format', '{{.Server.Version}}'];
    const [first, second] = lab.servers.map(({ index }) => String(index)) as [string, string];
    expect(await cli('docker', '--name', lab.name, first, ...version)).toMatch(/^26\.1/);
    expect(await cli('ssh', '--name', lab.name, second, 'hostname')).toBe(`${lab.name}-${second}`);
  },
  5 * MINUTE,
);
