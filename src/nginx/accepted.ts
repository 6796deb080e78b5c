import { isDeepStrictEqual } from 'node:util';
import type { Directive } from '../model/directives.ts';
import type { Composition } from './compose.ts';
import { parseConfiguration } from './configuration.ts';
import { CONTROL_ACCESS_FILE } from './control.ts';
import { PROBE_ACCESS_FILE } from './edge-options.ts';
import { CONFIG_FOLDER, editedFiles, FLAG_ACCESS_FILE, type Folder, identityOf, type Tree } from './tree.ts';

/**
 * isAccepted tells whether nginx has read this very configuration before, but for what moves traffic between the same
 * addresses: which of them are backups, the weights of the others, and by what the configuration is known. `nginx -t`
 * has nothing to find in such a one. `served` is the generation of the changing environment that the running nginx has
 * told, and `folder` the one that it has read. Pure.
 */
export function isAccepted(
  tree: Tree,
  folder: Folder,
  served: string | undefined,
  next: Composition,
): boolean {
  const { manifest, files } = tree.folders[folder];
  const scopes = manifest?.scopes ?? {};
  if (served === undefined || scopes[next.scope]?.generation !== served) return false;
  const isAsWritten = Object.keys(scopes).every(
    (scope) => editedFiles(tree.folders[folder], scope).length === 0,
  );
  if (!isAsWritten) return false;
  const isChanged = (path: string) => files.get(path) !== next.files.get(`${next.folder}/${path}`);
  // Reading 500 services takes seconds; what is the same, letter for letter, nginx has read.
  const changes = (of: Folder, all: Iterable<readonly [path: string, content: string]>) =>
    new Map([...all].map(([path, content]) => [`${of}/${path}`, isChanged(path) ? content : ''] as const));
  const nextFiles = [...next.files].map(
    ([path, content]) => [path.slice(next.folder.length + 1), content] as const,
  );
  const names = { folder, generation: served, identity: identityOf(scopes) };
  const known = shapeOf(changes(folder, files), names);
  return known !== undefined && isDeepStrictEqual(known, shapeOf(changes(next.folder, nextFiles), next));
}

/** Returns what stays of a configuration when traffic moves; undefined when nginx could not read it. */
function shapeOf(
  files: ReadonlyMap<string, string>,
  { folder, ...names }: Pick<Composition, 'folder' | 'generation' | 'identity'>,
): Directive[] | undefined {
  const whole = new Map([...files].map(([path, content]) => [`${CONFIG_FOLDER}/${path}`, content]));
  // The same for every configuration, and in no folder.
  for (const file of [CONTROL_ACCESS_FILE, FLAG_ACCESS_FILE, PROBE_ACCESS_FILE])
    whole.set(`${CONFIG_FOLDER}/${file}`, '');
  const { directives, mistake } = parseConfiguration(whole, `${CONFIG_FOLDER}/${folder}/main.conf`);
  if (mistake !== undefined) return undefined;
  const known = new Map([
    [names.generation, '{generation}'],
    [names.identity, '{identity}'],
    [`${CONFIG_FOLDER}/${folder}`, '{folder}'],
  ]);
  return directives.map((directive) => withoutTraffic(directive, known));
}

/** `names` are the words by which a configuration is known, with what stands for them. */
function withoutTraffic(directive: Directive, names: ReadonlyMap<string, string>): Directive {
  const body = directive.words[0] === 'upstream' ? withoutShares(directive.body) : directive.body;
  return {
    ...directive,
    words: directive.words.map((word) => names.get(word) ?? word),
    body: body.map((inner) => withoutTraffic(inner, names)),
  };
}

/** The balancing method follows from the weights, and those with traffic come first. */
function withoutShares(upstream: readonly Directive[]): Directive[] {
  const isServer = ({ words }: Directive) => words[0] === 'server';
  const servers = upstream
    .filter(isServer)
    .map((server) => ({ ...server, words: server.words.filter((word) => !isShare(word)) }));
  const others = upstream.filter((one) => !isServer(one) && one.words.join(' ') !== 'least_conn');
  return [...others, ...servers.sort((a, b) => (a.words.join(' ') < b.words.join(' ') ? -1 : 1))];
}

function isShare(word: string): boolean {
  return word === 'backup' || /^weight=[1-9]\d*$/.test(word);
}
