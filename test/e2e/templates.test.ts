import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { mustRun } from '../lab/command.ts';
import { ask } from './ask.ts';
import { type BuilderHere, buildersHere, forgetBuilt } from './builders.ts';
import { type Fleet, fleet } from './fleet.ts';
import { nodeBase } from './node-base.ts';
import type { Inputs, Project } from './project.ts';
import { said } from './said.ts';
import { newProject } from './web-shop.ts';

jest.setTimeout(600_000);

/** The registry keeps what earlier runs have pushed: nothing of this one is there before. */
const RUN = randomBytes(8).toString('hex');

/** An app that answers `/slow` a while after it was told to end, and ends when it has answered. */
const EXPRESS = (version: string) => `// ${RUN}
import express from 'express';
const app = express();
app.get('/', (_request, response) => response.send('${version}'));
app.get('/slow', (_request, response) => {
  console.log('slow is asked');
  process.once('SIGTERM', () => setTimeout(() => response.send('slow'), 300));
});
const server = app.listen(3000);
process.on('SIGTERM', () => server.close(() => process.exit()));
`;

/** A build that names what it makes by its version, as tools do by a hash. */
const SITE = (hash: string) => `// ${RUN}
import { mkdirSync, writeFileSync } from 'node:fs';
mkdirSync('dist/assets', { recursive: true });
writeFileSync('dist/assets/app.${hash}.js', '/* ${hash} */');
writeFileSync('dist/index.html', '<script src="/assets/app.${hash}.js"></script>');
`;

/** Versions of the site, by the hashes that its files have. */
const [FIRST, SECOND, THIRD] = ['1a2b3c4d', '2b3c4d5e', '3c4d5e6f'] as const;

type Files = Record<string, string | object>;

let lab: Fleet;
let node: string;

beforeAll(async () => {
  lab = await fleet();
  node = await nodeBase(lab);
});

/** shopOf returns a project whose services are built; they are told by their templates, and stand on one server. */
async function shopOf(name: string, services: Record<string, { template: object; port: number }>) {
  const told = Object.entries(services).map(([service, { template, port }]) => [
    service,
    {
      build: { context: `./${service}`, template },
      port,
      domain: `${service}.${name}.example.com`,
      healthcheck: { path: '/' },
      drain: { timeout: '5s' },
    },
  ]);
  const shop = await newProject(lab, name, lab.servers.slice(0, 1), Object.fromEntries(told));
  return shop.edit((config) => {
    config.registry = `${lab.registry.address}/templates`;
  });
}

async function commit(shop: Project, files: Files): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const place = join(shop.folder, path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, typeof content === 'string' ? content : JSON.stringify(content));
  }
  await shop.git('add', '--all');
  await shop.git('commit', '--quiet', '--message', 'Another version');
}

/** lock has a package manager write its lock file. */
async function lock(shop: Project, folder: string, ...words: string[]): Promise<void> {
  const cwd = join(shop.folder, folder);
  await mustRun(words, { cwd });
  rmSync(join(cwd, 'node_modules'), { recursive: true, force: true });
}

const NPM = ['npm', 'install', '--package-lock-only', '--no-audit', '--no-fund'];

/** push builds and deploys what is committed, and returns what became of each image. */
async function push(shop: Project, { env }: BuilderHere): Promise<Record<string, string>> {
  const built = await shop.run('build-push', { 'ssh-private-key': '' }, env);
  if (built.code !== 0) throw new Error(`the build failed:\n${built.log}`);
  await shop.deploy({ images: built.outputs.images ?? '' });
  const outcomes = JSON.parse(built.outputs.built ?? '{}') as Record<string, { outcome: string }>;
  return Object.fromEntries(Object.entries(outcomes).map(([name, { outcome }]) => [name, outcome]));
}

/** proven looks at the container of a service: who it runs as, and how it ends when it is asked something. */
async function proven(shop: Project, service: string, slow?: string) {
  const [server] = lab.servers as [Fleet['servers'][number]];
  const [container] = (await shop.containers(server, service)) as [string];
  const user = (await server.docker('exec', container, 'id', '-u')).trim();
  const asked = slow && ask(server, `${service}.${shop.config.project}.example.com`, slow);
  // The request is at the app before that has to end.
  if (asked) await Promise.race([asked, heard(server, container)]);
  const begun = performance.now();
  await server.docker('stop', '--time', '10', container);
  const ms = performance.now() - begun;
  const code = Number(await server.docker('inspect', '--format', '{{.State.ExitCode}}', container));
  return { user, ms, code, answer: asked && (await asked).body };
}

/** heard waits until an app has said that `/slow` was asked. */
async function heard(server: Fleet['servers'][number], container: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await server.docker('logs', container)).includes('slow is asked')) {
    if (performance.now() > deadline) throw new Error(`nobody has asked ${container}`);
  }
}

describe.each(buildersHere())('folders without a Dockerfile, built with $kind', (builder: BuilderHere) => {
  const name = `made-${builder.kind}`;
  const domain = (service: string) => `${service}.${name}.example.com`;
  let shop: Project;

  beforeAll(async () => {
    shop = await shopOf(name, {
      api: { template: { base: node }, port: 3000 },
      site: { template: { builder: node, base: lab.images.nginx, output: 'dist' }, port: 8080 },
    });
    await commit(shop, {
      'api/package.json': {
        ...{ name: 'api', type: 'module', scripts: { start: 'node server.js', prepare: 'husky' } },
        ...{ dependencies: { express: '^5.1.0' }, devDependencies: { picomatch: '^4.0.0' } },
      },
      'api/server.js': EXPRESS('v1'),
      'api/.env': 'TOKEN=of this machine',
      'site/package.json': { type: 'module', scripts: { build: 'node build.js' } },
      'site/build.js': SITE(FIRST),
    });
    await lock(shop, 'api', ...NPM, '--ignore-scripts');
    await commit(shop, {});
  });

  afterAll(async () => {
    await shop?.leave();
    await forgetBuilt(`*/templates/${name}-production-*`);
  });

  const get = async (service: string, path = '/') => await ask(lab.servers[0]!, domain(service), path);

  test('say what they lack', async () => {
    const { template } = shop.config.services.api!.build as { template: unknown };
    shop.edit(({ services }) => {
      services.api!.build = './api';
    });
    expect(said(await shop.run('build-push', { 'ssh-private-key': '' }, builder.env))).toMatch(
      /api: there is no Dockerfile api\/Dockerfile\n→ Write template: auto/,
    );
    shop.edit(({ services }) => {
      services.api!.build = { context: './api', template };
    });
  });

  test('are built, deployed, and answer', async () => {
    expect(await push(shop, builder)).toEqual({ api: 'built', site: 'built' });
    expect((await get('api')).body).toBe('v1');
    expect((await get('site')).body).toMatch(`app.${FIRST}.js`);
  });

  test('have nothing built by a second run', async () => {
    const before = await shop.standing();
    expect(await push(shop, builder)).toEqual({ api: 'present', site: 'present' });
    expect(await shop.standing()).toEqual(before);
  });

  test('leave behind what only a machine of a person needs', async () => {
    const [container] = await shop.containers(lab.servers[0]!, 'api');
    const files = await lab.servers[0]!.docker('exec', container!, 'ls', '-A', '/app', '/app/node_modules');
    expect(files).toMatch(/^express$/m);
    expect(files).not.toMatch(/^(?:\.env|picomatch)$/m);
  });

  test('keep the assets of the image before for pages that are open, and no older ones', async () => {
    for (const hash of [SECOND, THIRD]) {
      await commit(shop, { 'site/build.js': SITE(hash) });
      expect(await push(shop, builder)).toEqual({ api: 'present', site: 'built' });
    }
    const statuses = await Promise.all(
      [FIRST, SECOND, THIRD].map(async (hash) => (await get('site', `/assets/app.${hash}.js`)).status),
    );
    expect(statuses).toEqual([404, 200, 200]);
  });

  test('run as somebody who is not root, and end at once when they have answered', async () => {
    const api = await proven(shop, 'api', '/slow');
    expect(api).toMatchObject({ user: '1000', code: 0, answer: 'slow' });
    expect(api.ms).toBeLessThan(2_000);
    const site = await proven(shop, 'site');
    expect(site).toMatchObject({ user: '101', code: 0 });
    expect(site.ms).toBeLessThan(2_000);
  });

  test('have their Dockerfiles written down, once', async () => {
    const eject = (inputs: Inputs = {}) =>
      shop.run(
        'build-push',
        { 'ssh-private-key': '', eject: 'true', service: 'api', ...inputs },
        builder.env,
      );
    const { code, log, outputs } = await eject();
    expect([code, outputs.images]).toEqual([0, '']);
    expect(log).toMatch(/wrote Dockerfiles for api, and built nothing[\s\S]*api\/Dockerfile/);
    expect(said(await eject())).toMatch(/api: api\/Dockerfile is there already, and is left as it is/);
    shop.edit(({ services }) => {
      services.api!.build = './api';
    });
    await commit(shop, {});
    // It is the same image: nothing changes for having been taken over.
    expect(await push(shop, builder)).toEqual({ api: 'present', site: 'present' });
    await commit(shop, { 'api/server.js': EXPRESS('v2') });
    expect(await push(shop, builder)).toEqual({ api: 'built', site: 'present' });
    expect((await get('api')).body).toBe('v2');
  });
});
