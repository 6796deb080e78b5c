import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { TemplateSpec } from '../../../src/model/build.ts';
import { command, EXPRESS, type Files, instructions, made, npm, VITE, WORKSPACE } from './trees.ts';

const NEXT = npm({ next: '16.0.0' }, { build: 'next build', start: 'next start' });

const { 'package-lock.json': _lock, ...WITHOUT_LOCK } = EXPRESS;

/** What Dockerfiles are made for, to be read by a person: UPDATE=1 writes them. */
const SAMPLES: [name: string, files: Files, template?: Partial<TemplateSpec>][] = [
  ['express-npm', EXPRESS],
  ['fastify-pnpm-workspace', WORKSPACE, { name: 'node', app: 'apps/api' }],
  ['express-yarn', { ...WITHOUT_LOCK, 'yarn.lock': '# yarn lockfile v1\n' }],
  ['nextjs', { ...NEXT, 'public/robots.txt': '' }],
  ['nextjs-standalone', { ...NEXT, 'next.config.ts': "export default { output: 'standalone' }" }],
  ['vite-react', VITE],
  [
    'plain-site',
    { 'index.html': 'home', 'about/index.html': 'about', 'nginx.conf': 'location /old { return 301 /; }\n' },
  ],
];

describe.each(SAMPLES)('the Dockerfile of %s', (name, files, template) => {
  const one = made(files, template);

  test('is what a person would write', () => {
    const path = join(import.meta.dirname, 'expected', `${name}.Dockerfile`);
    if (process.env.UPDATE === '1') writeFileSync(path, one.dockerfile);
    expect(one.dockerfile).toBe(readFileSync(path, 'utf8'));
  });

  test('runs as somebody who is not root, without a shell', () => {
    expect(instructions(one, 'USER').at(-1)).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(command(one)[0]).toMatch(/^(?:node|nginx)$/);
    expect(instructions(one, 'STOPSIGNAL')).toHaveLength(1);
  });

  test('stands on images whose version is known', () => {
    const stages = instructions(one, 'FROM').map((said) => said.split(' AS ')[1]);
    const images = instructions(one, 'FROM').map((said) => said.split(' ')[0]!);
    for (const image of images.filter((said) => !stages.includes(said) && said !== '$BEFORE')) {
      expect(image).toMatch(/:\d/);
    }
  });

  test('installs before the source is there', () => {
    const lines = one.dockerfile.split('\n');
    const stages = lines.join('\n').split(/^FROM /m);
    for (const stage of stages) {
      const install = stage.search(/(?:npm ci|pnpm install|yarn install)/);
      const source = stage.search(/^COPY \. \.$/m);
      if (install !== -1 && source !== -1) expect(install).toBeLessThan(source);
    }
  });
});

describe('a package manager is recognised', () => {
  const installs = (files: Files) =>
    instructions(made(files), 'RUN').map((line) => line.replace(/--mount=\S+ /g, ''));

  test.each<[string, Files, string[]]>([
    [
      'yarn 1',
      { 'yarn.lock': '# yarn lockfile v1' },
      [
        'npm install --global --force yarn@1.22.22',
        'yarn install --frozen-lockfile --non-interactive --production=true',
      ],
    ],
    [
      'yarn 4',
      { 'yarn.lock': '__metadata:\n  version: 8\n' },
      ['npm install --global --force @yarnpkg/cli-dist@4', 'yarn workspaces focus --production shop'],
    ],
    [
      'yarn 3',
      { 'yarn.lock': '__metadata:\n  version: 6\n' },
      ['npm install --global --force @yarnpkg/cli-dist@3', 'yarn workspaces focus --production shop'],
    ],
    [
      'pnpm',
      { 'pnpm-lock.yaml': "lockfileVersion: '9.0'" },
      ['npm install --global pnpm@10', 'pnpm install --frozen-lockfile --store-dir=/root/.pnpm --prod=true'],
    ],
    [
      'an older pnpm',
      { 'pnpm-lock.yaml': "lockfileVersion: '6.0'" },
      ['npm install --global pnpm@8', 'pnpm install --frozen-lockfile --store-dir=/root/.pnpm --prod=true'],
    ],
    [
      'bun',
      { 'bun.lock': '{}' },
      ['npm install --global bun@1', 'bun install --frozen-lockfile --production'],
    ],
  ])('%s, by its lock file', (_name, lock, lines) => {
    expect(installs({ ...WITHOUT_LOCK, ...lock })).toEqual(lines);
  });

  test('by packageManager where there are lock files of several', () => {
    const json = { ...(EXPRESS['package.json'] as object), packageManager: 'pnpm@9.1.0' };
    const files = { ...EXPRESS, 'package.json': json, 'pnpm-lock.yaml': "lockfileVersion: '9.0'" };
    expect(installs(files)[0]).toBe('npm install --global pnpm@9.1.0');
  });

  test('and nothing is installed where nothing is needed', () => {
    expect(installs({ 'package.json': { scripts: { start: 'node a.js' } }, 'a.js': '' })).toEqual([]);
  });
});

describe('the version of Node', () => {
  const image = (files: Files, version?: string) =>
    instructions(made({ ...EXPRESS, ...files }, version === undefined ? {} : { version }), 'FROM').at(-1);
  const engines = (node: string) => ({
    'package.json': { ...(EXPRESS['package.json'] as object), engines: { node } },
  });

  test.each<[string, Files, string]>([
    ['the one with long-term support', {}, '24'],
    ['.nvmrc', { '.nvmrc': 'v22.3.0\n' }, '22.3.0'],
    ['a name in .nvmrc', { '.nvmrc': 'lts/jod' }, '22'],
    ['.node-version', { '.node-version': '22' }, '22'],
    ['.tool-versions', { '.tool-versions': 'python 3.13\nnodejs 22.1.0' }, '22.1.0'],
    ['the newest in a range', engines('>=18'), '24'],
    ['a range of one line', engines('^22.4.0'), '22'],
    ['a range within a line', engines('~22.4.0'), '22.4'],
    ['a range of what has no long-term support', engines('23.x'), '23'],
  ])('is that of %s', (_name, files, version) => {
    expect(image(files)).toBe(`node:${version}-slim`);
  });

  test('is what the file says before all', () => {
    expect(image({ '.nvmrc': '22' }, '20')).toBe('node:20-slim');
  });
});

describe('what a container runs', () => {
  const runs = (scripts: Record<string, string>, files: Files = {}) =>
    command(
      made({ ...npm({ fastify: '5', 'fastify-cli': '7', tsx: '4' }, scripts), ...files }, { name: 'node' }),
    );

  test.each<[string, Record<string, string>, string[]]>([
    [
      'node',
      { start: 'node --enable-source-maps dist/main.js' },
      ['node', '--enable-source-maps', 'dist/main.js'],
    ],
    [
      'the script for production',
      { start: 'nodemon x', 'start:prod': 'node dist/main' },
      ['node', 'dist/main'],
    ],
    ['another script', { start: 'npm run serve', serve: 'node a.js' }, ['node', 'a.js']],
    [
      'a program of a dependency',
      { start: 'fastify start app.js' },
      ['node', 'node_modules/fastify-cli/cli.js', 'start', 'app.js'],
    ],
    [
      'tsx, in the same process',
      { start: 'tsx src/server.ts' },
      ['node', '--import', 'tsx', 'src/server.ts'],
    ],
  ])('is %s', (_name, scripts, words) => {
    expect(runs(scripts)).toEqual(words);
  });

  test('has the variables of its script', () => {
    const one = made(npm({}, { start: "cross-env NODE_ENV=production GREETING='hi there' node a.js" }));
    expect(instructions(one, 'ENV')).toEqual(['NODE_ENV=production GREETING="hi there"']);
  });

  test('is main, or the file that is there by custom', () => {
    expect(runs({}, { 'src/index.js': '' })).toEqual(['node', 'src/index.js']);
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ['a shell', { start: 'node migrate.js && node a.js' }, /start needs a shell/],
    ['variables of a shell', { start: 'node a.js --port $PORT' }, /needs a shell for its variables/],
    ['a program for development', { start: 'nodemon a.js' }, /runs the app as it is written/],
    [
      'a program that nobody knows',
      { start: 'mystery' },
      /runs mystery, of which it is not known where it lies/,
    ],
    ['what comes before it', { prestart: 'node migrate.js', start: 'node a.js' }, /has a prestart/],
    ['nothing', {}, /nothing says how the app is started/],
    ['itself', { start: 'npm run start' }, /leads to none/],
  ])('is not known where it needs %s', (_name, scripts, message) => {
    expect(() => runs(scripts)).toThrow(message);
  });
});

describe('a framework is recognised', () => {
  const built = { build: 'x build' };
  const astro = npm({ astro: '5' }, built);

  test.each<[string, Files, string[]]>([
    ['Nuxt', npm({ nuxt: '4' }, built), ['node', '.output/server/index.mjs']],
    [
      'React Router',
      npm(
        { '@react-router/dev': '7', '@react-router/serve': '7' },
        { ...built, start: 'react-router-serve ./build/server/index.js' },
      ),
      ['node', 'node_modules/@react-router/serve/bin.js', './build/server/index.js'],
    ],
    [
      'Remix',
      npm(
        { '@remix-run/dev': '2', '@remix-run/serve': '2' },
        { ...built, start: 'remix-serve ./build/server/index.js' },
      ),
      ['node', 'node_modules/@remix-run/serve/dist/cli.js', './build/server/index.js'],
    ],
    [
      'Astro with a server',
      npm({ astro: '5', '@astrojs/node': '9' }, built),
      ['node', 'dist/server/entry.mjs'],
    ],
    [
      'SvelteKit',
      npm({ '@sveltejs/kit': '2', '@sveltejs/adapter-node': '5', vite: '7' }, built),
      ['node', 'build/index.js'],
    ],
    [
      'NestJS',
      npm(
        { '@nestjs/core': '11' },
        { build: 'nest build', start: 'nest start', 'start:prod': 'node dist/main' },
      ),
      ['node', 'dist/main'],
    ],
  ])('%s, which has a server', (_name, files, words) => {
    expect(command(made(files))).toEqual(words);
  });

  test.each<[string, Files, string]>([
    ['Vite', VITE, 'dist'],
    [
      'Vite with another folder',
      { ...VITE, 'vite.config.ts': "build: { outDir: 'public_html' }" },
      'public_html',
    ],
    ['Create React App', npm({ 'react-scripts': '5' }, built), 'build'],
    ['Vue CLI', npm({ '@vue/cli-service': '5' }, built), 'dist'],
    [
      'Angular',
      {
        ...npm({ '@angular/core': '20' }, built),
        'angular.json': {
          projects: {
            shop: { architect: { build: { builder: '@angular/build:application', options: {} } } },
          },
        },
      },
      'dist/shop/browser',
    ],
    [
      'SvelteKit without a server',
      npm({ '@sveltejs/kit': '2', '@sveltejs/adapter-static': '3' }, built),
      'build',
    ],
    ['Astro', astro, 'dist'],
    ['Next.js, exported', { ...NEXT, 'next.config.js': "module.exports = { output: 'export' }" }, 'out'],
    [
      'React Router without a server',
      {
        ...npm({ '@react-router/dev': '7' }, built),
        'react-router.config.ts': 'export default { ssr: false }',
      },
      'build/client',
    ],
  ])('%s, which is a site', (_name, files, output) => {
    const one = made(files);
    expect(instructions(one, 'COPY')).toContain(`--from=build /app/${output} /srv/site`);
  });

  test('settings that are commented out are none', () => {
    const files = { ...NEXT, 'next.config.js': "module.exports = {\n  // output: 'standalone',\n}" };
    expect(made(files).found.join()).not.toMatch('standalone');
  });
});

describe('a site', () => {
  test('of one page answers all paths with it, one of several does not, unless it is said', () => {
    const fallback = 'try_files $uri $uri/index.html /index.html';
    const astro = npm({ astro: '5' }, { build: 'astro build' });
    expect(made(VITE).dockerfile).toMatch(fallback);
    expect(made(astro).dockerfile).not.toMatch(fallback);
    expect(made(astro, { spa: true }).dockerfile).toMatch(fallback);
    expect(made(VITE, { spa: false }).dockerfile).not.toMatch(fallback);
  });

  test('is built by any tool', () => {
    const one = made(
      { 'config.toml': '' },
      { name: 'static', builder: 'ghcr.io/acme/hugo:0.150', build: 'hugo --minify', output: 'public' },
    );
    expect(instructions(one, 'FROM')[0]).toBe('ghcr.io/acme/hugo:0.150 AS build');
    expect(instructions(one, 'RUN')[0]).toBe('hugo --minify');
  });

  test('has no place of its own where the folder brings one', () => {
    const files = { 'index.html': '', 'nginx.conf': 'location / { try_files $uri /index.html; }' };
    expect(made(files).dockerfile).not.toMatch('location / {');
  });

  test('does not take a configuration that is more than lines for server', () => {
    const files = { 'index.html': '', 'nginx.conf': 'server {\n  listen 80;\n}' };
    expect(() => made(files)).toThrow('nginx.conf is more than lines for server');
  });
});

describe('a workspace', () => {
  test('has to be told which app is meant', () => {
    expect(() => made(WORKSPACE)).toThrow(/not said which of its packages is meant/);
    expect(() => made(WORKSPACE, { app: 'apps/other' })).toThrow(
      'apps/other is no package of this workspace',
    );
  });

  test('of npm builds what the app needs before it, and has nothing else in the image', () => {
    const files = {
      ...WORKSPACE,
      'package.json': { workspaces: ['apps/*', 'packages/*', '!packages/old'] },
      'package-lock.json': { packages: { 'node_modules/fastify': {} } },
      'packages/old/package.json': {},
    };
    delete (files as Record<string, unknown>)['pnpm-lock.yaml'];
    const one = made(files, { app: 'apps/api' });
    const runs = instructions(one, 'RUN').join('\n');
    expect(runs).toMatch(/npm ci --omit=dev --workspace=apps\/api --include-workspace-root/);
    expect(runs).toMatch(/"--workspace=packages\/shared"\][\s\S]*"--workspace=apps\/api"\]/);
    expect(one.dockerfile).not.toMatch(/from=build \/app\/(?:apps\/web|packages\/old)/);
    expect(instructions(one, 'WORKDIR').at(-1)).toBe('/app/apps/api');
  });
});

describe('what is not clear is said, with what to write', () => {
  test.each<[string, Files, RegExp]>([
    ['a folder with nothing', { 'README.md': '' }, /it is not clear from its files what the folder is/],
    ['another language', { 'go.mod': 'module x' }, /written in Go \(go\.mod\)/],
    ['no lock file', { 'package.json': { dependencies: { a: '1' }, main: 'a.js' } }, /there is no lock file/],
    [
      'several lock files',
      { ...EXPRESS, 'yarn.lock': '# yarn lockfile v1' },
      /lock files of several package managers: package-lock\.json, yarn\.lock|yarn\.lock, package-lock\.json/,
    ],
    ['a package that is no JSON', { 'package.json': '{' }, /package\.json cannot be read/],
    [
      'a version that is none',
      { ...EXPRESS, '.nvmrc': 'newest' },
      /\.nvmrc says "newest", which is no version of Node/,
    ],
    [
      'a name that a Dockerfile cannot have',
      { ...WORKSPACE, 'apps/a$b/package.json': {} },
      /"apps\/a\$b\/package\.json" cannot stand in a Dockerfile/,
    ],
  ])('%s', (_name, files, message) => {
    expect(() => made(files, 'pnpm-lock.yaml' in files ? { app: 'apps/api' } : {})).toThrow(message);
  });
});

test('packages that the project works on are those of the build', () => {
  const patched = npm({ express: '5' }, { start: 'node server.js', postinstall: 'patch-package' });
  const one = made({ ...patched, 'patches/express+5.0.0.patch': '' });
  expect(instructions(one, 'RUN').map((line) => line.replace(/--mount=\S+ /g, ''))).toEqual([
    '["npm", "pkg", "delete", "scripts.postinstall"]',
    'npm ci --include=dev',
    '["npm", "run", "postinstall"]',
    'npm prune --omit=dev --ignore-scripts',
  ]);
  expect(instructions(one, 'COPY').at(-1)).toBe('--from=build /app ./');
});

test('a compiler is there for packages that need one', () => {
  const lock = { 'package-lock.json': { packages: { 'node_modules/node-addon-api': {} } } };
  const [first, last] = instructions(made({ ...EXPRESS, ...lock }), 'FROM');
  expect([first, last]).toEqual(['node:24 AS dependencies', 'node:24-slim']);
});

test('what it was found by is told', () => {
  expect(made({ ...EXPRESS, '.nvmrc': '22' }).found).toEqual([
    'template node (package.json)',
    'Node 22 (.nvmrc)',
    'npm (package-lock.json)',
    'node server.js (script start)',
  ]);
});
