import { describe, expect, test } from '@jest/globals';
import { read } from './files.ts';

interface Locked {
  version?: string;
  resolved?: string;
  optional?: boolean;
  hasInstallScript?: boolean;
  optionalDependencies?: Record<string, string>;
}

const manifest = JSON.parse(read('package.json')) as {
  scripts: Record<string, string>;
  allowScripts: Record<string, boolean>;
};
const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> };

describe('package-lock.json', () => {
  test('names no registry: each machine takes its own', () => {
    expect(Object.keys(packages).length).toBeGreaterThan(100);
    expect(Object.keys(packages).filter((path) => packages[path]?.resolved !== undefined)).toEqual([]);
  });

  test('holds the optional packages of every platform, without which npm ci refuses it', () => {
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter((name) => !isFoundFrom(path, name)),
    );
    expect(missing).toEqual([]);
  });

  test('has no package whose install script nobody decided about', () => {
    const names = Object.keys(packages)
      .filter((path) => packages[path]?.hasInstallScript)
      .map((path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length));
    expect(Object.keys(manifest.allowScripts)).toEqual(expect.arrayContaining(names));
  });
});

/** isFoundFrom looks as Node does: in the package's own node_modules, then in those above it. */
function isFoundFrom(path: string, name: string): boolean {
  if (`${path}/node_modules/${name}`.replace(/^\//, '') in packages) return true;
  return path !== '' && isFoundFrom(path.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, ''), name);
}

test.each([
  'demo',
  'lab',
  'bench',
  'soak',
  'test',
  'test:alone',
  'test:full',
  'test:unit',
  'check',
  'build',
  'generate',
])('npm run %s prepares the machine first, and then runs on the Node of the actions', (name) => {
  const [setup, command] = manifest.scripts[name]?.split(' && ') ?? [];
  expect(setup).toMatch(/^node scripts\/setup\.mjs( --engine| --tests)?$/);
  // Named by its path: a shell that has started `node` once may go on to use that one.
  expect(command).toMatch(/^(SWITCHYARD_FULL=1 )?node_modules\/\.bin\/node /);
});

test('.ci/run runs all tests and the static checks', () => {
  expect(read('.ci/run')).toMatch(/^npm test --silent -- check$/m);
});

test('README names every Debian package that is installed', () => {
  const packages = JSON.parse(read('scripts/debian-packages.json')) as Record<string, Record<string, string>>;
  const all = Object.values(packages).flatMap((some) => Object.values(some));
  expect(all.length).toBeGreaterThan(5);
  const readme = read('README.md');
  expect(all.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
});
