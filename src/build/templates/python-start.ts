import { splitWords } from '../../config/shell-words.ts';
import { UserError } from '../../model/errors.ts';
import { findApp, findDjango, moduleOf, type PythonApp } from './python-app.ts';
import { type Dependencies, isPackage, nameOf, type PythonProject, scriptsOf } from './python-project.ts';
import type { SourceTree, TemplateOptions } from './template.ts';

/** What a container runs, and by what it was found. */
export interface PythonStart {
  words: readonly string[];
  by: string;
  /** What is imported, where something is. */
  app?: PythonApp;
  /** The port that it listens on, where it does. */
  port?: number;
  env?: Readonly<Record<string, string>>;
}

/** What is asked where nothing says another port. */
const PORT = 8000;

/** What a start is looked for in. */
interface Look {
  tree: SourceTree;
  project: PythonProject;
  dependencies: Dependencies;
}

/**
 * startOf returns how an app is started, without a shell: as the options say, a Procfile, its framework, its own command, or
 * its file. It throws a UserError that says what to write where nothing does.
 */
export function startOf(look: Look, { start }: TemplateOptions): PythonStart {
  if (start !== undefined) {
    const words = typeof start === 'string' ? splitWords(start) : start;
    return { words: withoutRunner(words), by: 'start' };
  }
  const { tree } = look;
  const found =
    procfileStart(tree) ?? djangoStart(look) ?? appStart(look) ?? ownCommand(look) ?? fileStart(tree);
  if (found !== undefined) return found;
  const hasProcfile = tree.paths.includes('Procfile');
  throw new UserError(`nothing says how the app is started${hasProcfile ? ' without a shell' : ''}`, {
    hint: 'Write it as start of the template: start: python worker.py.',
  });
}

/** The first of them that is one simple command. */
function procfileStart(tree: SourceTree): PythonStart | undefined {
  const text = tree.read('Procfile') ?? '';
  for (const kind of ['web', 'worker']) {
    const line = new RegExp(`^${kind}:[ \\t]*(\\S.*)$`, 'm').exec(text)?.[1];
    const words = line && simpleWords(line.replaceAll(/\$(?:PORT\b|\{PORT(?::?-\d+)?\})/g, String(PORT)));
    if (!words) continue;
    const web = kind === 'web' ? { port: PORT, env: { PORT: String(PORT) } } : {};
    return { words: withoutRunner(words), by: `${kind} in Procfile`, ...web };
  }
  return undefined;
}

/** The words of a line that means the same without a shell. */
function simpleWords(line: string): string[] | undefined {
  try {
    const words = splitWords(line);
    const isSimple = !/[$*?~]/.test(line) && !/^\w+=/.test(words[0] ?? '=') && words[0] !== 'cd';
    return isSimple ? words : undefined;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** `poetry run` and its like: they are not in the result, and what they would find is on the path. */
function withoutRunner(words: readonly string[]): readonly string[] {
  return ['poetry', 'pipenv', 'uv'].includes(words[0] ?? '') && words[1] === 'run' ? words.slice(2) : words;
}

function djangoStart({ tree, dependencies }: Look): PythonStart | undefined {
  if (!tree.paths.includes('manage.py')) return undefined;
  const kind = dependencies.has('gunicorn') || !dependencies.has('uvicorn') ? 'wsgi' : 'asgi';
  const app = findDjango(tree, kind);
  return app && served(app, dependencies);
}

function appStart({ tree, dependencies }: Look): PythonStart | undefined {
  const app = findApp(tree);
  return app && served(app, dependencies);
}

/** served returns an app with a server that the project depends on. It throws where there is none. */
function served(app: PythonApp, dependencies: Dependencies): PythonStart {
  const { framework, kind, path } = app;
  const words = kind === 'asgi' ? asgiServer(app, dependencies) : wsgiServer(app, dependencies);
  if (words !== undefined) return { words, by: `${framework} in ${path}`, app, port: PORT };
  const server = kind === 'asgi' ? 'uvicorn' : 'gunicorn';
  throw new UserError(`${framework} (${path}) has no server that is meant for users`, {
    hint: `Add ${server} to the dependencies, or write start at the template.`,
  });
}

function asgiServer(app: PythonApp, dependencies: Dependencies): string[] | undefined {
  const target = `${app.module}:${app.name}`;
  const extras = dependencies.get('fastapi') ?? [];
  if (dependencies.has('uvicorn') || extras.some((one) => one === 'standard' || one === 'all')) {
    return [
      'uvicorn',
      target,
      ...(app.isFactory ? ['--factory'] : []),
      '--host=0.0.0.0',
      `--port=${PORT}`,
      // Nobody but the edge and the sidecar asks it, and they say who asks them.
      '--forwarded-allow-ips=*',
    ];
  }
  if (!dependencies.has('hypercorn')) return undefined;
  return ['hypercorn', app.isFactory ? `${target}()` : target, `--bind=0.0.0.0:${PORT}`];
}

function wsgiServer(app: PythonApp, dependencies: Dependencies): string[] | undefined {
  const target = `${app.module}:${app.name}`;
  if (dependencies.has('gunicorn')) {
    return [
      'gunicorn',
      app.isFactory ? `${target}()` : target,
      `--bind=0.0.0.0:${PORT}`,
      // One request that takes long does not hold up the others; WEB_CONCURRENCY says how many processes there are.
      '--threads=4',
      // A worker that ends would wait for idle connections. The edge, beside it, opens one in no time.
      '--keep-alive=0',
      // A worker that waits for a disk would be taken for dead.
      '--worker-tmp-dir=/dev/shm',
      '--forwarded-allow-ips=*',
    ];
  }
  if (!dependencies.has('waitress')) return undefined;
  return ['waitress-serve', `--listen=0.0.0.0:${PORT}`, ...(app.isFactory ? ['--call'] : []), target];
}

/** A command that the project has when it is installed: the only one, or that of its own name. */
function ownCommand({ tree, project }: Look): PythonStart | undefined {
  const scripts = scriptsOf(project);
  if (scripts.length === 0 || !isPackage(tree, project)) return undefined;
  const name = scripts.length === 1 ? scripts[0] : scripts.find((one) => one === nameOf(project));
  if (name !== undefined) return { words: [name], by: 'scripts in pyproject.toml' };
  throw new UserError(`pyproject.toml has several commands: ${scripts.join(', ')}`, {
    hint: `Say which is started, as start of the template: start: ${scripts[0]}.`,
  });
}

/** Files that an app begins with by custom. */
const ENTRIES = ['main.py', 'app.py', 'server.py', 'worker.py', 'bot.py', 'run.py', '__main__.py'];

function fileStart(tree: SourceTree): PythonStart | undefined {
  const entry = ENTRIES.flatMap((path) => [path, `src/${path}`]).find((path) => tree.paths.includes(path));
  if (entry !== undefined) return { words: ['python3', entry], by: entry };
  const packages = tree.paths.filter((path) => /^(?:src\/)?\w+\/__main__\.py$/.test(path));
  const [path] = packages;
  if (path === undefined || packages.length > 1) return undefined;
  return { words: ['python3', '-m', moduleOf(path).replace(/\.__main__$/, '')], by: path };
}
