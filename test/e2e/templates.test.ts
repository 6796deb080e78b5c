import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { mustRun } from '../lab/command.ts';
import { ask } from './ask.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { type LabBuilder, labBuilder, TOLD } from './lab-builders.ts';
import { commit, ENDS_MS, type Files, proven, push, shopOf } from './made-projects.ts';
import { nodeBase } from './node-base.ts';
import type { Inputs, Project } from './project.ts';
import { said } from './said.ts';
import { size } from './size.ts';

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

let lab: Fleet;
let node: string;

beforeAll(async () => {
  lab = await fleet();
  node = await nodeBase(lab);
});

/** lock has a package manager write its lock file. */
async function lock(shop: Project, folder: string, ...words: string[]): Promise<void> {
  const cwd = join(shop.folder, folder);
  await mustRun(words, { cwd });
  rmSync(join(cwd, 'node_modules'), { recursive: true, force: true });
}

const NPM = ['npm', 'install', '--package-lock-only', '--no-audit', '--no-fund'];

// The builder of a newer client is in other stories of builds.
const HERE = size.isFull ? TOLD : TOLD.slice(0, 1);

describe.each(HERE)('folders without a Dockerfile, built with $words', ({ builder: kind }) => {
  const name = `made-${kind}`;
  const domain = (service: string) => `${service}.${name}.example.com`;
  let shop: Project;
  let builder: LabBuilder;

  beforeAll(async () => {
    builder = await labBuilder(kind, lab);
    shop = await shopOf(lab, name, {
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
    await builder?.forget(`*/templates/${name}-production-*`);
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

  fullSizeTest('have nothing built by a second run', async () => {
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
    const api = await proven(lab, shop, 'api', '/slow');
    expect(api).toMatchObject({ user: '1000', code: 0, answer: 'slow' });
    expect(api.ms).toBeLessThan(ENDS_MS);
    const site = await proven(lab, shop, 'site');
    expect(site).toMatchObject({ user: '101', code: 0 });
    expect(site.ms).toBeLessThan(ENDS_MS);
  });

  fullSizeTest('have their Dockerfiles written down, once', async () => {
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

/** A server without dependencies of its own, in TypeScript. */
const TYPED = `import fastify from 'fastify';
import { greeting } from '@acme/shared';
const app = fastify();
app.get('/', async () => greeting);
app.get('/slow', () => {
  console.log('slow is asked');
  return new Promise((resolve) => process.once('SIGTERM', () => setTimeout(() => resolve('slow'), 300)));
});
await app.listen({ port: 3000, host: '0.0.0.0' });
process.on('SIGTERM', () => void app.close().then(() => process.exit()));
`;

const COMPILER = (folder: string) => ({
  [`${folder}/tsconfig.json`]: {
    compilerOptions: {
      ...{ target: 'ES2022', module: 'NodeNext', declaration: true, skipLibCheck: true },
      ...{ outDir: 'dist', rootDir: 'src', types: ['node'] },
    },
    include: ['src'],
  },
});

const WORKSPACE: Files = {
  'app/package.json': {
    name: 'acme',
    private: true,
    packageManager: 'pnpm@10.12.1',
    scripts: { prepare: 'husky' },
  },
  'app/pnpm-workspace.yaml': 'packages: [apps/*, packages/*]\n',
  'app/apps/api/package.json': {
    ...{ name: '@acme/api', type: 'module', scripts: { build: 'tsc', start: 'node dist/server.js' } },
    dependencies: { fastify: '^5.0.0', '@acme/shared': 'workspace:*' },
    devDependencies: { typescript: '^5.9.0', '@types/node': '^24.0.0' },
  },
  'app/apps/api/src/server.ts': TYPED,
  ...COMPILER('app/apps/api'),
  'app/packages/shared/package.json': {
    ...{ name: '@acme/shared', type: 'module', main: 'dist/index.js', scripts: { build: 'tsc' } },
    devDependencies: { typescript: '^5.9.0', '@types/node': '^24.0.0' },
  },
  'app/packages/shared/src/index.ts': "export const greeting = 'hello';\n",
  ...COMPILER('app/packages/shared'),
};

const EXPRESS_BY = (packageManager?: string): Files => ({
  'app/package.json': {
    ...{ name: 'app', type: 'module', scripts: { start: 'node server.js' }, packageManager },
    dependencies: { express: '^5.1.0' },
  },
  'app/server.js': EXPRESS('hello'),
});

const NEXT = (output?: string): Files => ({
  'app/package.json': {
    ...{ name: 'app', scripts: { build: 'next build', start: 'next start' } },
    dependencies: { next: '^16.0.0', react: '^19.0.0', 'react-dom': '^19.0.0' },
  },
  'app/next.config.mjs': `export default ${JSON.stringify({ output })};\n`,
  'app/app/layout.js': 'export default ({ children }) => <html><body>{children}</body></html>;\n',
  'app/app/page.js': "export const dynamic = 'force-dynamic';\nexport default () => <h1>hello</h1>;\n",
  'app/app/slow/route.js': `export const dynamic = 'force-dynamic';
export function GET() {
  console.log('slow is asked');
  return new Promise((resolve) =>
    process.once('SIGTERM', () => setTimeout(() => resolve(new Response('slow')), 300)),
  );
}
`,
});

const VITE: Files = {
  'app/package.json': {
    ...{ name: 'app', private: true, type: 'module', scripts: { build: 'vite build' } },
    dependencies: { react: '^19.0.0', 'react-dom': '^19.0.0' },
    devDependencies: { vite: '^7.0.0' },
  },
  'app/index.html': '<title>hello</title><script type="module" src="/main.js"></script>\n',
  'app/main.js':
    "import { createElement } from 'react';\nimport { createRoot } from 'react-dom/client';\ncreateRoot(document.body).render(createElement('h1'));\n",
};

/** A handler that answers a while after it was asked. */
const SLOWLY = `async () => {
  console.log('slow is asked');
  await new Promise((resolve) => setTimeout(resolve, 400));
  return new Response('slow');
}`;

const ASTRO: Files = {
  'app/package.json': {
    ...{ name: 'app', private: true, type: 'module', scripts: { build: 'astro build' } },
    dependencies: { astro: '^5.0.0', '@astrojs/node': '^9.0.0' },
  },
  'app/astro.config.mjs':
    "import node from '@astrojs/node';\nexport default { output: 'server', adapter: node({ mode: 'standalone' }) };\n",
  'app/src/pages/index.astro': '<h1>hello</h1>\n',
};

const SVELTE_KIT: Files = {
  'app/package.json': {
    ...{ name: 'app', private: true, type: 'module', scripts: { build: 'vite build' } },
    devDependencies: {
      ...{ '@sveltejs/kit': '^2.0.0', '@sveltejs/adapter-node': '^5.0.0', svelte: '^5.0.0' },
      ...{ '@sveltejs/vite-plugin-svelte': '^6.0.0', vite: '^7.0.0' },
    },
  },
  'app/svelte.config.js':
    "import adapter from '@sveltejs/adapter-node';\nexport default { kit: { adapter: adapter() } };\n",
  'app/vite.config.js':
    "import { sveltekit } from '@sveltejs/kit/vite';\nexport default { plugins: [sveltekit()] };\n",
  'app/src/app.html':
    '<!doctype html><html><head>%sveltekit.head%</head><body><div>%sveltekit.body%</div></body></html>\n',
  'app/src/routes/+page.svelte': '<h1>hello</h1>\n',
  'app/src/routes/slow/+server.js': `export const GET = ${SLOWLY};\n`,
};

/** What people have, each with what writes its lock file. */
const SAMPLES: [name: string, files: Files, lock: string[], template?: object][] = [
  [
    'fastify-pnpm',
    WORKSPACE,
    ['npx', '-y', 'pnpm@10.12.1', 'install', '--lockfile-only', '--ignore-scripts'],
    { name: 'node', app: 'apps/api' },
  ],
  ['express-yarn', EXPRESS_BY('yarn@1.22.22'), ['npx', '-y', 'yarn@1.22.22', 'install', '--ignore-scripts']],
  ['express-bun', EXPRESS_BY(), ['npx', '-y', 'bun@1.3.0', 'install', '--lockfile-only']],
  ['next', NEXT(), NPM],
  ['next-standalone', NEXT('standalone'), NPM],
  ['sveltekit', SVELTE_KIT, NPM],
  ['astro', ASTRO, NPM],
  ['vite', VITE, NPM],
];

/** Those with nothing in them that ends a request which is under way. */
const WITHOUT_SLOW = ['vite', 'astro'];

fullSizeTest.each(SAMPLES)(
  '%s is built, answers, and ends when it has answered',
  // With a default: jest takes a word more than a row has for the callback of a test.
  async (kind, files, words, template = {}) => {
    const name = `sample-${kind}`;
    const isSite = kind === 'vite';
    const images = isSite ? { builder: node, base: lab.images.nginx } : { base: node };
    const port = isSite ? 8080 : 3000;
    const shop = await shopOf(lab, name, { app: { template: { ...template, ...images }, port } });
    await commit(shop, { ...files, 'app/story.txt': RUN });
    await lock(shop, 'app', ...words);
    await commit(shop, {});
    const builder = await labBuilder('engine', lab);
    expect(await push(shop, builder)).toEqual({ app: 'built' });
    expect((await ask(lab.servers[0]!, `app.${name}.example.com`, '/')).body).toMatch('hello');
    const slow = WITHOUT_SLOW.includes(kind) ? undefined : '/slow';
    const { user, ms, answer } = await proven(lab, shop, 'app', slow);
    expect([user, answer]).toEqual([isSite ? '101' : '1000', slow && 'slow']);
    expect(ms).toBeLessThan(ENDS_MS);
    await shop.leave();
    await builder.forget(`*/templates/${name}-production-*`);
  },
);
