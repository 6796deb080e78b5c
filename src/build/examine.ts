import { existsSync, realpathSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import type { Checkout } from '../git/checkout.ts';
import type { BuildSpec, TemplateSpec } from '../model/build.ts';
import { UserError } from '../model/errors.ts';
import { type ContentParts, contentHash, contentParts } from './content-hash.ts';
import { type ContextEntry, readContext } from './context.ts';
import { type Dockerfile, readDockerfile } from './dockerfile.ts';
import { type IgnoreRules, parseIgnore } from './ignore.ts';
import { readTree } from './source-tree.ts';
import { generateDockerfile } from './templates/index.ts';
import type { GeneratedDockerfile } from './templates/template.ts';

/** Where a build is looked at. */
export interface ExaminePlace {
  /** The folder of the configuration. */
  folder: string;
  /** The workspace, from which people count paths. */
  workspace: string;
  checkout: Checkout | undefined;
  /** What it is built for where the file does not say it: `linux/amd64`. */
  platform: string;
  /** digestOf returns the digest of a base image by its name; undefined where nobody can tell. */
  digestOf(image: string): Promise<string | undefined>;
}

/** A build as it would be now. */
export interface Examined {
  spec: BuildSpec;
  /** Absolute path of its context. */
  context: string;
  /** Its Dockerfile by absolute path, or what is in it. */
  dockerfile: { path: string } | { text: string };
  /** Of a Dockerfile that was made: what was recognised, and the ignore rules that hold where the folder has none. */
  template?: Omit<GeneratedDockerfile, 'dockerfile' | 'ignore'> & { ignore: string | undefined };
  /** Folders by absolute paths, and images, by name. */
  contexts: Readonly<Record<string, string>>;
  /** By which its image is found again. */
  hash: string;
  /** What that follows from. */
  parts: ContentParts;
  /** Paths from the top of the repository that it would have in it and that are not as the commit has them. */
  changed: readonly string[];
  /** The Dockerfile for people; undefined for one that stands in the configuration. */
  file: string | undefined;
  lineOf: Dockerfile['lineOf'];
}

/** examine reads all that an image follows from. It throws a UserError for paths that are not there, or leave the repository. */
export async function examine(spec: BuildSpec, place: ExaminePlace): Promise<Examined> {
  const { folder, workspace, checkout, platform, digestOf } = place;
  const root = checkout?.root ?? realpathSync(workspace);
  const context = folderInside(spec, spec.context, folder, root);
  const { dockerfile, text, rules, template } = await dockerfileOf(spec, context, folder, root);
  const { images, lineOf } = readDockerfile(text, spec.args);
  const named = Object.entries(spec.contexts);
  const folders = named.filter(([, where]) => !isImage(where));
  const bases = [
    ...images.filter((image) => !Object.hasOwn(spec.contexts, image)),
    ...named.flatMap(([, where]) => (isImage(where) ? [where.slice(IMAGE.length)] : [])),
  ];
  const [entries, others, digests] = await Promise.all([
    readContext(context, rules),
    Promise.all(
      folders.map(
        async ([name, where]): Promise<[string, ContextEntry[]]> => [
          name,
          await readContext(folderInside(spec, where, folder, root), NOTHING),
        ],
      ),
    ),
    Promise.all(bases.map(async (image) => [image, await digestOf(image)] as const)),
  ]);
  const absolute = (where: string) => (isImage(where) ? where : resolve(folder, where));
  const parts = contentParts({
    spec,
    dockerfile: text,
    context: entries,
    contexts: Object.fromEntries(others),
    images: Object.fromEntries(digests),
    platform,
  });
  return {
    spec,
    context,
    dockerfile,
    ...(template && { template }),
    contexts: Object.fromEntries(named.map(([name, where]) => [name, absolute(where)])),
    hash: contentHash(parts),
    parts,
    changed: changedIn(checkout, {
      folders: [
        { path: context, rules },
        ...folders.map(([, where]) => ({ path: realpathSync(resolve(folder, where)), rules: NOTHING })),
      ],
      file: 'path' in dockerfile ? dockerfile.path : undefined,
    }),
    file: 'path' in dockerfile ? relative(workspace, resolve(folder, pathOf(spec))) : undefined,
    lineOf,
  };
}

/** The Dockerfile of a build, and what its context is without. */
async function dockerfileOf(
  spec: BuildSpec,
  context: string,
  folder: string,
  root: string,
): Promise<Pick<Examined, 'dockerfile' | 'template'> & { text: string; rules: IgnoreRules }> {
  if ('template' in spec.dockerfile) {
    const made = await makeDockerfile(spec, spec.dockerfile.template, context);
    const { dockerfile: text, ignore, ...told } = made;
    if (existsSync(join(context, '.dockerignore'))) {
      const rules = await ignoreRulesOf(spec, context, undefined);
      return { dockerfile: { text }, text, rules, template: { ...told, ignore: undefined } };
    }
    return { dockerfile: { text }, text, rules: parseIgnore(ignore), template: { ...told, ignore } };
  }
  if ('text' in spec.dockerfile) {
    const { text } = spec.dockerfile;
    return { dockerfile: spec.dockerfile, text, rules: await ignoreRulesOf(spec, context, undefined) };
  }
  const path = fileInside(spec, spec.dockerfile.path, folder, root);
  const text = await readFile(path, 'utf8');
  return { dockerfile: { path }, text, rules: await ignoreRulesOf(spec, context, path) };
}

/** Makes a Dockerfile for a context, with the service in what it throws. */
async function makeDockerfile(
  spec: BuildSpec,
  template: TemplateSpec,
  context: string,
): Promise<GeneratedDockerfile> {
  const tree = await readTree(context, await ignoreRulesOf(spec, context, undefined));
  try {
    return generateDockerfile(tree, template);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { hint } = error;
    throw new UserError(`${spec.service}: ${error.message}`, { ...(hint && { hint }), cause: error });
  }
}

const IMAGE = 'docker-image://';
const isImage = (place: string): boolean => place.startsWith(IMAGE);
const NOTHING: IgnoreRules = { isIgnored: () => false, hasExceptions: false };

function pathOf({ dockerfile }: BuildSpec): string {
  return 'path' in dockerfile ? dockerfile.path : '';
}

/** A Dockerfile may have ignore rules of its own, which then hold in place of those of the context. */
async function ignoreRulesOf(
  { service }: BuildSpec,
  context: string,
  dockerfile: string | undefined,
): Promise<IgnoreRules> {
  const own = dockerfile && `${dockerfile}.dockerignore`;
  const path = own !== undefined && existsSync(own) ? own : join(context, '.dockerignore');
  if (!existsSync(path)) return NOTHING;
  try {
    return parseIgnore(await readFile(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { hint } = error;
    throw new UserError(`${service}: ${basename(path)}: ${error.message}`, {
      ...(hint && { hint }),
      cause: error,
    });
  }
}

function folderInside(spec: BuildSpec, path: string, folder: string, root: string): string {
  const place = realInside(spec, path, folder, root, 'folder');
  if (statSync(place).isDirectory()) return place;
  throw new UserError(`${spec.service}: ${path}, which is to be built, is no folder`, {
    hint: 'Write the folder with the Dockerfile: build: ./api.',
  });
}

function fileInside(spec: BuildSpec, path: string, folder: string, root: string): string {
  const place = realInside(spec, path, folder, root, 'Dockerfile');
  if (statSync(place).isFile()) return place;
  throw new UserError(`${spec.service}: ${path} is no file`, {
    hint: 'Write the path of the Dockerfile, from the context, as dockerfile.',
  });
}

/** Both what is written and where links lead. */
function realInside(
  { service }: BuildSpec,
  path: string,
  folder: string,
  root: string,
  what: string,
): string {
  const place = resolve(folder, path);
  if (!existsSync(place)) {
    throw new UserError(`${service}: there is no ${what} ${path}`, {
      hint:
        what === 'Dockerfile'
          ? 'Write template: auto below build, and one is made. Or name yours as dockerfile, from the context. Is it in git?'
          : 'Paths count from the folder of the configuration, that of a Dockerfile from its context. Is it in git, and is the repository checked out?',
    });
  }
  const real = realpathSync(place);
  if (real === root || real.startsWith(`${root}${sep}`)) return real;
  throw new UserError(`${service}: ${path} is outside of the repository`, {
    hint: 'Only what is in the repository is built: copy it there, or check it out below it.',
  });
}

/** What of a build is not as the commit has it. Pure. */
function changedIn(
  checkout: Checkout | undefined,
  read: { folders: { path: string; rules: IgnoreRules }[]; file: string | undefined },
): string[] {
  if (checkout === undefined) return [];
  return checkout.changed.filter((path) => {
    const place = join(checkout.root, path);
    if (place === read.file) return true;
    return read.folders.some(({ path: folder, rules }) => {
      const inside = relative(folder, place).split(sep).join('/');
      return !inside.startsWith('..') && !rules.isIgnored(inside);
    });
  });
}
