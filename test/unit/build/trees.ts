import { generateDockerfile } from '../../../src/build/templates/index.ts';
import type { GeneratedDockerfile, SourceTree } from '../../../src/build/templates/template.ts';
import type { TemplateSpec } from '../../../src/model/build.ts';

/** Files of a folder by path: their text, or what they say as JSON. */
export type Files = Readonly<Record<string, string | object>>;

export function treeOf(files: Files): SourceTree {
  return {
    paths: Object.keys(files).sort(),
    read: (path) => {
      const file = files[path];
      return typeof file === 'object' ? JSON.stringify(file) : file;
    },
  };
}

/** made returns the Dockerfile of a folder with these files. */
export function made(files: Files, template: Partial<TemplateSpec> = {}): GeneratedDockerfile {
  return generateDockerfile(treeOf(files), { name: 'auto', ...template });
}

/** instructions returns what a Dockerfile has of an instruction, without its name. */
export function instructions({ dockerfile }: GeneratedDockerfile, name: string): string[] {
  return dockerfile
    .split('\n')
    .flatMap((line) => (line.startsWith(`${name} `) ? [line.slice(name.length + 1)] : []));
}

/** command returns what a container of an image would run. */
export function command(dockerfile: GeneratedDockerfile): string[] {
  return JSON.parse(instructions(dockerfile, 'CMD')[0] ?? 'null') as string[];
}

/** An app of Express, installed by npm. */
export const EXPRESS: Files = {
  'package.json': { name: 'shop', scripts: { start: 'node server.js' }, dependencies: { express: '^5.1.0' } },
  'package-lock.json': { lockfileVersion: 3, packages: {} },
  'server.js': 'listen()',
};

/** npm returns a package that npm installs, with these dependencies and scripts. */
export function npm(dependencies: Record<string, string>, scripts: Record<string, string> = {}): Files {
  return {
    'package.json': { name: 'shop', scripts, dependencies },
    'package-lock.json': { lockfileVersion: 3, packages: {} },
  };
}

/** A site of React, built by Vite. */
export const VITE: Files = {
  'package.json': {
    name: 'site',
    scripts: { dev: 'vite', build: 'vite build', preview: 'vite preview' },
    dependencies: { react: '^19.0.0' },
    devDependencies: { vite: '^7.0.0' },
  },
  'package-lock.json': { lockfileVersion: 3, packages: {} },
  'index.html': '<div id="root">',
};

/** A workspace of pnpm in TypeScript, whose app needs another package of it. */
export const WORKSPACE: Files = {
  'package.json': { name: 'acme', packageManager: 'pnpm@10.12.1+sha512.abc', scripts: { prepare: 'husky' } },
  'pnpm-workspace.yaml': 'packages: [apps/*, packages/*]\n',
  'pnpm-lock.yaml': "lockfileVersion: '9.0'\n",
  'apps/api/package.json': {
    name: '@acme/api',
    scripts: { build: 'tsc', start: 'node dist/server.js' },
    dependencies: { fastify: '^5.0.0', '@acme/shared': 'workspace:*' },
  },
  'apps/web/package.json': { name: '@acme/web', scripts: { build: 'vite build' } },
  'packages/shared/package.json': { name: '@acme/shared', scripts: { build: 'tsc' } },
};
