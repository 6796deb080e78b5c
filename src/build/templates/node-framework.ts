import { UserError } from '../../model/errors.ts';
import { inFolder } from './dockerfile-text.ts';
import { dependenciesOf, type NodePackage } from './node-package.ts';
import type { SourceTree } from './template.ts';

/** What a framework makes of a project when it is built. */
export interface Framework {
  /** For people: `Next.js`. */
  title: string;
  /** By what it was recognised. */
  by: string;
  /** A site that needs no server of its own, in this folder from that of the app; undefined for an app of Node. */
  site?: { output: string; isSinglePage: boolean };
  /** How the server is started, from the folder of the app; undefined where a script says it. */
  start?: readonly string[];
  /** Variables of the container. */
  env?: Readonly<Record<string, string>>;
  /** Variables of the build. */
  buildEnv?: Readonly<Record<string, string>>;
  /** A folder that it keeps between builds. */
  buildCache?: string;
  /** Folders of the result that it writes to. */
  writable?: readonly string[];
  /** Folders that are all of the result, dependencies included, and where they lie in the image; undefined for the whole app. */
  copies?: readonly (readonly [from: string, to: string])[];
}

/** frameworkOf recognises the framework of a package; undefined where there is none. It throws for one that cannot be served as it is. */
export function frameworkOf(tree: SourceTree, app: NodePackage): Framework | undefined {
  const dependencies = dependenciesOf(app);
  const has = (name: string) => Object.hasOwn(dependencies, name);
  const config = (name: string): string => {
    const path = ['js', 'mjs', 'cjs', 'ts', 'mts']
      .map((ending) => inFolder(app.folder, `${name}.${ending}`))
      .find((one) => tree.paths.includes(one));
    return withoutComments((path && tree.read(path)) || '');
  };
  for (const [name, make] of FRAMEWORKS) {
    if (!has(name)) continue;
    const found = make({ tree, app, has, config });
    if (found !== undefined) return { by: `${name} in ${inFolder(app.folder, 'package.json')}`, ...found };
  }
  return undefined;
}

/** What a framework is recognised by. */
interface Look {
  tree: SourceTree;
  app: NodePackage;
  has(dependency: string): boolean;
  /** config returns what is in a file of settings, whatever its ending; nothing where there is none. */
  config(name: string): string;
}

type Made = Omit<Framework, 'by'>;

/** By the dependency that each has. Those that stand on others come before them. */
const FRAMEWORKS: readonly (readonly [dependency: string, make: (look: Look) => Made | undefined])[] = [
  ['next', nextJs],
  ['nuxt', nuxt],
  ['@react-router/dev', reactRouter],
  ['@remix-run/dev', remix],
  ['astro', astro],
  ['@sveltejs/kit', svelteKit],
  ['gatsby', () => pages('Gatsby', 'public')],
  ['@docusaurus/core', () => pages('Docusaurus', 'build')],
  ['@11ty/eleventy', () => pages('Eleventy', '_site')],
  ['vitepress', () => undefined],
  ['@angular/core', angular],
  ['react-scripts', () => singlePage('Create React App', 'build')],
  ['@vue/cli-service', () => singlePage('Vue CLI', 'dist')],
  ['vite', vite],
  ['parcel', () => singlePage('Parcel', 'dist')],
];

const singlePage = (title: string, output: string): Made => ({ title, site: { output, isSinglePage: true } });
const pages = (title: string, output: string): Made => ({ title, site: { output, isSinglePage: false } });

/** Servers of frameworks listen where they are told. */
const LISTEN = { HOST: '0.0.0.0', PORT: '3000' };

function nextJs({ tree, app, config }: Look): Made {
  const title = 'Next.js';
  const settings = config('next.config');
  const output = /\boutput\s*:\s*['"`](\w+)/.exec(settings)?.[1];
  if (output === 'export') return pages(`${title}, exported`, textAt('distDir', settings) ?? 'out');
  const folder = textAt('distDir', settings) ?? '.next';
  const common = {
    env: { HOSTNAME: '0.0.0.0', PORT: '3000', NEXT_TELEMETRY_DISABLED: '1' },
    buildEnv: { NEXT_TELEMETRY_DISABLED: '1' },
    buildCache: `${folder}/cache`,
  };
  if (output !== 'standalone') return { title, ...common, writable: [folder] };
  const hasPublic = tree.paths.some((path) => path.startsWith(inFolder(app.folder, 'public/')));
  const place = (path: string) => inFolder(app.folder, path);
  return {
    title: `${title}, standalone`,
    ...common,
    start: ['node', 'server.js'],
    writable: [`${folder}/standalone/${place(folder)}`],
    copies: [
      [`${folder}/standalone`, '.'],
      [`${folder}/static`, place(`${folder}/static`)],
      ...(hasPublic ? [['public', place('public')] as const] : []),
    ],
  };
}

function nuxt({ app, config }: Look): Made {
  const isStatic = /nuxt generate/.test(app.json.scripts?.build ?? '');
  if (isStatic) return pages('Nuxt, generated', '.output/public');
  if (
    /\bssr\s*:\s*false/.test(config('nuxt.config')) &&
    /preset\s*:\s*['"]static/.test(config('nuxt.config'))
  ) {
    return singlePage('Nuxt without a server', '.output/public');
  }
  return {
    title: 'Nuxt',
    start: ['node', '.output/server/index.mjs'],
    env: LISTEN,
    copies: [['.output', inFolder(app.folder, '.output')]],
  };
}

function reactRouter({ config }: Look): Made | undefined {
  if (/\bssr\s*:\s*false/.test(config('react-router.config')))
    return singlePage('React Router', 'build/client');
  return { title: 'React Router', env: LISTEN };
}

function remix({ config }: Look): Made {
  if (/\bssr\s*:\s*false/.test(config('vite.config'))) return singlePage('Remix', 'build/client');
  return { title: 'Remix', env: LISTEN };
}

function astro({ has, config }: Look): Made {
  const settings = config('astro.config');
  const output = textAt('outDir', settings) ?? 'dist';
  if (has('@astrojs/node')) {
    return { title: 'Astro with a server', start: ['node', `${output}/server/entry.mjs`], env: LISTEN };
  }
  return pages('Astro', output);
}

function svelteKit({ has }: Look): Made {
  if (has('@sveltejs/adapter-node')) {
    return { title: 'SvelteKit', start: ['node', 'build/index.js'], env: LISTEN };
  }
  if (has('@sveltejs/adapter-static')) return singlePage('SvelteKit', 'build');
  throw new UserError('SvelteKit has no adapter for a container', {
    hint: 'Use @sveltejs/adapter-node, or @sveltejs/adapter-static for a site that needs no server.',
  });
}

function angular({ tree, app, has }: Look): Made {
  if (has('@angular/ssr')) return { title: 'Angular with a server' };
  const text = tree.read(inFolder(app.folder, 'angular.json'));
  const output = text && angularOutput(text);
  if (!output) {
    throw new UserError('angular.json does not say where the site is built to', {
      hint: 'Write output at the template: output: dist/shop/browser.',
    });
  }
  return singlePage('Angular', output);
}

/** `browser` is what builders since version 17 put below it. */
function angularOutput(text: string): string | undefined {
  interface Target {
    builder?: string;
    options?: { outputPath?: string | { base?: string; browser?: string } };
  }
  interface Workspace {
    projects?: Record<string, { projectType?: string; architect?: { build?: Target } }>;
    defaultProject?: string;
  }
  const { projects = {}, defaultProject } = JSON.parse(text) as Workspace;
  const apps = Object.entries(projects).filter(([, { projectType }]) => projectType !== 'library');
  const [name, project] = apps.find(([one]) => one === defaultProject) ?? apps[0] ?? [];
  const { builder = '', options = {} } = project?.architect?.build ?? {};
  if (name === undefined || (apps.length > 1 && defaultProject === undefined)) return undefined;
  const said = options.outputPath ?? `dist/${name}`;
  const base = typeof said === 'string' ? said : (said.base ?? `dist/${name}`);
  const below = typeof said === 'string' ? 'browser' : (said.browser ?? 'browser');
  return builder.endsWith(':application') && below !== '' ? `${base}/${below}` : base;
}

function vite({ tree, app, config }: Look): Made | undefined {
  const hasPage = tree.paths.includes(inFolder(app.folder, 'index.html'));
  if (!hasPage) return undefined;
  return singlePage('Vite', textAt('outDir', config('vite.config')) ?? 'dist');
}

/** A text that is given to a key in settings that are code. */
function textAt(key: string, settings: string): string | undefined {
  return new RegExp(`\\b${key}\\s*:\\s*['"\`]([\\w./-]+)['"\`]`)
    .exec(settings)?.[1]
    ?.replace(/^\.\//, '')
    .replace(/\/$/, '');
}

/** Comments of code, except what follows `://`. */
function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\/|(?<![:'"])\/\/.*$/gm, '');
}
