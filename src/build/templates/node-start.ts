import { splitWords } from '../../config/shell-words.ts';
import { UserError } from '../../model/errors.ts';
import { inFolder } from './dockerfile-text.ts';
import type { PackageManager } from './node-manager.ts';
import { dependenciesOf, type NodePackage } from './node-package.ts';
import type { SourceTree } from './template.ts';

/** What a container runs. */
export interface Start {
  words: string[];
  /** Variables that the script sets before it. */
  env: Record<string, string>;
  by: string;
}

/** Where a program of a package lies in it, by its name: `package` and the file. */
const PROGRAMS: Readonly<Record<string, readonly [dependency: string, file: string]>> = {
  fastify: ['fastify-cli', 'cli.js'],
  next: ['next', 'dist/bin/next'],
  'react-router-serve': ['@react-router/serve', 'bin.js'],
  'remix-serve': ['@remix-run/serve', 'dist/cli.js'],
  serve: ['serve', 'build/main.js'],
};

/** Programs that run an app while it is written, and why they are no start. */
const DEVELOPMENT =
  /^(?:nodemon|ts-node-dev|tsx-watch|vite|webpack|webpack-dev-server|react-scripts|ng|vue-cli-service|parcel)$/;

/** Scripts that start an app as it is meant to run for users, the first one that there is. */
const SCRIPTS = ['start:prod', 'start:production', 'start'] as const;

/** Where an app begins by custom, where nothing says it. */
const ENTRIES = ['server', 'index', 'app', 'main', 'src/server', 'src/index', 'src/app', 'src/main'].flatMap(
  (path) => ['js', 'mjs', 'cjs', 'ts'].map((ending) => `${path}.${ending}`),
);

/**
 * startOf returns how an app of Node is started, with neither a package manager nor a shell before it. It throws where
 * nothing says it, or what says it needs one of them.
 */
export function startOf(
  tree: SourceTree,
  app: NodePackage,
  manager: PackageManager,
  isBuilt: boolean,
): Start {
  const script = SCRIPTS.find((name) => app.json.scripts?.[name] !== undefined);
  if (script !== undefined) return startOfScript(script, app, manager, []);
  const { main } = app.json;
  if (
    main !== undefined &&
    (isBuilt || tree.paths.includes(inFolder(app.folder, main.replace(/^\.\//, ''))))
  ) {
    return { words: ['node', main], env: {}, by: 'main in package.json' };
  }
  const entry = ENTRIES.find((path) => tree.paths.includes(inFolder(app.folder, path)));
  if (entry !== undefined) return { words: ['node', entry], env: {}, by: entry };
  throw new UserError('nothing says how the app is started', {
    hint: 'Write a script start into package.json, "start": "node server.js", or start at the template.',
  });
}

function startOfScript(
  script: string,
  app: NodePackage,
  manager: PackageManager,
  before: readonly string[],
): Start {
  const line = app.json.scripts?.[script];
  const by = `script ${[...before, script][0]}`;
  const fail = (why: string): never => {
    throw new UserError(`the script ${script} ${why}: ${JSON.stringify(line)}`, {
      hint: 'Write what it comes to as start of the template: start: node server.js.',
    });
  };
  if (line === undefined || before.includes(script)) return fail('leads to none');
  if (
    app.json.scripts?.[`pre${script}`] !== undefined &&
    !/\bbuild\b/.test(app.json.scripts[`pre${script}`]!)
  ) {
    return fail(`has a pre${script}, which nobody would run`);
  }
  const { env, words } = wordsOf(line, fail);
  const [program = '', ...rest] = words;
  const next = scriptRunBy(program, rest);
  if (next !== undefined) {
    const found = startOfScript(next, app, manager, [...before, script]);
    return { ...found, env: { ...env, ...found.env }, by };
  }
  if (program === 'node' || program === 'bun') {
    if (rest.includes('--watch')) return fail('runs the app as it is written');
    return { words, env, by };
  }
  if (program === 'tsx' && rest[0] !== 'watch') {
    if (dependenciesOf(app, false).tsx === undefined)
      return fail('needs tsx, which is a dependency for development');
    return { words: ['node', '--import', 'tsx', ...rest], env, by };
  }
  const [dependency, file] = (Object.hasOwn(PROGRAMS, program) && PROGRAMS[program]) || [];
  if (dependency === undefined || (program === 'next' && rest[0] !== 'start')) {
    return fail(
      DEVELOPMENT.test(program)
        ? 'runs the app as it is written'
        : `runs ${program || 'nothing'}, of which it is not known where it lies`,
    );
  }
  if (dependenciesOf(app, false)[dependency] === undefined) {
    return fail(`needs ${dependency}, which is no dependency`);
  }
  const place = manager.placeOf(dependency, app);
  return {
    words: ['node', `${upFrom(app.folder, place)}node_modules/${dependency}/${file}`, ...rest],
    env,
    by,
  };
}

/** The simple command in a script. */
function wordsOf(
  line: string,
  fail: (why: string) => never,
): { env: Record<string, string>; words: string[] } {
  let words: string[];
  try {
    words = splitWords(line);
  } catch {
    return fail('needs a shell');
  }
  if (/(?<!\\)\$/.test(line.replace(/'[^']*'/g, ''))) return fail('needs a shell for its variables');
  const env: Record<string, string> = {};
  const wrapped = ['cross-env', 'env', 'exec'].includes(words[0] ?? '') ? words.slice(1) : words;
  const first = wrapped.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word));
  for (const word of wrapped.slice(0, Math.max(first, 0))) {
    const at = word.indexOf('=');
    env[word.slice(0, at)] = word.slice(at + 1);
  }
  return { env, words: wrapped.slice(Math.max(first, 0)) };
}

/** The script that a package manager is told to run without further words. */
function scriptRunBy(program: string, [first = '', ...rest]: readonly string[]): string | undefined {
  if (!['npm', 'yarn', 'pnpm', 'bun'].includes(program)) return undefined;
  if (first === 'run' && rest.length === 1) return rest[0];
  if (rest.length > 0) return undefined;
  if (program === 'npm') return first === 'start' ? first : undefined;
  return program === 'bun' || first === 'run' ? undefined : first;
}

/** How one gets from a folder to one that is above it, or is it. */
function upFrom(folder: string, above: string): string {
  if (folder === above) return '';
  return '../'.repeat(folder.split('/').length - (above === '.' ? 0 : above.split('/').length));
}
