import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { lintDockerfile } from '../../../src/build/lint/lint.ts';
import { generateDockerfile } from '../../../src/build/templates/index.ts';
import { python } from '../../../src/build/templates/python.ts';
import { satisfies } from '../../../src/build/templates/python-version.ts';
import type { TemplateOptions } from '../../../src/build/templates/template.ts';
import { UserError } from '../../../src/model/errors.ts';
import { command, type Files, instructions, treeOf } from './trees.ts';

const made = (files: Files, options: TemplateOptions = {}) => python(treeOf(files), options);

const FASTAPI: Files = {
  'requirements.txt': 'fastapi==0.120.0\nuvicorn[standard]==0.38.0 # serves it\n',
  'requirements/db.txt': '-c constraints.txt\nsqlalchemy\n',
  'requirements/constraints.txt': 'sqlalchemy==2.0.44\n',
  'requirements/dev.txt': '-r ../requirements.txt\npytest\n',
  'app/__init__.py': '',
  'app/main.py': 'from fastapi import FastAPI\n\napp = FastAPI(title="Shop")\n',
  'tests/main.py': 'from fastapi import FastAPI\napp = FastAPI()\n',
};

const FLASK: Files = {
  'pyproject.toml':
    '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.12,<3.14"\ndependencies = ["flask>=3", "gunicorn>=23"]\n',
  'uv.lock': 'version = 1\n',
  'shop/__init__.py': 'from flask import Flask\n\ndef create_app():\n    return Flask(__name__)\n',
};

const WORKER: Files = {
  'pyproject.toml':
    '[tool.poetry]\nname = "mailer"\nversion = "1"\n[tool.poetry.dependencies]\npython = "^3.12"\ncelery = { version = "^5.5", extras = ["redis"] }\n',
  'poetry.lock': '',
  'mailer/__init__.py': '',
  'mailer/tasks.py': 'from celery import Celery\napp = Celery("mailer")\n',
};

const PIPENV: Files = {
  Pipfile: '[packages]\nflask = "*"\ngunicorn = "*"\n[requires]\npython_version = "3.13"\n',
  'Pipfile.lock': '{}',
  'wsgi.py': 'import flask\napp = flask.Flask(__name__)\n',
};

const SCRIPT: Files = {
  'requirements.txt': 'requests\n',
  '.python-version': '3.13\n',
  'main.py': 'import requests\n',
};

/** What Dockerfiles are made for, to be read by a person: UPDATE=1 writes them. */
const SAMPLES: [name: string, files: Files, options: TemplateOptions][] = [
  ['python-fastapi-requirements', FASTAPI, {}],
  ['python-flask-uv', FLASK, {}],
  ['python-worker-poetry', WORKER, { start: 'celery --app mailer.tasks worker --concurrency 2' }],
  ['python-pipenv', PIPENV, {}],
  ['python-script', SCRIPT, {}],
];

describe.each(SAMPLES)('the Dockerfile of %s', (name, files, options) => {
  const one = made(files, options);

  test('is what a person would write', () => {
    const path = join(import.meta.dirname, 'expected', `${name}.Dockerfile`);
    if (process.env.UPDATE === '1') writeFileSync(path, one.dockerfile);
    expect(one.dockerfile).toBe(readFileSync(path, 'utf8'));
  });

  test('has nothing that the linter would warn of', () => {
    expect(lintDockerfile(one.dockerfile)).toEqual([]);
  });

  test('installs nothing in the image itself', () => {
    const result = one.dockerfile.split('\nFROM ').at(-1);
    expect(result).not.toMatch(/pip|uv sync|poetry|pipenv/i);
  });
});

/** What a person is told who is asked for something. */
function refusal(files: Files, options: TemplateOptions = {}): string {
  try {
    made(files, options);
  } catch (error) {
    if (error instanceof UserError) return `${error.message}\n→ ${error.hint}`;
    throw error;
  }
  return '';
}

test('what was found is told with the file that said it', () => {
  expect(made(FASTAPI).found).toEqual([
    'Python 3.14 (since the folder names none)',
    'pip (requirements.txt, requirements/db.txt)',
    'uvicorn app.main:app --host=0.0.0.0 --port=8000 --forwarded-allow-ips=* (FastAPI in app/main.py)',
  ]);
  expect(made(FLASK).found.slice(0, 2)).toEqual([
    'Python 3.13 (requires-python in pyproject.toml)',
    'uv (uv.lock)',
  ]);
});

describe('the version of Python', () => {
  const version = (files: Files, options: TemplateOptions = {}) =>
    instructions(made({ 'main.py': '', ...files }, options), 'FROM').at(-1);
  const pyproject = (range: string) => ({ 'pyproject.toml': `[project]\nrequires-python = "${range}"\n` });

  test('is what the options say, a file, or the current one', () => {
    const files = { '.python-version': '# ours\n3.12.4\n', ...pyproject('>=3.10') };
    expect(version(files, { version: '3.11' })).toBe('python:3.11-slim');
    expect(version(files)).toBe('python:3.12.4-slim');
    expect(version({})).toBe('python:3.14-slim');
  });

  test.each([
    ['>=3.10', '3.14'],
    ['>=3.10,<3.13', '3.12'],
    ['~=3.11.2', '3.11'],
    ['~=3.11', '3.14'],
    ['==3.12.*', '3.12'],
    ['==3.12.4', '3.12.4'],
    ['>=3.15', '3.15'],
    ['!=3.14.*,>3.9', '3.13'],
    ['<=3.12', '3.11'],
  ])('is the best one in %s: %s', (range, best) => {
    expect(version(pyproject(range))).toBe(`python:${best}-slim`);
  });

  test.each([
    ['^3.11', '3.14', true],
    ['~3.11', '3.12', false],
    ['~3.11', '3.11', true],
    ['3.11.*', '3.11', true],
    ['3.11', '3.12', false],
    ['<3.11 || >=3.13', '3.13', true],
    ['>3.13', '3.13', false],
    ['nonsense', '3.13', false],
  ])('%s has %s: %s', (range, one, isIn) => {
    expect(satisfies(one, range)).toBe(isIn);
  });

  test('is asked for where it is not clear', () => {
    expect(refusal({ '.python-version': 'pypy3.10', 'main.py': '' })).toMatch(
      /\.python-version says "pypy3.10".*\n→ Write a number/,
    );
    expect(refusal({ ...pyproject('<3'), 'main.py': '' })).toMatch(
      'no version of Python that is looked after is in "<3"',
    );
  });
});

describe('what it depends on', () => {
  const files = (one: Files) => instructions(made({ 'main.py': '', ...one }), 'COPY');
  const pip = (one: Files) =>
    /pip --python \/venv install .*/.exec(made({ 'main.py': '', ...one }).dockerfile)?.[0];

  test('is what a release needs, and files that this names are there as well', () => {
    expect(pip(FASTAPI)).toBe(
      'pip --python /venv install --no-compile --requirement requirements.txt --requirement requirements/db.txt',
    );
    expect(files(FASTAPI).slice(0, 2)).toEqual([
      'requirements.txt ./',
      'requirements/constraints.txt requirements/db.txt ./requirements/',
    ]);
  });

  test('is what the file of production says, with what that names', () => {
    const one = {
      'requirements/base.txt': 'flask',
      'requirements/production.txt': '-r base.txt\ngunicorn',
      'requirements/local.txt': 'x',
    };
    expect(pip(one)).toMatch(/ install --no-compile --requirement requirements\/production\.txt$/);
    expect(files(one)[0]).toBe('requirements/base.txt requirements/production.txt ./requirements/');
  });

  test('is installed by uv from a plain pyproject.toml', () => {
    const one = { 'pyproject.toml': '[project]\nname = "x"\ndependencies = ["requests"]\n' };
    expect(made({ 'main.py': '', ...one }).dockerfile).toMatch(
      '/tools/bin/uv pip install --requirement pyproject.toml',
    );
  });

  test('is built with the libraries that it needs, and runs with those alone that it needs then', () => {
    const [build = '', run = ''] = made({
      ...SCRIPT,
      'requirements.txt': 'psycopg2\ngit+https://example.com/x.git',
    })
      .dockerfile.split('\nFROM ')
      .slice(-2);
    expect(build).toMatch('install --yes --no-install-recommends gcc git libc6-dev libpq-dev &&');
    expect(run).toMatch('install --yes --no-install-recommends libpq5 &&');
    expect(made({ ...SCRIPT, 'requirements.txt': 'psycopg[binary]' }).dockerfile).not.toMatch('apt-get');
  });

  test('is one version to all: what has no lock file is refused', () => {
    expect(refusal({ Pipfile: '[packages]', 'main.py': '' })).toMatch(
      '→ Run "pipenv lock", and commit Pipfile.lock.',
    );
    const { 'poetry.lock': _lock, ...unlocked } = WORKER;
    expect(refusal(unlocked, { start: 'x' })).toMatch('→ Run "poetry lock", and commit poetry.lock.');
  });

  test('is known before the source is there', () => {
    const refused = /^what the project depends on is known only when it is built\n→ .*uv lock/;
    expect(refusal({ 'setup.py': '', 'main.py': '' })).toMatch(refused);
    const dynamic = '[project]\nname = "x"\ndynamic = ["dependencies"]\n';
    expect(refusal({ 'pyproject.toml': dynamic, 'main.py': '' })).toMatch(refused);
    expect(refusal({ 'setup.py': '', 'requirements.txt': 'x', 'main.py': '' })).toBe('');
  });

  test('does not lie in the repository itself', () => {
    expect(refusal({ 'requirements.txt': '-e .\n', 'main.py': '' })).toMatch(
      'requirements.txt installs a folder of the repository: -e .',
    );
    const { 'pyproject.toml': said } = FLASK;
    expect(
      refusal({ ...FLASK, 'pyproject.toml': `${said}[tool.uv.sources]\nx = { path = "../x" }\n` }),
    ).toMatch('x comes from a folder of the repository');
  });

  test('is said in TOML that can be read', () => {
    expect(refusal({ 'pyproject.toml': 'a = \n', 'main.py': '' })).toMatch(
      /^pyproject\.toml:1:\d+: this is no TOML/,
    );
  });
});

describe('the start', () => {
  const start = (files: Files, options: TemplateOptions = {}) => command(made(files, options)).join(' ');
  const needs = (...names: string[]) => ({ 'requirements.txt': names.join('\n') });
  const flask = 'from flask import Flask\napp: Flask = Flask(__name__)\n';

  test.each<[what: string, files: Files, command: RegExp]>([
    [
      'FastAPI with its server',
      { ...needs('fastapi[standard]'), 'main.py': 'app = FastAPI()' },
      /^uvicorn main:app --host=0\.0\.0\.0 --port=8000/,
    ],
    [
      'FastAPI below src',
      { ...needs('fastapi', 'uvicorn'), 'src/shop/api.py': 'api = fastapi.FastAPI()' },
      /^uvicorn shop\.api:api /,
    ],
    [
      'a factory of FastAPI',
      { ...needs('fastapi', 'hypercorn'), 'main.py': 'def create_app() -> FastAPI:\n    return FastAPI()' },
      /^hypercorn main:create_app\(\) /,
    ],
    [
      'Starlette',
      { ...needs('starlette', 'uvicorn'), 'app.py': 'app = Starlette(routes=[])' },
      /^uvicorn app:app /,
    ],
    [
      'Flask',
      { ...needs('Flask', 'gunicorn'), 'app.py': flask },
      /^gunicorn app:app --bind=0\.0\.0\.0:8000 /,
    ],
    [
      'Flask with waitress',
      { ...needs('flask', 'waitress'), 'shop/web.py': flask },
      /^waitress-serve --listen=0\.0\.0\.0:8000 shop\.web:app$/,
    ],
    [
      'Django',
      {
        ...needs('django', 'gunicorn'),
        'manage.py': '',
        'shop/wsgi.py': 'application = get_wsgi_application()',
      },
      /^gunicorn shop\.wsgi:application /,
    ],
    [
      'Django with uvicorn',
      {
        ...needs('django', 'uvicorn'),
        'manage.py': '',
        'shop/asgi.py': 'application = get_asgi_application()',
      },
      /^uvicorn shop\.asgi:application /,
    ],
    [
      'Procfile',
      {
        ...needs('x'),
        Procfile: 'release: a\nweb: poetry run gunicorn shop:app --bind "0.0.0.0:$PORT"\n',
        'app.py': '',
      },
      /^gunicorn shop:app --bind 0\.0\.0\.0:8000$/,
    ],
    [
      'a worker in Procfile',
      { ...needs('x'), Procfile: 'web: a && b\nworker: celery -A x worker\n' },
      /^celery -A x worker$/,
    ],
    ['a file', { 'app.py': '' }, /^python3 app\.py$/],
    ['a package', { 'shop/__init__.py': '', 'shop/__main__.py': '' }, /^python3 -m shop$/],
  ])('is found: %s', (_what, files, expected) => {
    expect(start(files)).toMatch(expected);
  });

  test('is what the options say', () => {
    expect(start(FASTAPI, { start: ['celery', 'worker', 'a b'] })).toBe('celery worker a b');
    expect(start(FASTAPI, { start: 'uv run worker.py' })).toBe('worker.py');
    expect(instructions(made(WORKER, { start: 'celery' }), 'EXPOSE')).toEqual([]);
  });

  test('is the command of a package, which is a layer of its own', () => {
    const one = made({
      'pyproject.toml':
        '[project]\nname = "my-shop"\ndynamic = ["version"]\nscripts = { serve = "my_shop:main" }\n[build-system]\nrequires = ["hatchling", "hatch-vcs"]\n',
      'src/my_shop/__init__.py': '',
    });
    expect(command(one)).toEqual(['serve']);
    expect(one.dockerfile).toMatch('ENV SETUPTOOLS_SCM_PRETEND_VERSION');
    expect(instructions(one, 'COPY')).toContain('--from=build /project /project');
  });

  test.each<[what: string, files: Files, words: RegExp]>([
    [
      'nothing',
      { 'readme.md': '' },
      /^nothing says how the app is started\n→ Write it as start of the template/,
    ],
    [
      'a Procfile that needs a shell',
      { Procfile: 'web: a | b' },
      /^nothing says how the app is started without a shell/,
    ],
    [
      'no server',
      { ...needs('flask'), 'app.py': flask },
      /^Flask \(app\.py\) has no server that is meant for users\n→ Add gunicorn/,
    ],
    [
      'two apps',
      { ...needs('flask', 'gunicorn'), 'a/app.py': flask, 'b/app.py': flask },
      /^there is an app in a\/app\.py, and one in b\/app\.py\n→ .*gunicorn a\.app:app/,
    ],
    [
      'several commands',
      {
        'pyproject.toml': '[project]\nname = "x"\nscripts = { a = "x:a", b = "x:b" }\n[build-system]\n',
        'x.py': '',
      },
      /^pyproject\.toml has several commands: a, b/,
    ],
  ])('is asked for where it is not clear: %s', (_what, files, words) => {
    expect(refusal(files)).toMatch(words);
  });
});

test('an app in a folder of a repository has its own files alone', () => {
  const files = { 'worker/main.py': '', 'worker/requirements.txt': 'x', 'main.py': '', 'uv.lock': '' };
  expect(instructions(made(files, { app: './worker' }), 'COPY').slice(0, 2)).toEqual([
    'worker/requirements.txt ./',
    './worker ./',
  ]);
});

test('a build of its own has what the app depends on, and finds its modules', () => {
  const files = { ...FLASK, 'src/shop/cli.py': '' };
  const lines = made(files, { build: 'python3 -m shop.cli --all' }).dockerfile.split('\n');
  expect(lines.slice(lines.indexOf('COPY . ./') + 1, lines.indexOf('FROM python:3.13-slim') - 1)).toEqual([
    'ENV PATH=/venv/bin:$PATH',
    'ENV PYTHONPATH=/app/src',
    'RUN python3 -m shop.cli --all',
  ]);
});

test('is found by looking', () => {
  for (const files of [FASTAPI, FLASK, PIPENV, SCRIPT]) {
    expect(generateDockerfile(treeOf(files), { name: 'auto' }).found[0]).toMatch(/^template python \(/);
  }
});

test('another image has both stages stand on it, unless they differ', () => {
  const options = { base: 'acme/python:3.13', builder: 'acme/python:3.13-dev' };
  expect(instructions(made(SCRIPT, options), 'FROM')).toEqual([
    'acme/python:3.13-dev AS build',
    'acme/python:3.13',
  ]);
  expect(instructions(made(SCRIPT, { base: options.base }), 'FROM')[0]).toBe('acme/python:3.13 AS build');
});

test('no folder has it crash', () => {
  const names = [
    'pyproject.toml',
    'Pipfile',
    'Procfile',
    'requirements.txt',
    '.python-version',
    'main.py',
    'manage.py',
    'uv.lock',
  ];
  const text = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.constantFrom(
      '[project]\nname = 3',
      '[tool]\npoetry = []',
      'web: "',
      '-r requirements.txt',
      'app = FastAPI(',
      '[project]\ndependencies = [1]',
    ),
  );
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), text), (files) => {
      try {
        made(files);
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
      }
    }),
    { numRuns: 1_000 },
  );
});
