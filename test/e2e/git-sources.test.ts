import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { basic } from '../../src/git/remote.ts';
import { hostKeyLine } from '../../src/ssh/keys.ts';
import { docker } from '../lab/command.ts';
import { buildImages } from '../lab/images.ts';
import { newRepository } from '../lab/repositories.ts';
import { GitSshServer, newKey } from '../unit/git/git-ssh-server.ts';
import { Published } from '../unit/git/published.ts';
import { GitHttpServer } from '../unit/state/git-http-server.ts';
import { type ActionRun, startAction } from './action.ts';
import { watchCommandLines } from './command-lines.ts';
import { filesWith, watchFiles } from './file-watch.ts';
import { fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { type LabBuilder, labBuilder, TOLD } from './lab-builders.ts';
import type { Inputs } from './project.ts';
import { said } from './said.ts';

jest.setTimeout(300_000);

/** Nothing of an earlier run is taken for one's own. */
const RUN = randomBytes(6).toString('hex');
const TOKEN = `token-${randomBytes(12).toString('hex')}`;
const NPM_TOKEN = `npm-${randomBytes(12).toString('hex')}`;
const key = newKey();
const KEY_LINE = key.private.split('\n')[5]!;

/** All forms in which one of them could lie somewhere. */
const SECRETS = [TOKEN, Buffer.from(`x-access-token:${TOKEN}`).toString('base64'), NPM_TOKEN, KEY_LINE];

/** What they leave is looked for in the engine of this machine. */
const HERE = TOLD.filter(({ builder }) => builder !== 'containerd');

describe.each(HERE)('services of other repositories, built with $words', ({ builder: kind }) => {
  let builder: LabBuilder;
  const project = `sources-${kind}`;
  let folder: string;
  let workspace: string;
  let temporary: string;
  let http: GitHttpServer;
  let ssh: GitSshServer;
  let port: number;
  let api: Published;
  let address: string;
  let base: string;

  beforeAll(async () => {
    builder = await labBuilder(kind, await fleet());
    ({ node: base = '' } = await buildImages(['node'], console.log));
    folder = mkdtempSync(join(tmpdir(), 'switchyard-git-sources-'));
    mkdirSync(join(folder, 'bare'));
    temporary = join(folder, 'runner temp');
    mkdirSync(temporary);
    http = new GitHttpServer(folder, basic('x-access-token', TOKEN));
    address = await http.start();
    ssh = new GitSshServer(key);
    port = await ssh.start();
    api = new Published(folder, 'api');
    api.commit({
      'services/api/Dockerfile': `FROM ${base}\nCOPY . /app\nRUN --mount=type=secret,id=NPM_TOKEN test -s /run/secrets/NPM_TOKEN && test ! -e /app/.git\nCMD ["node", "/app/server.mjs"]\n`,
      'services/api/server.mjs': `// ${RUN} 1\n`,
    });
    const { dir } = await newRepository(join(folder, 'bare'), { 'switchyard.yml': '' });
    workspace = dir;
  });

  beforeEach(() =>
    write({ git: `${address}/api.git@main`, context: 'services/api', secrets: ['NPM_TOKEN'] }),
  );

  afterAll(async () => {
    await http.stop();
    await ssh.stop();
    rmSync(folder, { recursive: true });
    await builder?.forget(`${project}-local-*`);
  });

  function write(build: object, others: object = {}): void {
    const services = { api: { build, port: 3000 }, ...others };
    const config = { project, environments: { local: { provider: 'local' } }, services };
    writeFileSync(join(workspace, 'switchyard.yml'), JSON.stringify(config));
  }

  function start(inputs: Inputs = {}) {
    const all = {
      environment: 'local',
      push: 'false',
      secrets: JSON.stringify({ NPM_TOKEN }),
      'git-token': TOKEN,
      'git-ssh-key': key.private,
      'git-known-hosts': `[127.0.0.1]:${port} ${hostKeyLine(ssh.hostKey.public)}`,
      ...inputs,
    };
    return startAction('build-push', all, {
      workspace,
      env: { ...builder.env, RUNNER_TEMP: temporary, XDG_CACHE_HOME: join(folder, 'cache') },
    });
  }

  async function build(inputs: Inputs = {}): Promise<{ outcome: string; image: string; log: string }> {
    const run = await start(inputs).done;
    if (run.code !== 0) throw new Error(`the build failed:\n${said(run)}`);
    const { api: built } = JSON.parse(run.outputs.built ?? '{}') as Record<
      string,
      { outcome: string; image: string }
    >;
    return { ...built!, log: run.log };
  }

  async function fails(inputs: Inputs = {}): Promise<ActionRun> {
    const run = await start(inputs).done;
    expect([run.code, run.outputs.images]).toEqual([1, undefined]);
    expect(readdirSync(temporary)).toEqual([]);
    return run;
  }

  const labelsOf = async (image: string) =>
    JSON.parse(await docker(['image', 'inspect', '--format', '{{json .Config.Labels}}', image])) as Record<
      string,
      string
    >;

  test('is built from a branch, with the commit as its tag and on its labels', async () => {
    const commit = api.commit({ 'services/api/more': RUN });
    const { outcome, image, log } = await build();
    expect(outcome).toBe('built');
    expect(log).toMatch(`api is built from ${address}/api.git, branch main: ${commit}`);
    expect(await labelsOf(image)).toMatchObject({
      'org.opencontainers.image.revision': commit,
      'org.opencontainers.image.source': `${address}/api.git`,
    });
    expect(
      await docker(['image', 'inspect', '--format', '{{.Id}}', `${project}-local-api:${commit}`]),
    ).toMatch('sha256:');
  });

  test('is not built again for another commit with the same files, nor over SSH', async () => {
    await build();
    api.commit({ README: RUN });
    expect(await build()).toMatchObject({ outcome: 'present' });
    write({ context: `ssh://git@127.0.0.1:${port}${api.bare}#main:services/api`, secrets: ['NPM_TOKEN'] });
    expect(await build()).toMatchObject({ outcome: 'present' });
    expect(ssh.commands).toContain(`git-upload-pack '${api.bare}'`);
  });

  test('leaves its secrets in no log, command line, file, cache, layer or history', async () => {
    api.commit({ 'services/api/server.mjs': `// ${RUN} ${Date.now()}\n` });
    const here = { context: 'services/api', secrets: ['NPM_TOKEN'] };
    const overSsh = { ...here, git: `ssh://git@127.0.0.1:${port}${api.bare}@main`, args: { OTHER: RUN } };
    write({ ...here, git: `${address}/api.git@main` }, { other: { build: overSsh, port: 3000 } });
    const lines = watchCommandLines();
    const files = watchFiles(folder, SECRETS);
    http.onRequest = files.look;
    const { image, log } = await build();
    http.onRequest = () => undefined;
    expect(holding(SECRETS, [log, ...lines.stop()])).toEqual([]);
    // What SSH and the builder read: nobody else can, and it goes with the run.
    const seen = files.stop();
    expect(seen).toContain('key 600');
    expect(seen.filter((one) => one !== 'key 600' && one !== 'secret-0 600')).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
    expect(filesWith(folder, SECRETS)).toEqual([]);
    const history = await docker(['history', '--no-trunc', image]);
    const packed = savedImage(image);
    expect(holding(SECRETS, [history, packed])).toEqual([]);
    expect(holding([RUN], [packed])).toEqual([RUN]);
  });

  describe('fails before anything is built', () => {
    test('with a wrong token', async () => {
      const failed = await fails({ 'git-token': 'wrong-token-wrong-token' });
      expect(said(failed)).toMatch(`api: ${address}/api.git could not be read: the token is not accepted`);
      expect(failed.log).not.toMatch('wrong-token');
    });

    test('with a ref that is not there', async () => {
      write({ git: `${address}/api.git@nothing` });
      expect(said(await fails())).toMatch(`api: ${address}/api.git has neither a branch nor a tag nothing`);
    });

    test('with an unknown host key', async () => {
      write({ git: `ssh://git@127.0.0.1:${port}${api.bare}@main` });
      expect(said(await fails({ 'git-known-hosts': '' }))).toMatch(
        `the host key of 127.0.0.1:${port} is not known`,
      );
    });

    test('with a server that is away', async () => {
      write({ git: 'http://127.0.0.1:9/api.git@main' });
      expect(said(await fails())).toMatch(
        'api: http://127.0.0.1:9/api.git could not be read: it cannot be reached',
      );
    });

    test('with a folder that is a link which leaves', async () => {
      api.commit({ out: { link: '/etc' } }, 'hostile');
      write({ git: `${address}/api.git@hostile`, context: 'out' });
      expect(said(await fails())).toMatch('api: out is outside of the repository');
    });
  });
});

/** Builders before BuildKit 0.10 know one context alone. */
fullSizeTest(
  'a service that copies from another repository has what is there at the version that the file names',
  async () => {
    const lab = await fleet();
    const builder = await labBuilder('containerd', lab);
    const folder = mkdtempSync(join(tmpdir(), 'switchyard-git-contexts-'));
    const http = new GitHttpServer(folder, basic('x-access-token', TOKEN));
    const address = await http.start();
    const shared = new Published(folder, 'shared');
    mkdirSync(join(folder, 'bare'));
    const project = 'contexts';
    const build = {
      context: '.',
      dockerfile_inline: `FROM ${lab.images.node}\nENV STORY=${RUN}\nCOPY --from=shared greeting.txt /\nUSER 1000\nCMD ["node"]\n`,
      additional_contexts: { shared: `${address}/shared.git#main:lib` },
    };
    const config = {
      project,
      environments: { local: { provider: 'local' } },
      services: { api: { build, port: 3000 } },
    };
    const { dir: workspace } = await newRepository(join(folder, 'bare'), {
      'switchyard.yml': JSON.stringify(config),
    });
    const become = async (greeting: string, path = 'lib/greeting.txt') => {
      const commit = shared.commit({ [path]: greeting });
      const inputs = { environment: 'local', push: 'false', 'git-token': TOKEN };
      const env = { ...builder.env, XDG_CACHE_HOME: join(folder, 'cache') };
      const run = await startAction('build-push', inputs, { workspace, env }).done;
      if (run.code !== 0) throw new Error(`the build failed:\n${said(run)}`);
      expect(run.log).toMatch(`api copies from ${address}/shared.git, branch main: ${commit}`);
      expect(holding(SECRETS, [run.log])).toEqual([]);
      const { api } = JSON.parse(run.outputs.built!) as { api: { outcome: string; image: string } };
      const read = ['run', '--rm', '--entrypoint', 'cat', api.image, '/greeting.txt'];
      return [api.outcome, await docker(read, { env: builder.env })];
    };
    expect(await become('first')).toEqual(['built', 'first']);
    expect(await become('of no matter', 'README')).toEqual(['present', 'first']);
    expect(await become('second')).toEqual(['built', 'second']);
    await http.stop();
    rmSync(folder, { recursive: true });
    await builder.forget(`${project}-local-*`);
  },
);

/** Those of the texts that are in any of the places. */
function holding(texts: readonly string[], places: readonly (string | Buffer)[]): string[] {
  return texts.filter((text) => places.some((place) => place.includes(text)));
}

/** An image with all of its layers, as they are packed. */
function savedImage(image: string): Buffer {
  const { status, stdout, stderr } = spawnSync('docker', ['save', image], { maxBuffer: 1024 ** 3 });
  if (status !== 0) throw new Error(`docker save: ${stderr}`);
  return stdout;
}
