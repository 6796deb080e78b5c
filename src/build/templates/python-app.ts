import { posix } from 'node:path';
import { UserError } from '../../model/errors.ts';
import type { SourceTree } from './template.ts';

/** An app that a server of the language imports: a variable of a module, or what makes one. */
export interface PythonApp {
  framework: string;
  kind: 'asgi' | 'wsgi';
  /** As Python imports it: `shop.main`. */
  module: string;
  name: string;
  /** It is called to get the app. */
  isFactory: boolean;
  /** The file that it is in. */
  path: string;
}

const FRAMEWORKS = [
  { kind: 'asgi', names: ['FastAPI', 'Starlette', 'Litestar', 'Quart'] },
  { kind: 'wsgi', names: ['Flask'] },
] as const;

/** Modules that apps are in by custom, the most usual first. */
const MODULES = ['main', 'app', 'asgi', 'wsgi', 'application', 'server', 'api', 'web', 'run', '__init__'];

/** Folders whose modules serve nobody. */
const ASIDE = /(?:^|\/)(?:tests?|docs?|examples?|scripts|migrations|alembic|node_modules|\.[^/]+)\//;

/** findApp returns the app in the source that is nearest to the top. It throws where two are as near; undefined where there is none. */
export function findApp(tree: SourceTree): PythonApp | undefined {
  const found = tree.paths
    .filter((path) => path.endsWith('.py') && !ASIDE.test(path) && !/(?:^|\/)(?:test_|conftest)/.test(path))
    .flatMap((path) => appIn(path, tree.read(path) ?? '') ?? []);
  const ranked = found
    .map((app) => ({ app, rank: rankOf(app) }))
    .sort((a, b) => a.rank - b.rank || (a.app.path < b.app.path ? -1 : 1));
  const [first, second] = ranked;
  if (first === undefined || first.rank !== second?.rank) return first?.app;
  throw new UserError(`there is an app in ${first.app.path}, and one in ${second.app.path}`, {
    hint: `Say which is started, as start of the template: start: ${exampleStart(first.app)}.`,
  });
}

/** Depth counts most, then the name of the module; a variable comes before what makes one. */
function rankOf({ path, isFactory }: PythonApp): number {
  const below = withoutSource(path);
  const at = MODULES.indexOf(posix.basename(path, '.py'));
  const depth = below.split('/').length - (at === MODULES.length - 1 ? 1 : 0);
  return depth * 100 + (at === -1 ? MODULES.length : at) * 2 + Number(isFactory);
}

function appIn(path: string, text: string): PythonApp | undefined {
  for (const { kind, names } of FRAMEWORKS) {
    for (const framework of names) {
      if (!new RegExp(`\\b${framework}\\b`).test(text) && !/\bcreate_app\b/.test(text)) continue;
      const variable = new RegExp(
        `^(\\w+)[ \\t]*(?::[^=\\n]+)?=[ \\t]*(?:\\w+\\.)?${framework}\\(`,
        'm',
      ).exec(text)?.[1];
      const common = { framework, kind, module: moduleOf(path), path };
      if (variable !== undefined) return { ...common, name: variable, isFactory: false };
      if (!new RegExp(`\\b${framework}\\(`).test(text)) continue;
      const factory = /^def (create_app|make_app|build_app|get_app)\(/m.exec(text)?.[1];
      if (factory === undefined) continue;
      const called = new RegExp(`^(\\w+)[ \\t]*=[ \\t]*${factory}\\(`, 'm').exec(text)?.[1];
      return { ...common, name: called ?? factory, isFactory: called === undefined };
    }
  }
  return undefined;
}

/** findDjango returns the app of a Django project for servers of this kind. */
export function findDjango(tree: SourceTree, kind: PythonApp['kind']): PythonApp | undefined {
  const path = tree.paths.find(
    (one) =>
      one.split('/').at(-1) === `${kind}.py` &&
      !ASIDE.test(one) &&
      /^application\s*=/m.test(tree.read(one) ?? ''),
  );
  if (path === undefined) return undefined;
  return { framework: 'Django', kind, module: moduleOf(path), name: 'application', isFactory: false, path };
}

/** moduleOf returns how a file is imported. The folder `src` is a place and no package. */
export function moduleOf(path: string): string {
  return withoutSource(path)
    .replace(/\.py$/, '')
    .replace(/\/__init__$/, '')
    .replaceAll('/', '.');
}

function withoutSource(path: string): string {
  return path.replace(/^src\//, '');
}

function exampleStart({ kind, module, name }: PythonApp): string {
  return kind === 'asgi'
    ? `uvicorn ${module}:${name} --host 0.0.0.0 --port 8000`
    : `gunicorn ${module}:${name} --bind 0.0.0.0:8000`;
}
