import { posix } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { UserError } from '../../model/errors.ts';
import { matcherOf } from '../ignore.ts';
import { inFolder } from './dockerfile-text.ts';
import type { SourceTree } from './template.ts';

const texts = z.record(z.string(), z.string()).catch({});

const schema = z.looseObject({
  name: z.string().optional().catch(undefined),
  main: z.string().optional().catch(undefined),
  packageManager: z.string().optional().catch(undefined),
  scripts: texts.optional(),
  dependencies: texts.optional(),
  devDependencies: texts.optional(),
  optionalDependencies: texts.optional(),
  engines: texts.optional(),
  volta: texts.optional(),
  workspaces: z
    .union([
      z.array(z.string()),
      z.looseObject({ packages: z.array(z.string()) }).transform((one) => one.packages),
    ])
    .optional()
    .catch(undefined),
});

/** A `package.json`, as far as images follow from it. */
export type PackageJson = z.infer<typeof schema>;

/** A package of a project. */
export interface NodePackage {
  /** From the top of the tree; `.` is that itself. */
  folder: string;
  json: PackageJson;
}

/** A project of Node. */
export interface NodeProject {
  /** The package at the top of the tree. */
  top: NodePackage;
  /** The one that the image is of. */
  app: NodePackage;
  /** Those of a workspace, without the top. */
  members: readonly NodePackage[];
  /** Those that the app needs, itself included, and before each the ones that it needs. */
  needed: readonly NodePackage[];
}

/** The package of a folder; undefined where there is none. It throws for one that is no JSON. */
function readPackage(tree: SourceTree, folder: string): NodePackage | undefined {
  const path = inFolder(folder, 'package.json');
  const text = tree.read(path);
  if (text === undefined) return undefined;
  try {
    return { folder, json: schema.parse(JSON.parse(text)) };
  } catch (cause) {
    throw new UserError(`${path} cannot be read`, { hint: 'Is it JSON?', cause });
  }
}

/** readProject returns the project in a tree, of which `folder` is the app. It throws where it is not clear which app is meant. */
export function readProject(tree: SourceTree, folder: string | undefined): NodeProject {
  const top = readPackage(tree, '.');
  if (top === undefined) {
    throw new UserError('there is no package.json', {
      hint: 'The context of a template is the folder that has it, or of a workspace the one with the lock file: name the app as app.',
    });
  }
  const members = membersOf(tree, top);
  const app = folder === undefined || folder === '.' ? top : members.find((one) => one.folder === folder);
  const named = members.map((one) => one.folder).join(', ');
  if (app === undefined) {
    throw new UserError(`${folder} is no package of this workspace`, {
      hint: members.length === 0 ? 'package.json names no workspaces.' : `They are ${named}.`,
    });
  }
  const startsItself = top.json.scripts?.start !== undefined || top.json.main !== undefined;
  if (app === top && members.length > 0 && folder === undefined && !startsItself) {
    throw new UserError('this is a workspace, and it is not said which of its packages is meant', {
      hint: `Write it as app of the template: one of ${named}.`,
    });
  }
  return {
    top,
    app,
    members,
    needed: app === top ? [...inOrderOfNeed(members, members), top] : inOrderOfNeed([app], members),
  };
}

/** dependenciesOf returns the dependencies of a package, those for development only where asked for, with their ranges. */
export function dependenciesOf({ json }: NodePackage, withDevelopment = true): Record<string, string> {
  return {
    ...(withDevelopment && json.devDependencies),
    ...json.optionalDependencies,
    ...json.dependencies,
  };
}

/** The packages of a workspace, in the words of npm and yarn, or of pnpm. */
function membersOf(tree: SourceTree, top: NodePackage): NodePackage[] {
  const patterns = top.json.workspaces ?? pnpmPatterns(tree);
  const rules = patterns.map((pattern) => ({
    isLeftOut: pattern.startsWith('!'),
    matches: matcherOf(posix.normalize(pattern.replace(/^!/, '')).replace(/\/$/, '')),
  }));
  return tree.paths.flatMap((path) => {
    if (posix.basename(path) !== 'package.json' || path === 'package.json') return [];
    const folder = posix.dirname(path);
    const isMember =
      rules.some(({ isLeftOut, matches }) => !isLeftOut && matches(folder)) &&
      !rules.some(({ isLeftOut, matches }) => isLeftOut && matches(folder));
    return isMember ? [readPackage(tree, folder)!] : [];
  });
}

const pnpmWorkspace = z.looseObject({ packages: z.array(z.string()).catch([]) });

function pnpmPatterns(tree: SourceTree): string[] {
  const text = tree.read('pnpm-workspace.yaml');
  if (text === undefined) return [];
  try {
    return pnpmWorkspace.parse(parse(text)).packages;
  } catch (cause) {
    throw new UserError('pnpm-workspace.yaml cannot be read', { hint: 'Is it YAML?', cause });
  }
}

/** Packages with what they need of the workspace before them. Rings are cut somewhere. */
function inOrderOfNeed(packages: readonly NodePackage[], members: readonly NodePackage[]): NodePackage[] {
  const ordered: NodePackage[] = [];
  const seen = new Set<NodePackage>();
  const visit = (one: NodePackage) => {
    if (seen.has(one)) return;
    seen.add(one);
    const names = Object.keys(dependenciesOf(one));
    for (const member of members) if (names.includes(member.json.name ?? '')) visit(member);
    ordered.push(one);
  };
  packages.forEach(visit);
  return ordered;
}
