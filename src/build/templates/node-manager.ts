import { LOCKS } from 'package-manager-detector/constants';
import { quote } from 'shlex';
import { UserError } from '../../model/errors.ts';
import { inFolder } from './dockerfile-text.ts';
import { dependenciesOf, type NodePackage, type NodeProject } from './node-package.ts';
import type { SourceTree } from './template.ts';

/** What installs the dependencies of a project. */
export interface PackageManager {
  /** For people: `pnpm 10`. */
  title: string;
  /** By which file it was recognised; undefined where there is nothing to install. */
  lock: string | undefined;
  /** The package on npm that has it, with its version; undefined where the image of Node has it. */
  itself: string | undefined;
  /** Where it keeps what it has fetched, as root. */
  cache: string;
  /** Whether two that use the cache at once get in each other's way. */
  isCacheLocked: boolean;
  /** Variables that it needs. */
  env: Readonly<Record<string, string>>;
  /** Names of files, and of folders with `/`, beside `package.json` that an install reads. */
  settings: readonly string[];
  /** installAll returns the line that installs all dependencies as the lock file has them. */
  install(scope: InstallScope): string;
  /** The line that takes what is for development only away again, without running a script; undefined where nothing does. */
  prune?: string;
  /** runScript returns the words that run a script of a package. */
  runScript(script: string, folder: string): string[];
  /** The folder, from the top, in whose `node_modules` a dependency of the app is. */
  placeOf(dependency: string, app: NodePackage): string;
}

/** What is installed. */
export interface InstallScope {
  /** Without what is for development only. */
  isProduction: boolean;
  app: NodePackage;
  isWorkspace: boolean;
}

type Name = 'npm' | 'yarn' | 'yarn@berry' | 'pnpm' | 'bun';

/** Major versions where a project names none. */
const USUAL = { yarn: '1.22.22', 'yarn@berry': '4', pnpm: '10', bun: '1' } as const;

/** packageManagerOf recognises what a project is installed by. It throws where that is not clear, or where it has no lock file. */
export function packageManagerOf(tree: SourceTree, { top, needed, members }: NodeProject): PackageManager {
  const locks = Object.keys(LOCKS).filter(
    (path) => tree.paths.includes(path) && path !== 'pnpm-workspace.yaml',
  );
  const said = /^([a-z]+)@(\d[\w.-]*)/.exec(top.json.packageManager ?? '');
  const names = new Map(locks.map((path) => [path, nameOf(path, tree)]));
  const fitting = locks.filter((path) => said === null || familyOf(names.get(path)!) === said[1]);
  const kinds = new Set(fitting.map((path) => names.get(path)));
  if (kinds.size > 1) {
    throw new UserError(`there are lock files of several package managers: ${fitting.join(', ')}`, {
      hint: 'Remove those that are not used, or name the one that is as packageManager in package.json.',
    });
  }
  const lock = fitting[0];
  if (lock !== undefined) {
    const name = names.get(lock)!;
    if (!isKnown(name)) {
      throw new UserError(`${lock} is of ${name}, for which there is no template`, {
        hint: 'Write a Dockerfile of your own.',
      });
    }
    return managerOf(name, lock, said?.[2] ?? versionFor(name, tree.read(lock) ?? ''), tree);
  }
  const all = [top, ...(needed.length > 1 ? members : [])];
  if (all.every((one) => Object.keys(dependenciesOf(one)).length === 0)) {
    return managerOf('npm', undefined, undefined, tree);
  }
  throw new UserError('there is no lock file, so nobody knows which versions would be installed', {
    hint: `Run "${said?.[1] ?? 'npm'} install" and commit the lock file that it writes.`,
  });
}

const isKnown = (name: string): name is Name => ['npm', 'yarn', 'yarn@berry', 'pnpm', 'bun'].includes(name);
const familyOf = (name: string): string => name.split('@')[0] ?? name;

function nameOf(lock: string, tree: SourceTree): string {
  const name = LOCKS[lock] ?? '';
  return name === 'yarn' && !/^# yarn lockfile v1/m.test(tree.read(lock) ?? '') ? 'yarn@berry' : name;
}

/** The version that wrote a lock file, as far as that tells it. */
function versionFor(name: Name, lock: string): string | undefined {
  if (name === 'pnpm') {
    const format = Number(/^lockfileVersion: '?(\d+)/m.exec(lock)?.[1] ?? 9);
    return format >= 9 ? USUAL.pnpm : format >= 6 ? '8' : '7';
  }
  if (name === 'yarn@berry') {
    const format = Number(/^__metadata:\n {2}version: (\d+)/m.exec(lock)?.[1] ?? 8);
    return format >= 8 ? USUAL['yarn@berry'] : '3';
  }
  return name === 'npm' ? undefined : USUAL[name];
}

function managerOf(
  name: Name,
  lock: string | undefined,
  version: string | undefined,
  tree: SourceTree,
): PackageManager {
  const title = [name === 'yarn@berry' ? 'yarn' : name, version].filter(Boolean).join(' ');
  const exact = version ?? '';
  switch (name) {
    case 'npm':
      return {
        title,
        lock,
        // Images of Node have one that reads every lock file.
        itself: version === undefined ? undefined : `npm@${exact}`,
        cache: '/root/.npm',
        isCacheLocked: false,
        env: {},
        settings: ['.npmrc'],
        install: ({ isProduction, app, isWorkspace }) =>
          joined(
            'npm ci',
            isProduction ? '--omit=dev' : '--include=dev',
            isWorkspace && app.folder !== '.' && `--workspace=${quote(app.folder)} --include-workspace-root`,
          ),
        prune: 'npm prune --omit=dev --ignore-scripts',
        runScript: (script, folder) => [
          ...['npm', 'run', script],
          ...(folder === '.' ? [] : [`--workspace=${folder}`]),
        ],
        placeOf: (dependency, app) =>
          (tree.read(lock ?? '') ?? '').includes(`"${inFolder(app.folder, `node_modules/${dependency}`)}"`)
            ? app.folder
            : '.',
      };
    case 'yarn':
      return {
        title,
        lock,
        // Some images of Node have another one under that name.
        itself: `--force yarn@${exact}`,
        cache: '/root/.cache/yarn',
        isCacheLocked: true,
        env: { YARN_CACHE_FOLDER: '/root/.cache/yarn' },
        settings: ['.npmrc', '.yarnrc'],
        install: ({ isProduction }) =>
          joined('yarn install --frozen-lockfile --non-interactive', `--production=${isProduction}`),
        runScript: (script, folder) => ['yarn', ...(folder === '.' ? [] : ['--cwd', folder]), 'run', script],
        placeOf: () => '.',
      };
    case 'yarn@berry':
      return {
        title,
        lock,
        itself: `--force @yarnpkg/cli-dist@${exact}`,
        cache: '/root/.yarn',
        isCacheLocked: true,
        // What starts with node has its dependencies in folders, whatever the project has on machines of people.
        env: { YARN_NODE_LINKER: 'node-modules', YARN_ENABLE_GLOBAL_CACHE: 'true' },
        settings: ['.npmrc', '.yarnrc.yml', '.yarn/'],
        install: ({ isProduction, app }) =>
          isProduction
            ? `yarn workspaces focus --production ${app.json.name ?? ''}`.trim()
            : 'yarn install --immutable',
        runScript: (script, folder) => ['yarn', ...(folder === '.' ? [] : ['--cwd', folder]), 'run', script],
        placeOf: () => '.',
      };
    case 'pnpm':
      return {
        title,
        lock,
        itself: `pnpm@${exact}`,
        cache: '/root/.pnpm',
        isCacheLocked: false,
        env: {},
        settings: ['.npmrc', 'pnpm-workspace.yaml', '.pnpmfile.cjs', 'patches/'],
        install: ({ isProduction, app, isWorkspace }) =>
          joined(
            'pnpm install --frozen-lockfile --store-dir=/root/.pnpm',
            `--prod=${isProduction}`,
            isWorkspace && app.folder !== '.' && `--filter=${quote(`{./${app.folder}}...`)}`,
          ),
        runScript: (script, folder) => [
          'pnpm',
          ...(folder === '.' ? [] : [`--dir=${folder}`]),
          'run',
          script,
        ],
        placeOf: (_dependency, app) => app.folder,
      };
    case 'bun':
      return {
        title,
        lock,
        itself: `bun@${exact}`,
        cache: '/root/.bun/install/cache',
        isCacheLocked: true,
        env: {},
        settings: ['.npmrc', 'bunfig.toml', 'patches/'],
        install: ({ isProduction }) =>
          joined('bun install --frozen-lockfile', isProduction && '--production'),
        runScript: (script, folder) => ['bun', ...(folder === '.' ? [] : [`--cwd=${folder}`]), 'run', script],
        placeOf: () => '.',
      };
  }
}

function joined(...words: (string | false | undefined)[]): string {
  return words.filter(Boolean).join(' ');
}

/** titleOf returns what an image is of, for people: `Next.js with pnpm 10`. */
export function titleOf(what: string, { lock, title }: PackageManager): string {
  return lock === undefined ? what : `${what} with ${title}`;
}
