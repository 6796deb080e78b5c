import { posix } from 'node:path';
import { copy, dockerfile, env, execForm, inFolder, run } from './dockerfile-text.ts';
import { ignoreText } from './ignore-defaults.ts';
import {
  type Installer,
  installerFor,
  installLines,
  PROJECT,
  packageLines,
  VENV,
} from './python-installer.ts';
import { dependenciesOf, readPythonProject } from './python-project.ts';
import { findRequirements } from './python-requirements.ts';
import { type PythonStart, startOf } from './python-start.ts';
import { type SystemPackages, systemPackages } from './python-system-packages.ts';
import { pythonVersion } from './python-version.ts';
import type { SourceTree, Template, TemplateOptions } from './template.ts';

/** A number, so that an engine can tell that it is not root. */
const USER = '10001:10001';

/**
 * python makes the Dockerfile of an app or a worker of Python: what it depends on is a layer of its own, installed before the
 * source is there; what installs it stays behind; and the app is the first process, without a shell before it.
 */
export const python: Template = (tree, options) => {
  const look = lookAtPython(tree, options);
  const { installer, start, found } = look;
  const title = start.app?.framework ?? 'Python';
  return {
    dockerfile: dockerfile(installer === undefined ? title : `${title} with ${installer.title}`, [
      buildStage(look, options),
      resultStage(look, options),
    ]),
    ignore: ignoreText(IGNORED),
    found,
  };
};

/** A project of Python with what was found of it. */
interface PythonLook {
  /** The official image of its version. */
  image: string;
  installer: Installer | undefined;
  system: SystemPackages;
  start: PythonStart;
  /** What installs the project itself; nothing where it is no package. */
  own: readonly string[];
  /** Where Python finds the project beside the folder that it is started in. */
  modules: Readonly<Record<string, string>>;
  found: readonly string[];
}

function lookAtPython(whole: SourceTree, { app = '.', ...options }: TemplateOptions): PythonLook {
  const tree = below(whole, posix.normalize(app));
  const project = readPythonProject(tree);
  const requirements = findRequirements(tree);
  const installer = installerFor(tree, project, requirements);
  const lines = requirements?.lines ?? [];
  const dependencies = dependenciesOf(project, lines);
  const { version, by } = pythonVersion(tree, project, options.version);
  const start = startOf({ tree, project, dependencies }, options);
  const system = systemPackages(dependencies, [
    ...lines,
    ...(project.pyproject?.project?.dependencies ?? []),
  ]);
  const debian = [...new Set([...system.build, ...system.run])];
  const own = packageLines(tree, project, installer);
  const isInSource = tree.paths.some((path) => /^src\/.*\.py$/.test(path));
  const modules = own.length > 0 ? PROJECT : isInSource ? '/app/src' : undefined;
  return {
    image: `python:${version}-slim`,
    installer,
    system,
    start,
    own,
    modules: modules === undefined ? {} : { PYTHONPATH: modules },
    found: [
      options.base === undefined ? `Python ${version} (${by})` : `Python of ${options.base} (base)`,
      ...(installer === undefined ? [] : [`${installer.title} (${installer.by})`]),
      ...(debian.length === 0 ? [] : [`packages of Debian (${debian.join(', ')})`]),
      `${start.words.join(' ')} (${start.by})`,
    ],
  };
}

/** The stage that installs, and that builds where something is to be built. */
function buildStage(
  { image, installer, system, own, modules }: PythonLook,
  { app = '.', base, builder, build }: TemplateOptions,
): string[] {
  return [
    `FROM ${builder ?? base ?? image} AS build`,
    ...debianPackages(system.build),
    `RUN python3 -m venv --without-pip ${VENV}`,
    ...env({ VIRTUAL_ENV: VENV, ...installer?.env }),
    'WORKDIR /app',
    ...(installer === undefined
      ? []
      : installLines(installer, (path) => inFolder(posix.normalize(app), path))),
    copy([app], './'),
    ...own,
    // Only now: what installs is the Python of the image, since that of the venv has no pip.
    ...(build === undefined ? [] : [pathLine(own), ...env(modules), run(build)]),
  ];
}

/** The image itself: what the app needs when it runs, owned by root. */
function resultStage(
  { image, system, start, own, modules }: PythonLook,
  { base }: TemplateOptions,
): string[] {
  return [
    `FROM ${base ?? image}`,
    ...debianPackages(system.run),
    'WORKDIR /app',
    pathLine(own),
    ...env({
      ...modules,
      // What it prints is in the log at once.
      PYTHONUNBUFFERED: '1',
      // The user may write to no folder of the app; what it depends on is compiled already.
      PYTHONDONTWRITEBYTECODE: '1',
      // It is nobody whom the system knows, so it has no folder of its own.
      HOME: '/tmp',
      ...start.env,
    }),
    copy([VENV], VENV, '--from=build'),
    ...(own.length > 0 ? [copy([PROJECT], PROJECT, '--from=build')] : []),
    copy(['/app'], './', '--from=build'),
    `USER ${USER}`,
    ...(start.port === undefined ? [] : [`EXPOSE ${start.port}`]),
    'STOPSIGNAL SIGTERM',
    `CMD ${execForm(start.words)}`,
  ];
}

/** Programs of what it depends on, and its own, are found by their names. */
function pathLine(own: readonly string[]): string {
  return `ENV PATH=${own.length > 0 ? `${PROJECT}/bin:` : ''}${VENV}/bin:$PATH`;
}

/** A folder of a tree as a tree of its own. */
function below({ paths, read }: SourceTree, folder: string): SourceTree {
  if (folder === '.') return { paths, read };
  const prefix = `${folder}/`;
  return {
    paths: paths.filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length)),
    read: (path) => read(`${prefix}${path}`),
  };
}

function debianPackages(names: readonly string[]): string[] {
  if (names.length === 0) return [];
  return [
    run(
      `apt-get update && apt-get install --yes --no-install-recommends ${names.join(' ')} && rm -rf /var/lib/apt/lists/*`,
    ),
  ];
}

/** What tools of Python leave in a folder. */
const IGNORED = [
  '**/__pycache__',
  '**/*.py[cod]',
  '**/.venv',
  '**/venv',
  '**/*.egg-info',
  '**/.pytest_cache',
  '**/.mypy_cache',
  '**/.ruff_cache',
  '.tox',
  '.nox',
  '.coverage*',
  'htmlcov',
  'dist',
];
