import type { TemplateName } from '../../model/build.ts';
import { UserError } from '../../model/errors.ts';
import { inFolder } from './dockerfile-text.ts';
import { frameworkOf } from './node-framework.ts';
import { readProject } from './node-package.ts';
import { PAGES } from './static.ts';
import type { SourceTree, TemplateOptions } from './template.ts';

/** What a folder has that a template is for, each by its files; the first one that is there is told. */
const SIGNS: readonly { name: TemplateName; files: RegExp }[] = [
  {
    name: 'python',
    files:
      /^(?:pyproject\.toml|Pipfile|(?:[\w-]+[-_.])?requirements(?:[-_.][\w-]+)?\.txt|requirements\/[\w.-]+\.txt|(?:main|app|manage)\.py)$/,
  },
];

/** Files that say that something is written in a language for which there is no template. */
const OTHERS: Readonly<Record<string, string>> = {
  'go.mod': 'Go',
  'Cargo.toml': 'Rust',
  'pom.xml': 'Java',
  'build.gradle': 'Java',
  'build.gradle.kts': 'Kotlin',
  Gemfile: 'Ruby',
  'composer.json': 'PHP',
  'mix.exs': 'Elixir',
  'deno.json': 'Deno',
};

/** A template, and by which file it was chosen. */
interface Detected {
  name: TemplateName;
  by: string;
}

/** detectTemplate finds the template for a folder. It throws a UserError where there is none, or more than one. Pure. */
export function detectTemplate(tree: SourceTree, options: TemplateOptions): Detected {
  const found = [...signs(tree, options), ...nodeOrSite(tree, options)];
  const [first, second] = found;
  if (second !== undefined && first !== undefined) {
    throw new UserError(
      `the folder may be meant for ${found.map(({ name, by }) => `${name} (${by})`).join(' or ')}`,
      {
        hint: `Say which: template: ${first.name}, or template: ${second.name}.`,
      },
    );
  }
  if (first !== undefined) return first;
  const page = PAGES.find((path) => tree.paths.includes(path));
  if (page !== undefined) return { name: 'static', by: page };
  const other = Object.keys(OTHERS).find((path) => tree.paths.includes(path));
  throw new UserError(
    other === undefined
      ? 'it is not clear from its files what the folder is'
      : `the folder is written in ${OTHERS[other]} (${other}), for which there is no template`,
    {
      hint: 'Write a Dockerfile, or name a template and how it is started: template: { name: node, start: node server.js }.',
    },
  );
}

function signs(tree: SourceTree, { app = '.' }: TemplateOptions): Detected[] {
  const prefix = inFolder(app, '');
  return SIGNS.flatMap(({ name, files }) => {
    const by = tree.paths.find((path) => path.startsWith(prefix) && files.test(path.slice(prefix.length)));
    return by === undefined ? [] : [{ name, by }];
  });
}

function nodeOrSite(tree: SourceTree, options: TemplateOptions): Detected[] {
  if (!tree.paths.includes('package.json')) return [];
  const { app } = readProject(tree, options.app);
  const framework = frameworkOf(tree, app);
  const { start } = app.json.scripts ?? {};
  // A site of Vite may have a server of its own that hands it out.
  const isServed =
    options.start !== undefined || /^(?:[A-Z_]+=\S+ )*(?:cross-env .*)?(?:node|bun|tsx) /.test(start ?? '');
  if (!isServed && framework?.site !== undefined) return [{ name: 'static', by: framework.by }];
  // Only a site has one.
  if (options.output !== undefined) return [{ name: 'static', by: 'output' }];
  const isApp = isServed || framework !== undefined || start !== undefined || app.json.main !== undefined;
  const hasPage = PAGES.some((path) => tree.paths.includes(path));
  return !isApp && hasPage ? [] : [{ name: 'node', by: 'package.json' }];
}
