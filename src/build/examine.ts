import { existsSync, realpathSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import type { Checkout } from '../git/checkout.ts';
import type { FetchedSource } from '../git/sources.ts';
import type { BuildSpec } from '../model/build.ts';
import { UserError } from '../model/errors.ts';
import type { GitSource } from '../model/git-source.ts';
import { type ContentParts, contentHash, contentParts } from './content-hash.ts';
import { type ContextEntry, readContext } from './context.ts';
import { type Dockerfile, readDockerfile } from './dockerfile.ts';
import { type IgnoreRules, parseIgnore } from './ignore.ts';
import { NOTHING, readIgnoreRules } from './ignore-file.ts';
import type { Finding } from './lint/finding.ts';
import { lintDockerfile } from './lint/lint.ts';
import type { LintOptions } from './lint/stages.ts';
import { type MadeDockerfile, makeDockerfile } from './make-dockerfile.ts';

/** Where a build is looked at. */
export interface ExaminePlace {
  /** The folder of the configuration. */
  folder: string;
  /** The workspace, from which people count paths. */
  workspace: string;
  checkout: Checkout | undefined;
  /** What it is built for where the file does not say it: `linux/amd64`. */
  platform: string;
  /** fetch brings a version of another repository. */
  fetch(source: GitSource): Promise<FetchedSource>;
  /** digestOf returns the digest of a base image by its name; undefined where nobody can tell. */
  digestOf(image: string): Promise<string | undefined>;
}

/** A build as it would be now. */
export interface Examined {
  spec: BuildSpec;
  /** The other repository that it is built from; undefined for this one. */
  source: FetchedSource | undefined;
  /** Other repositories that it copies from. */
  copiedFrom: readonly FetchedSource[];
  /** Absolute path of its context. */
  context: string;
  /** Its Dockerfile by absolute path, or what is in it. */
  dockerfile: { path: string } | { text: string };
  /** How its Dockerfile was made, where it was. */
  template?: MadeDockerfile;
  /** Folders by absolute paths, and images, by name. */
  contexts: Readonly<Record<string, string>>;
  /** By which its image is found again. */
  hash: string;
  /** What that follows from. */
  parts: ContentParts;
  /** Paths from the top of the repository that it would have in it and that are not as the commit has them. */
  changed: readonly string[];
  /** The Dockerfile for people; undefined for one that is no file of this repository. */
  file: string | undefined;
  lineOf: Dockerfile['lineOf'];
  /** What would be better otherwise of a Dockerfile that somebody has written. */
  findings: readonly Finding[];
}

/** rootOf returns the folder that a build does not leave: the repository. */
export function rootOf({ checkout, workspace }: Pick<ExaminePlace, 'checkout' | 'workspace'>): string {
  return checkout?.root ?? realpathSync(workspace);
}

/**
 * examine reads all that an image follows from. It throws a UserError for paths that are not there, or leave the repository,
 * and for another repository that cannot be had.
 */
export async function examine(spec: BuildSpec, place: ExaminePlace): Promise<Examined> {
  const { folder, workspace, checkout, platform, digestOf } = place;
  const here: Ground = { folder, root: rootOf(place), url: undefined };
  const source = spec.git && (await fetchFor(spec, spec.git, place));
  const home = source === undefined ? here : groundOf(source);
  const context = folderInside(spec, spec.context, home);
  const { dockerfile, text, rules, template } = await dockerfileOf(spec, context, home);
  const { images, lineOf } = readDockerfile(text, spec.args);
  const named = await Promise.all(
    Object.entries(spec.contexts).map(async ([name, where]) => {
      if (typeof where === 'string' && where.startsWith(IMAGE)) return { name, image: where, isHere: false };
      const other = typeof where === 'string' ? undefined : await fetchFor(spec, where, place);
      const ground = other === undefined ? here : groundOf(other);
      const path = folderInside(spec, typeof where === 'string' ? where : where.folder, ground);
      return { name, path, other, isHere: other === undefined };
    }),
  );
  const bases = [
    ...images.filter((image) => !Object.hasOwn(spec.contexts, image)),
    ...named.flatMap(({ image }) => image?.slice(IMAGE.length) ?? []),
  ];
  const folders = named.flatMap(({ name, path, isHere }) =>
    path === undefined ? [] : [{ name, path, isHere }],
  );
  const [entries, others, digests] = await Promise.all([
    readContext(context, rules),
    Promise.all(
      folders.map(
        async ({ name, path }): Promise<[string, ContextEntry[]]> => [name, await readContext(path, NOTHING)],
      ),
    ),
    Promise.all(bases.map(async (image) => [image, await digestOf(image)] as const)),
  ]);
  const parts = contentParts({
    spec,
    dockerfile: text,
    context: entries,
    contexts: Object.fromEntries(others),
    images: Object.fromEntries(digests),
    platform,
  });
  const isFileHere = 'path' in dockerfile && home === here;
  return {
    spec,
    source,
    copiedFrom: named.flatMap(({ other }) => other ?? []),
    context,
    dockerfile,
    ...(template && { template }),
    contexts: Object.fromEntries(named.map(({ name, image, path }) => [name, image ?? path])),
    hash: contentHash(parts),
    parts,
    changed: changedIn(checkout, {
      folders: [
        ...(home === here ? [{ path: context, rules }] : []),
        ...folders.filter(({ isHere }) => isHere).map(({ path }) => ({ path, rules: NOTHING })),
      ],
      file: isFileHere ? dockerfile.path : undefined,
    }),
    file: isFileHere ? relative(workspace, resolve(folder, pathOf(spec))) : undefined,
    lineOf,
    findings: template === undefined && home === here ? lintDockerfile(text, lintOptions(spec)) : [],
  };
}

function lintOptions({ args, target, contexts }: BuildSpec): LintOptions {
  return { args, target, contexts: Object.keys(contexts) };
}

/** The Dockerfile of a build, and what its context is without. */
async function dockerfileOf(
  spec: BuildSpec,
  context: string,
  ground: Ground,
): Promise<Pick<Examined, 'dockerfile' | 'template'> & { text: string; rules: IgnoreRules }> {
  const rulesOf = (dockerfile: string | undefined) =>
    readIgnoreRules(spec.service, context, dockerfile, (path) =>
      checkInside(spec, path, relative(ground.root, path), ground),
    );
  if ('template' in spec.dockerfile) {
    const rules = await rulesOf(undefined);
    const template = await makeDockerfile(spec.service, spec.dockerfile.template, { context, rules });
    const { dockerfile: text, ignore } = template;
    const made = ignore === undefined ? rules : parseIgnore(ignore);
    return { dockerfile: { text }, text, rules: made, template };
  }
  if ('text' in spec.dockerfile) {
    const { text } = spec.dockerfile;
    return { dockerfile: spec.dockerfile, text, rules: await rulesOf(undefined) };
  }
  const path = fileInside(spec, spec.dockerfile.path, ground);
  const text = await readFile(path, 'utf8');
  return { dockerfile: { path }, text, rules: await rulesOf(path) };
}

/** What paths of a build count from. */
export interface Ground {
  folder: string;
  /** The real path of what none of them may leave. */
  root: string;
  /** The address of that repository; undefined for this one. */
  url: string | undefined;
}

function groundOf({ root, url }: FetchedSource): Ground {
  return { folder: root, root, url };
}

async function fetchFor(
  { service }: BuildSpec,
  source: GitSource,
  place: ExaminePlace,
): Promise<FetchedSource> {
  try {
    return await place.fetch(source);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { hint } = error;
    throw new UserError(`${service}: ${error.message}`, { ...(hint && { hint }), cause: error });
  }
}

const IMAGE = 'docker-image://';

function pathOf({ dockerfile }: BuildSpec): string {
  return 'path' in dockerfile ? dockerfile.path : '';
}

/** folderInside returns a folder of a repository by its real path. It throws a UserError for any other. */
export function folderInside(spec: BuildSpec, path: string, ground: Ground): string {
  const place = realInside(spec, path, ground, 'folder');
  if (statSync(place).isDirectory()) return place;
  throw new UserError(`${spec.service}: ${path}, which is to be built, is no folder`, {
    hint: 'Write the folder with the Dockerfile: build: ./api.',
  });
}

function fileInside(spec: BuildSpec, path: string, ground: Ground): string {
  const place = realInside(spec, path, ground, 'Dockerfile');
  if (statSync(place).isFile()) return place;
  throw new UserError(`${spec.service}: ${path} is no file`, {
    hint: 'Write the path of the Dockerfile, from the context, as dockerfile.',
  });
}

/** Both what is written and where links lead. */
function realInside(spec: BuildSpec, path: string, ground: Ground, what: string): string {
  const place = resolve(ground.folder, path);
  if (existsSync(place)) return checkInside(spec, place, path, ground);
  const { service } = spec;
  if (ground.url !== undefined) {
    throw new UserError(`${service}: there is no ${what} ${path} in ${ground.url}`, {
      hint: 'The context counts from the top of that repository, a Dockerfile from the context. Is it in the version that git names?',
    });
  }
  throw new UserError(`${service}: there is no ${what} ${path}`, {
    hint:
      what === 'Dockerfile'
        ? 'Write template: auto below build, and one is made. Or name yours as dockerfile, from the context. Is it in git?'
        : 'Paths count from the folder of the configuration, that of a Dockerfile from its context. Is it in git, and is the repository checked out?',
  });
}

/** Returns the real path. */
function checkInside({ service }: BuildSpec, place: string, path: string, { root }: Ground): string {
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
