import { posix } from 'node:path';
import { splitWords } from '../../config/shell-words.ts';
import { copy, dockerfile, env, execForm, run } from './dockerfile-text.ts';
import { ignoreText } from './ignore-defaults.ts';
import { titleOf } from './node-manager.ts';
import {
  buildStage,
  foldersOf,
  installerStage,
  installLines,
  lookAtNode,
  type NodeLook,
  startStage,
  worksOnPackages,
} from './node-stages.ts';
import { type Start, startOf } from './node-start.ts';
import type { Template, TemplateOptions } from './template.ts';

/** The user `node` of the official images. A number, so that an engine can tell that it is not root. */
const USER = '1000:1000';

/**
 * node makes the Dockerfile of an app of Node: dependencies are layers of their own, those for development stay behind, and
 * the app is the first process, without a package manager or a shell that would keep signals from it.
 */
export const node: Template = (tree, options) => {
  const look = lookAtNode(tree, { ...options, builder: options.builder ?? options.base });
  const { framework, builds, manager } = look;
  const start = startFor(look, options);
  const isWhole = framework?.copies === undefined;
  const worker = isWhole ? worksOnPackages(look) : undefined;
  const isBuilt = builds.length > 0 || worker !== undefined;
  const dependencies = isWhole && worker === undefined ? installLines(look, true) : [];
  const removal = worker === undefined ? REMOVAL : pruning(look);
  const stages = [
    installerStage(look),
    dependencies.length === 0 ? [] : [...startStage(look, 'dependencies'), ...dependencies],
    isBuilt ? [...buildStage(look), ...(isWhole ? removal : []), ...handedOver(look)] : [],
    resultStage(look, start, options, {
      hasDependencies: dependencies.length > 0,
      files: worker === undefined ? ownFiles(look, isBuilt) : [copy(['/app'], './', '--from=build')],
    }),
  ];
  return {
    dockerfile: dockerfile(
      titleOf(framework?.title ?? 'Node', manager),
      stages.filter(({ length }) => length > 0),
    ),
    ignore: ignoreText([
      '**/node_modules',
      '**/npm-debug.log*',
      ...(builds.length === 0 ? [] : outputs(look)),
    ]),
    found: [
      ...look.found,
      ...(worker === undefined ? [] : [`packages as they are after the build (${worker})`]),
      `${start.words.join(' ')} (${start.by})`,
    ],
  };
};

function startFor(look: NodeLook, { start: asked }: TemplateOptions): Start {
  const { tree, project, manager, framework, builds } = look;
  if (asked !== undefined) {
    return { words: typeof asked === 'string' ? splitWords(asked) : [...asked], env: {}, by: 'start' };
  }
  if (framework?.start !== undefined) {
    return { words: [...framework.start], env: {}, by: framework.title };
  }
  return startOf(tree, project.app, manager, builds.length > 0);
}

/** What was installed to build is not in the result. */
const REMOVAL = [run('find . -name node_modules -type d -prune -exec rm -rf {} +')];

/** Of a workspace they stay, since what is pruned there would be more. */
function pruning({ manager: { prune }, project: { members } }: NodeLook): string[] {
  return prune === undefined || members.length > 0 ? [] : [run(prune)];
}

/** Folders that the app writes to are its own. */
function handedOver({ project, framework }: NodeLook): string[] {
  const folders = framework?.writable ?? [];
  return folders.map((folder) => run(['chown', '-R', USER, posix.join(project.app.folder, folder)]));
}

/** Folders that a build makes, as far as they are known. */
function outputs({ framework }: NodeLook): string[] {
  return (framework?.writable ?? framework?.copies?.map(([from]) => from.split('/')[0]!) ?? []).map(
    (one) => `**/${one}`,
  );
}

/** The image itself: what the app needs when it runs, owned by root. */
function resultStage(
  { project, framework, image }: NodeLook,
  start: Start,
  { base }: TemplateOptions,
  { hasDependencies, files }: { hasDependencies: boolean; files: readonly string[] },
): string[] {
  const runtime = start.words[0] === 'bun' ? 'oven/bun:1-slim' : image;
  const folder = posix.join('/app', project.app.folder);
  const copies = framework?.copies?.map(([from, to]) =>
    copy([posix.join(folder, from)], to === '.' ? './' : `./${to}`, '--from=build'),
  );
  return [
    `FROM ${base ?? runtime}`,
    'WORKDIR /app',
    ...env({ NODE_ENV: 'production', ...framework?.env, ...start.env }),
    ...(hasDependencies ? [copy(['/app'], './', '--from=dependencies')] : []),
    ...(copies ?? files),
    ...(folder === '/app' ? [] : [`WORKDIR ${folder}`]),
    `USER ${USER}`,
    'STOPSIGNAL SIGTERM',
    `CMD ${execForm(start.words)}`,
  ];
}

/** The files of the app, and of what it needs of its workspace. */
function ownFiles({ project }: NodeLook, isBuilt: boolean): string[] {
  const folders = foldersOf(project);
  if (folders === undefined) return [isBuilt ? copy(['/app'], './', '--from=build') : 'COPY . .'];
  return folders.map((folder) =>
    isBuilt ? copy([`/app/${folder}`], `./${folder}`, '--from=build') : copy([folder], `./${folder}`),
  );
}
