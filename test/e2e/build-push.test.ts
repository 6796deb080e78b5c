import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { ActionRun } from './action.ts';
import { ask } from './ask.ts';
import { Example } from './example.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { type LabBuilder, labBuilder, TOLD } from './lab-builders.ts';
import type { Inputs, Project } from './project.ts';
import { guardRegistry } from './registry-front.ts';
import { said } from './said.ts';
import { size } from './size.ts';
import { newProject } from './web-shop.ts';

jest.setTimeout(600_000);

/** Texts that a shell, a Dockerfile or a parser would like to change. */
const HOSTILE = {
  SHELL: `$(touch /pwned) \`id\` "double" 'single' \\ $HOME; --push`,
  EQUALS: '=a=b',
  UNICODE: 'žluťoučký 🐎',
};

/** The registry keeps what earlier runs have pushed: nothing of this one is there before. */
const RUN = randomBytes(8).toString('hex');

const SERVER = (version: string) =>
  `// ${RUN}
import { createServer } from 'node:http';
const server = createServer((_request, response) =>
  response.end(JSON.stringify({ version: '${version}', args: { SHELL: process.env.SHELL_ARG, EQUALS: process.env.EQUALS_ARG, UNICODE: process.env.UNICODE_ARG } })));
server.listen(3000);
process.on('SIGTERM', () => server.close(() => process.exit()));
`;

/** From source to what answers. */
// The builder of an older client is in every other story of builds.
const HERE = size.isFull ? TOLD : TOLD.slice(-1);

describe.each(HERE)('a project whose images are built with $words', ({ builder: kind }) => {
  const domainOf = (service: string) => `${service}.built-${kind}.example.com`;
  /** Stories in which the builder has no part are told of one. */
  const onceTest = kind === 'engine' ? test : fullSizeTest;
  let lab: Fleet;
  let homes: LabServer[];
  let builder: LabBuilder;
  let shop: Project;
  let images = '';

  beforeAll(async () => {
    lab = await fleet();
    builder = await labBuilder(kind, lab);
    // One may have the engine that builds.
    homes = [lab.servers[0]!, kind === 'containerd' ? lab.workshop : lab.servers[1]!];
    const service = (name: string, build: unknown) => ({
      build,
      port: 3000,
      domain: domainOf(name),
      servers: 2,
      healthcheck: { path: '/' },
      drain: { timeout: '5s' },
    });
    shop = await newProject(lab, `built-${kind}`, homes, {
      api: service('api', {
        context: './the api',
        args: Object.fromEntries(
          Object.entries(HOSTILE).map(([name, value]) => [name, value.replaceAll('$', '$$$$')]),
        ),
        labels: { 'com.example.hostile': HOSTILE.EQUALS },
      }),
      web: service('web', './web'),
    });
    shop.edit((config) => {
      config.registry = `${lab.registry.address}/built`;
    });
    await commit({
      'the api/Dockerfile': [
        `FROM ${lab.images.node}`,
        'ARG SHELL EQUALS UNICODE',
        'ENV SHELL_ARG=$SHELL EQUALS_ARG=$EQUALS UNICODE_ARG=$UNICODE',
        'COPY server.mjs /app/',
        'CMD ["node", "/app/server.mjs"]',
        '',
      ].join('\n'),
      'the api/server.mjs': SERVER('api 1'),
      'web/Dockerfile': `FROM ${lab.images.node}\nCOPY . /app\nRUN test ! -e /app/notes.md\nCMD ["node", "/app/server.mjs"]\n`,
      'web/.dockerignore': '*.md\n',
      'web/notes.md': 'of no matter',
      'web/server.mjs': SERVER('web 1'),
    });
  });

  afterAll(async () => {
    await shop?.leave();
    await builder?.forget(`*/built/built-${kind}-production-*`);
  });

  async function commit(files: Record<string, string>): Promise<void> {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(shop.folder, path)), { recursive: true });
      writeFileSync(join(shop.folder, path), text);
    }
    await shop.git('add', '--all');
    await shop.git('commit', '--quiet', '--message', 'Another version');
  }

  const run = (inputs: Inputs = {}, more: Record<string, string> = {}): Promise<ActionRun> =>
    shop.run('build-push', { 'ssh-private-key': '', ...inputs }, { ...builder.env, ...more });

  async function build(inputs: Inputs = {}): Promise<Record<string, string>> {
    const built = await run(inputs);
    if (built.code !== 0) throw new Error(`the build failed:\n${built.log}`);
    images = built.outputs.images ?? '';
    const outcomes = JSON.parse(built.outputs.built ?? '{}') as Record<string, { outcome: string }>;
    return Object.fromEntries(Object.entries(outcomes).map(([name, { outcome }]) => [name, outcome]));
  }

  const deploy = () => shop.deploy({ images });

  async function answers(service: string): Promise<string[]> {
    const all = await Promise.all(homes.map((server) => ask(server, domainOf(service), '/')));
    return all.map(({ body }) => (JSON.parse(body) as { version: string }).version);
  }

  test('is built, pushed, deployed by digest, and answers', async () => {
    expect(await build()).toEqual({ api: 'built', web: 'built' });
    expect(images.split('\n')).toEqual([
      expect.stringMatching(
        new RegExp(`^api=${lab.registry.address}/built/built-${kind}-production-api@sha256:`),
      ),
      expect.stringMatching(
        new RegExp(`^web=${lab.registry.address}/built/built-${kind}-production-web@sha256:`),
      ),
    ]);
    await deploy();
    expect([await answers('api'), await answers('web')]).toEqual([
      ['api 1', 'api 1'],
      ['web 1', 'web 1'],
    ]);
  });

  test('has its arguments byte for byte', async () => {
    const { body } = await ask(lab.servers[0]!, domainOf('api'), '/');
    expect(JSON.parse(body)).toMatchObject({ args: HOSTILE });
  });

  test('has nothing built and nothing deployed by a second run', async () => {
    expect(await build()).toEqual({ api: 'present', web: 'present' });
    const before = await shop.standing();
    const { outputs } = await deploy();
    // It may sweep what an earlier run of this story has left on the servers: images that no release names.
    expect(JSON.parse(outputs.releases ?? '{}')).toEqual({ api: 1, web: 1 });
    expect(await shop.standing()).toEqual(before);
  });

  onceTest('is told what of its Dockerfiles would be better otherwise, on the line', async () => {
    const { log } = await run({ 'dry-run': 'true' });
    expect(log).toMatch(/^::warning title=Switchyard,file=web\/Dockerfile,line=1,col=1::.*there is no USER/m);
  });

  onceTest('has nothing built for what .dockerignore leaves out', async () => {
    await commit({ 'web/notes.md': 'of no matter either' });
    expect(await build()).toEqual({ api: 'present', web: 'present' });
  });

  test('has that service alone built and released that has changed', async () => {
    await commit({ 'web/server.mjs': SERVER('web 2') });
    const planned = await run({ 'dry-run': 'true' });
    expect(planned.outputs.built).toMatch(
      /"web":{"outcome":"missing".*"why":"files of the context have changed"/,
    );
    expect(await build()).toEqual({ api: 'present', web: 'built' });
    await deploy();
    expect(await answers('web')).toEqual(['web 2', 'web 2']);
    expect(await shop.releases()).toEqual({ api: 1, web: 2 });
  });

  onceTest('keeps what serves of a service that is not among its images', async () => {
    await commit({ 'the api/server.mjs': SERVER('api 2') });
    expect(await build({ service: 'api' })).toEqual({ api: 'built' });
    await deploy();
    expect([await answers('api'), await answers('web')]).toEqual([
      ['api 2', 'api 2'],
      ['web 2', 'web 2'],
    ]);
    expect(await shop.releases()).toEqual({ api: 2, web: 2 });
  });

  describe('fails before anything is deployed', () => {
    onceTest('with what is not committed', async () => {
      writeFileSync(join(shop.folder, 'web/server.mjs'), SERVER('web 3'));
      const failed = await run();
      expect(said(failed)).toMatch('web would be built from what is not committed: web/server.mjs');
      expect([failed.code, failed.outputs.images]).toEqual([1, undefined]);
      expect((await run({ 'dry-run': 'true', 'allow-dirty': 'true' })).log).toMatch('web would be built');
    });

    test('with an instruction that fails, on its line', async () => {
      const good = `FROM ${lab.images.node}\nCOPY . /app\nCMD ["node", "/app/server.mjs"]\n`;
      await commit({ 'web/Dockerfile': good.replace('CMD', 'RUN echo almost \\\n  && cat /nothing\nCMD') });
      const failed = await run();
      expect(failed.log).toMatch(/^::error title=Switchyard,file=web\/Dockerfile,line=3/m);
      expect(said(failed)).toMatch(/web: RUN echo almost .*failed/);
      expect([failed.code, failed.outputs.images]).toEqual([1, undefined]);
      await commit({ 'web/Dockerfile': good });
    });

    fullSizeTest('with a base image that is not there', async () => {
      await commit({ 'web/Dockerfile': `FROM ${lab.registry.address}/no/such:1\nCMD ["x"]\n` });
      const failed = await run();
      expect(said(failed)).toMatch(/^.*web: .*no\/such.*not found/m);
      await commit({
        'web/Dockerfile': `FROM ${lab.images.node}\nCOPY . /app\nCMD ["node", "/app/server.mjs"]\n`,
      });
    });

    onceTest('with a registry that is down', async () => {
      const { registry } = shop.config;
      shop.edit((config) => {
        config.registry = '127.0.0.1:9/built';
      });
      expect(said(await run())).toMatch('the registry 127.0.0.1:9 cannot be reached from the runner');
      shop.edit((config) => {
        config.registry = registry;
      });
    });

    fullSizeTest('with a wrong password, and takes the right one, which stays nowhere', async () => {
      const guarded = await guardRegistry(
        lab.registry.address,
        'robot:right-password',
        kind === 'containerd' ? [lab.workshop] : [],
      );
      const temporary = join(shop.folder, '..', `temp-${kind}`);
      shop.edit((config) => {
        config.registry = `${guarded.address}/built`;
      });
      const login = (password: string) =>
        run({ 'registry-username': 'robot', 'registry-password': password }, { RUNNER_TEMP: temporary });
      const failed = await login('wrong-password');
      expect(said(failed)).toMatch(
        /does not take the login for 127\.0\.0\.1:\d+\/built\/.*\n→ Are registry-username/,
      );
      expect(failed.log).not.toMatch('wrong-password');
      const passed = await login('right-password');
      expect(said(passed)).not.toMatch('::error');
      expect(passed.code).toBe(0);
      expect(passed.log).not.toMatch(/right-password|cm9ib3Q6cmlnaHQ/);
      expect(readdirSync(temporary)).toEqual([]);
      rmSync(temporary, { recursive: true });
      guarded.close();
    });
  });

  onceTest('still serves what it served', async () => {
    expect([await answers('api'), await answers('web')]).toEqual([
      ['api 2', 'api 2'],
      ['web 2', 'web 2'],
    ]);
  });
});

/** A reader copies the folder, puts in what is theirs, and pushes. */
test('the example push-to-deploy is built and deployed, and a second push changes what has changed', async () => {
  const lab = await fleet();
  const [server] = lab.servers as [LabServer];
  const { env, forget } = await labBuilder('engine', lab);
  const shop = await Example.copy(lab, 'push-to-deploy');
  await shop.configure(['sidecar'], lab.sidecar);
  await shop.configure(['registry'], `${lab.registry.address}/example`);
  for (const service of ['api', 'web']) {
    const build = { context: `./${service}`, args: { NODE: lab.images.node } };
    await shop.configure(['services', service, 'build'], build);
  }
  const push = async () => {
    const deployed = await (await shop.start('deploy', {}, env)).done;
    expect(said(deployed)).not.toMatch('::error');
    return JSON.parse(deployed.outputs.releases ?? '{}') as Record<string, number>;
  };
  expect(await push()).toEqual({ api: 1, web: 1 });
  expect((await ask(server, 'shop.example.com', '/')).body).toBe('The shop has lamp, chair.\n');
  await shop.change('api/server.mjs', "'chair'", "'table'", 'Sell tables');
  expect(await push()).toEqual({ api: 2, web: 1 });
  expect((await ask(server, 'shop.example.com', '/')).body).toBe('The shop has lamp, table.\n');
  await shop.configure(['services'], {});
  await (await shop.start('deploy')).done;
  await forget(`${lab.registry.address}/example/*`);
});
