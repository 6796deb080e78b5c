import { posix } from 'node:path';
import { copy, env, inFolder, run } from './dockerfile-text.ts';
import { type Framework, frameworkOf } from './node-framework.ts';
import { type PackageManager, packageManagerOf } from './node-manager.ts';
import { dependenciesOf, type NodePackage, type NodeProject, readProject } from './node-package.ts';
import { nodeVersion } from './node-version.ts';
import type { CommandLine, SourceTree, TemplateOptions } from './template.ts';

/** A project of Node with what was found of it. */
export interface NodeLook {
  tree: SourceTree;
  project: NodeProject;
  manager: PackageManager;
  framework: Framework | undefined;
  /** The official image of its version. */
  image: string;
  /** The one that dependencies are installed in. */
  builder: string;
  /** What builds it; none where there is nothing to build. */
  builds: readonly CommandLine[];
  found: readonly string[];
}

/** lookAtNode finds out what there is to know of a project. It throws a UserError for what is missing or not clear. */
export function lookAtNode(tree: SourceTree, options: TemplateOptions): NodeLook {
  const project = readProject(tree, options.app);
  const { top, app } = project;
  const manager = packageManagerOf(tree, project);
  const framework = frameworkOf(tree, app);
  const { version, by } = nodeVersion(tree, [...new Set([app, top])], options.version);
  const image = `node:${version}-slim`;
  const compiler = compilerFor(tree, manager);
  const builds = buildsOf(project, manager, options);
  return {
    tree,
    project,
    manager,
    framework,
    image,
    builder: options.builder ?? (compiler === undefined ? image : `node:${version}`),
    builds,
    found: [
      `Node ${version} (${by})`,
      ...(manager.lock === undefined ? [] : [`${manager.title} (${manager.lock})`]),
      ...(framework === undefined ? [] : [`${framework.title} (${framework.by})`]),
      ...(compiler === undefined ? [] : [`a compiler (${manager.lock} has ${compiler})`]),
    ],
  };
}

/** What packages are built by that bring code to be compiled. */
const COMPILED = /["'/](node-gyp|node-addon-api|nan)["'@:]/;

/** The slim image has no compiler. */
function compilerFor(tree: SourceTree, { lock }: PackageManager): string | undefined {
  return lock === undefined ? undefined : COMPILED.exec(tree.read(lock) ?? '')?.[1];
}

/** The script `build` of the app, and before it those of what it needs of the workspace. */
function buildsOf(
  { needed }: NodeProject,
  manager: PackageManager,
  { build }: TemplateOptions,
): CommandLine[] {
  const own = needed.slice(0, build === undefined ? undefined : -1);
  const scripts = own.flatMap(({ folder, json }) =>
    json.scripts?.build === undefined ? [] : [manager.runScript('build', folder)],
  );
  return build === undefined ? scripts : [...scripts, build];
}

/** The stage that others install in. */
const INSTALLER = 'installer';

/** installerStage returns the stage in which the package manager is, where the image does not have it. */
export function installerStage({ manager, builder }: NodeLook): string[] {
  const { itself, env: variables } = manager;
  if (itself === undefined) return [];
  const fetching = `--mount=type=cache,target=/root/.npm`;
  return [
    `FROM ${builder} AS ${INSTALLER}`,
    run(`npm install --global ${itself}`, fetching, SECRET),
    ...env(variables),
    'WORKDIR /app',
  ];
}

/** A build that is handed a secret of this name has it as the settings of npm, for packages that not everybody may read. */
const SECRET = '--mount=type=secret,id=npmrc,target=/root/.npmrc';

/** installLines returns what installs dependencies before the source is there; nothing where there are none. */
export function installLines(look: NodeLook, isProduction: boolean): string[] {
  const { manager, project } = look;
  if (manager.lock === undefined) return [];
  const { cache, isCacheLocked } = manager;
  const line = manager.install({
    isProduction,
    app: project.app,
    isWorkspace: project.members.length > 0,
  });
  const mount = `--mount=type=cache,target=${cache}${isCacheLocked ? ',sharing=locked' : ''}`;
  return [...copiedFirst(look), ...withoutOwnScripts(look), run(line, mount, SECRET)];
}

/** startStage returns how a stage begins that installs or builds. */
export function startStage({ manager, builder }: NodeLook, name: string): string[] {
  return manager.itself === undefined
    ? [`FROM ${builder} AS ${name}`, 'WORKDIR /app']
    : [`FROM ${INSTALLER} AS ${name}`];
}

/** buildStage returns the stage that builds the project, with all of its dependencies. */
export function buildStage(look: NodeLook): string[] {
  const { project, manager, builds, framework } = look;
  const cached = framework?.buildCache;
  const place = cached && posix.join('/app', project.app.folder, cached);
  return [
    ...startStage(look, 'build'),
    ...installLines(look, false),
    'COPY . .',
    ...env(framework?.buildEnv ?? {}),
    ...[...new Set([project.top, project.app])].flatMap(({ folder, json }) =>
      json.scripts?.postinstall === undefined ? [] : [run(manager.runScript('postinstall', folder))],
    ),
    ...builds.map((command, index) => {
      const isLast = index === builds.length - 1;
      return run(command, ...(place && isLast ? [`--mount=type=cache,target=${place}`] : []));
    }),
  ];
}

/** Scripts that a package manager runs by itself when it installs a project. */
const OWN_SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepare'];

/** They need the source, which is not there yet, or what is for development. */
function withoutOwnScripts({ project: { top, members } }: NodeLook): string[] {
  return [top, ...members].flatMap(({ folder, json }) => {
    const own = OWN_SCRIPTS.filter((name) => json.scripts?.[name] !== undefined);
    if (own.length === 0) return [];
    const prefix = folder === '.' ? [] : [`--prefix=${folder}`];
    return [run(['npm', ...prefix, 'pkg', 'delete', ...own.map((name) => `scripts.${name}`)])];
  });
}

/**
 * worksOnPackages returns what of a project changes packages after they were installed, for people; undefined where nothing
 * does. They are then those of the build, and not installed for themselves.
 */
export function worksOnPackages({ project: { top, app } }: NodeLook): string | undefined {
  if ([top, app].some(({ json }) => json.scripts?.postinstall !== undefined)) return 'postinstall';
  return Object.hasOwn(dependenciesOf(app), '@prisma/client') ? 'Prisma' : undefined;
}

/** All that an install reads, so that a change of anything else installs nothing. */
function copiedFirst({ tree, project: { members }, manager: { lock, settings } }: NodeLook): string[] {
  const files = settings.filter((path) => tree.paths.includes(path));
  const folders = settings.filter(
    (path) => path.endsWith('/') && tree.paths.some((one) => one.startsWith(path)),
  );
  return [
    copy(['package.json', lock ?? '', ...files].filter(Boolean), './'),
    ...folders.map((folder) => copy([folder], `./${folder}`)),
    ...members.map(({ folder }) => copy([inFolder(folder, 'package.json')], `./${folder}/`)),
  ];
}

/** foldersOf returns the folders of what an app needs of its workspace; undefined where that is everything. */
export function foldersOf({ app, top, needed }: NodeProject): string[] | undefined {
  return app === top ? undefined : needed.map((one: NodePackage) => one.folder);
}
