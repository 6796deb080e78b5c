import { existsSync, realpathSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import type { Checkout } from '../git/checkout.ts';
import type { BuildSpec } from '../model/build.ts';
import { UserError } from '../model/errors.ts';
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
  /** The Dockerfile for people; undefined for one that stands in the configuration. */
  file: string | undefined;
  lineOf: Dockerfile['lineOf'];
  /** What would be better otherwise of a Dockerfile that somebody has written. */
  findings: readonly Finding[];
}

/** rootOf returns the folder that a build does not leave: the repository. */
export function rootOf({ checkout, workspace }: Pick<ExaminePlace, 'checkout' | 'workspace'>): string {
  return checkout?.root ?? realpathSync(workspace);
}

/** examine reads all that an image follows from. It throws a UserError for paths that are not there, or leave the repository. */
export async function examine(spec: BuildSpec, place: ExaminePlace): Promise<Examined> {
  const { folder, workspace, checkout, platform, digestOf } = place;
  const root = rootOf(place);
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
    findings: template === undefined ? lintDockerfile(text, lintOptions(spec)) : [],
  };
}

function lintOptions({ args, target, contexts }: BuildSpec): LintOptions {
  return { args, target, contexts: Object.keys(contexts) };
}

/** The Dockerfile of a build, and what its context is without. */
async function dockerfileOf(
  spec: BuildSpec,
  context: string,
  folder: string,
  root: string,
): Promise<Pick<Examined, 'dockerfile' | 'template'> & { text: string; rules: IgnoreRules }> {
  const { service } = spec;
  if ('template' in spec.dockerfile) {
    const template = await makeDockerfile(service, spec.dockerfile.template, context);
    const { dockerfile: text, ignore } = template;
    const rules =
      ignore === undefined ? await readIgnoreRules(service, context, undefined) : parseIgnore(ignore);
    return { dockerfile: { text }, text, rules, template };
  }
  if ('text' in spec.dockerfile) {
    const { text } = spec.dockerfile;
    return { dockerfile: spec.dockerfile, text, rules: await readIgnoreRules(service, context, undefined) };
  }
  const path = fileInside(spec, spec.dockerfile.path, folder, root);
  const text = await readFile(path, 'utf8');
  return { dockerfile: { path }, text, rules: await readIgnoreRules(service, context, path) };
}

const IMAGE = 'docker-image://';
const isImage = (place: string): boolean => place.startsWith(IMAGE);

function pathOf({ dockerfile }: BuildSpec): string {
  return 'path' in dockerfile ? dockerfile.path : '';
}

/** folderInside returns a folder of the repository by its real path. It throws a UserError for any other. */
export function folderInside(spec: BuildSpec, path: string, folder: string, root: string): string {
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
