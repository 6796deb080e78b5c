import { posix } from 'node:path';
import { copy, dockerfile, env, execForm, inFolder, run } from './dockerfile-text.ts';
import { ignoreText } from './ignore-defaults.ts';
import { installerFor, installLines, PROJECT, packageLines, VENV } from './python-installer.ts';
import { dependenciesOf, readPythonProject } from './python-project.ts';
import { findRequirements } from './python-requirements.ts';
import { startOf } from './python-start.ts';
import { systemPackages } from './python-system-packages.ts';
import { pythonVersion } from './python-version.ts';
import type { SourceTree, Template } from './template.ts';

/** A number, so that an engine can tell that it is not root. */
const USER = '10001:10001';

/**
 * python makes the Dockerfile of an app or a worker of Python: what it depends on is a layer of its own, installed before the
 * source is there; what installs it stays behind; and the app is the first process, without a shell before it.
 */
export const python: Template = (whole, options) => {
  const { app = '.' } = options;
  const inApp = (path: string) => inFolder(posix.normalize(app), path);
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
  const own = packageLines(tree, project, installer);
  const image = `python:${version}-slim`;
  const isInSource = tree.paths.some((path) => /^src\/.*\.py$/.test(path));
  const paths = [...(own.length > 0 ? [PROJECT] : isInSource ? ['/app/src'] : [])];
  const build = [
    `FROM ${options.builder ?? options.base ?? image} AS build`,
    ...debianPackages(system.build),
    `RUN python3 -m venv --without-pip ${VENV}`,
    ...env({ VIRTUAL_ENV: VENV, ...installer?.env }),
    'WORKDIR /app',
    ...(installer === undefined ? [] : installLines(installer, inApp)),
    copy([app], './'),
    ...own,
    // What installs is the Python of the image: that of the venv has no pip.
    ...(options.build === undefined ? [] : [`ENV PATH=${VENV}/bin:$PATH`, run(options.build)]),
  ];
  const result = [
    `FROM ${options.base ?? image}`,
    ...debianPackages(system.run),
    'WORKDIR /app',
    `ENV PATH=${own.length > 0 ? `${PROJECT}/bin:` : ''}${VENV}/bin:$PATH`,
    ...env({
      ...(paths.length > 0 && { PYTHONPATH: paths.join(':') }),
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
  const title = start.app?.framework ?? 'Python';
  return {
    dockerfile: dockerfile(installer === undefined ? title : `${title} with ${installer.title}`, [
      build,
      result,
    ]),
    ignore: ignoreText(IGNORED),
    found: [
      options.base === undefined ? `Python ${version} (${by})` : `Python of ${options.base} (base)`,
      ...(installer === undefined ? [] : [`${installer.title} (${installer.by})`]),
      ...(system.run.length + system.build.length === 0
        ? []
        : [`packages of Debian (${[...new Set([...system.build, ...system.run])].join(', ')})`]),
      `${start.words.join(' ')} (${start.by})`,
    ],
  };
};

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
