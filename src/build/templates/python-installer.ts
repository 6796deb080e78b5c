import { UserError } from '../../model/errors.ts';
import { copy, run } from './dockerfile-text.ts';
import { isPackage, type PythonProject } from './python-project.ts';
import type { Requirements } from './python-requirements.ts';
import type { SourceTree } from './template.ts';

/** Where dependencies are installed: a folder that the result gets as a whole. */
export const VENV = '/venv';

/** Where the project itself is installed, so that a change of it leaves the layer of dependencies alone. */
export const PROJECT = '/project';

/** What installs the dependencies of an app. */
export interface Installer {
  title: string;
  /** By which files it was recognised. */
  by: string;
  /** What is put aside to install with, as pip names it; it is no part of the result. */
  tool: string | undefined;
  env: Readonly<Record<string, string>>;
  /** All that it reads. */
  files: readonly string[];
  command: string;
  /** Where it keeps what it has fetched. */
  cache: string;
  /** What installs a package without what it depends on. */
  package: string;
}

/** Tools by their versions: what they do with a lock file changes between them. */
const UV = 'uv==0.13.9';
const POETRY = 'poetry==2.5.1';
const PIPENV = 'pipenv==2026.10.3';

const TOOLS = '/tools';
const PIP = `python3 -m pip --python ${VENV}`;

/** What uv is told everywhere. */
const UV_ENV = { UV_LINK_MODE: 'copy', UV_PYTHON_DOWNLOADS: 'never' };

/** installerFor returns what installs a project, by the files that it has; undefined where it has no dependencies. */
export function installerFor(
  tree: SourceTree,
  { pyproject }: PythonProject,
  requirements: Requirements | undefined,
): Installer | undefined {
  const has = (path: string) => tree.paths.includes(path);
  const withPip = { tool: undefined, env: {}, cache: '/root/.cache/pip', package: `${PIP} install` };
  const withUv = { env: UV_ENV, cache: '/root/.cache/uv', package: `${TOOLS}/bin/uv pip install` };
  if (has('uv.lock')) {
    refuseLocal(pyproject);
    const required = pyproject?.tool?.uv?.['required-version'];
    return {
      ...withUv,
      title: 'uv',
      by: 'uv.lock',
      tool: required === undefined ? UV : `uv${/^\d/.test(required) ? '==' : ''}${required}`,
      env: { ...UV_ENV, UV_PROJECT_ENVIRONMENT: VENV },
      files: ['pyproject.toml', 'uv.lock'],
      command: `${TOOLS}/bin/uv sync --locked --no-dev --no-install-project`,
    };
  }
  if (has('poetry.lock')) {
    return {
      ...withPip,
      title: 'Poetry',
      by: 'poetry.lock',
      tool: POETRY,
      files: ['pyproject.toml', 'poetry.lock'],
      command: `${TOOLS}/bin/poetry install --only main --no-root --no-interaction`,
      cache: '/root/.cache/pypoetry',
    };
  }
  if (has('Pipfile.lock')) {
    return {
      ...withPip,
      title: 'Pipenv',
      by: 'Pipfile.lock',
      tool: PIPENV,
      env: { PIPENV_VERBOSITY: '-1' },
      files: ['Pipfile', 'Pipfile.lock'],
      command: `${TOOLS}/bin/pipenv install --deploy`,
      cache: '/root/.cache',
    };
  }
  if (has('Pipfile')) throw unlocked('Pipfile', 'Pipfile.lock', 'pipenv lock');
  if (requirements !== undefined) {
    const { roots, files } = requirements;
    return {
      ...withPip,
      title: 'pip',
      by: roots.join(', '),
      files,
      command: `${PIP} install --no-compile ${roots.map((path) => `--requirement ${path}`).join(' ')}`,
    };
  }
  if (pyproject?.tool?.poetry?.dependencies !== undefined && pyproject.project?.dependencies === undefined) {
    throw unlocked('pyproject.toml', 'poetry.lock', 'poetry lock');
  }
  if (has('setup.py') || pyproject?.project?.dynamic?.includes('dependencies')) {
    throw new UserError('what the project depends on is known only when it is built', {
      hint: 'Write it down and commit it: "uv lock" makes a uv.lock, "uv pip compile" a requirements.txt.',
    });
  }
  if ((pyproject?.project?.dependencies?.length ?? 0) === 0) return undefined;
  return {
    ...withUv,
    title: 'uv',
    by: 'pyproject.toml',
    tool: UV,
    files: ['pyproject.toml'],
    command: `${TOOLS}/bin/uv pip install --requirement pyproject.toml`,
  };
}

function unlocked(file: string, lock: string, command: string): UserError {
  return new UserError(`${file} has no ${lock} beside it, so nobody knows which versions were tried`, {
    hint: `Run "${command}", and commit ${lock}.`,
  });
}

/** What lies in other folders cannot be installed before the source is there. */
function refuseLocal(pyproject: PythonProject['pyproject']): void {
  const { sources = {}, workspace } = pyproject?.tool?.uv ?? {};
  const [local] =
    Object.entries(sources).find(([, said]) => /"(?:path|workspace)":/.test(JSON.stringify(said))) ?? [];
  if (local === undefined && workspace === undefined) return;
  throw new UserError(
    local === undefined
      ? 'a workspace of uv has several projects, and no Dockerfile is made for one of them yet'
      : `${local} comes from a folder of the repository, and no Dockerfile is made for that yet`,
    { hint: 'Write a Dockerfile: "uv sync --package NAME" installs one project of a workspace.' },
  );
}

/** installLines returns what installs all dependencies before the source is there. */
export function installLines(installer: Installer, inApp: (path: string) => string): string[] {
  const { tool, files, command, cache } = installer;
  const folders = new Map<string, string[]>();
  for (const file of files) {
    const folder = file.includes('/') ? `./${file.slice(0, file.lastIndexOf('/'))}/` : './';
    folders.set(folder, [...(folders.get(folder) ?? []), inApp(file)]);
  }
  const mount = `--mount=type=cache,target=${cache}`;
  return [
    ...(tool === undefined
      ? []
      : [
          run(
            `python3 -m venv ${TOOLS} && ${TOOLS}/bin/pip install ${shellWord(tool)}`,
            '--mount=type=cache,target=/root/.cache/pip',
            SECRET,
          ),
        ]),
    ...[...folders].map(([folder, paths]) => copy(paths, folder)),
    run(command, mount, SECRET),
    // By the content of files and not by their dates: the same again gives the same layer. It ends with 1 where a package has a
    // file that this Python cannot compile, such as a sample or one for another version: nobody imports it, and all else is done.
    run(`python3 -m compileall -q -f --invalidation-mode unchecked-hash ${VENV} || true`),
  ];
}

/** A build that is handed a secret of this name has it as logins by hosts, for packages that not everybody may read. */
const SECRET = '--mount=type=secret,id=netrc,target=/root/.netrc';

/** A requirement may have what means something to a shell. */
function shellWord(text: string): string {
  return /^[\w.=]+$/.test(text) ? text : `'${text.replaceAll("'", '')}'`;
}

/** packageLines returns what installs the project itself, where it is a package. */
export function packageLines(
  tree: SourceTree,
  project: PythonProject,
  installer: Installer | undefined,
): string[] {
  if (!isPackage(tree, project)) return [];
  const { package: install, cache } = installer ?? {
    package: `${PIP} install`,
    cache: '/root/.cache/pip',
  };
  const requires = project.pyproject?.['build-system']?.requires ?? [];
  return [
    // The history, from which it would take its version, is no part of the context.
    ...(requires.some((one) => /^(?:setuptools[-_]scm|hatch-vcs)/.test(one))
      ? ['ENV SETUPTOOLS_SCM_PRETEND_VERSION=0.0.0']
      : []),
    run(`${install} --no-deps --target ${PROJECT} .`, `--mount=type=cache,target=${cache}`, SECRET),
  ];
}
