import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
} from 'yaml';
import { failTogether, type Location, messageOf, UserError } from '../model/errors.ts';
import { InterpolationError, interpolateWith, lookupIn, type Variables } from './interpolate.ts';
import { placed, SecretText } from './secret-text.ts';

/** The way from the top of a file to a value: keys, and indexes of lists. */
export type Path = readonly (string | number)[];

/** What references in a file lead to. */
export interface References {
  /** The run's environment. */
  variables: Variables;
  /** Whether a name is that of a secret, whatever the run's environment has under it. */
  isSecret(name: string): boolean;
  /** Whether a value of the run's environment has a secret in it. */
  holdsSecret(value: string): boolean;
}

/** Source is a YAML file that was read: its plain value, and the way back from a path to a line. */
export interface Source {
  /**
   * Maps, lists, strings, numbers, booleans and null; references are replaced. What is made from a secret, or from what
   * is not set, is a SecretText.
   */
  value: unknown;
  /** locate returns the place of `path`, or of the nearest thing around it that the file has. */
  locate(path: Path): Location;
  /** locateKey returns the place of the last key of `path` instead of that of its value. */
  locateKey(path: Path): Location;
  /** has tells whether the file has something at `path`, be it by an anchor or a merge key. */
  has(path: Path): boolean;
  /**
   * spelled returns a path as the file writes it, which may use a short form: it ends where the file has a single value,
   * and goes by the index into a list of `KEY=value`.
   */
  spelled(path: Path): Path;
  /** written returns the text at `path` with its references as they are in the file; undefined where there is no text. */
  written(path: Path): string | undefined;
  /** References that are none. What they stand in is a SecretText that is wrong everywhere. */
  errors: readonly UserError[];
}

/** A YAML file as it is written, with its references. */
export interface WrittenSource {
  /** The names under `secrets` at the top of the file and of its environments, and those that their values come from. */
  secrets: ReadonlySet<string>;
  /**
   * replace returns the file with the references replaced in all scalar values (not in keys). It is for one call, and
   * throws UserErrors for aliases and keys that cannot be.
   */
  replace(references: References): Source;
}

/** parseSource parses YAML 1.2 with anchors and merge keys. It throws UserErrors with all syntax errors. */
export function parseSource(text: string, file: string): WrittenSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { merge: true, lineCounter: lines, prettyErrors: false });
  const place = (offset: number): Location => {
    const { line, col } = lines.linePos(offset);
    // An empty file has no line yet.
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  failTogether(
    firstOfLines(
      [...document.errors, ...document.warnings].map((problem) => {
        const location = place(problem.pos[0]);
        const options = { location, ...syntaxHint(problem, text, location.line) };
        return new UserError(syntaxMessage(problem), options);
      }),
    ),
  );
  return {
    secrets: ownSecrets(document),
    replace(references) {
      const { syntax, errors, written } = replaceReferences(document, text, references, place);
      failTogether(syntax);
      return {
        value: plainValue(document, place),
        locate: (path) => place(find(document, path).offset),
        locateKey: (path) => place(find(document, path).keyOffset),
        has: (path) => find(document, path).isComplete,
        spelled: (path) => spelledIn(document, path),
        written: (path) => {
          const { node, isComplete } = find(document, path);
          if (!isComplete || !isScalar(node)) return undefined;
          return written.get(node) ?? (typeof node.value === 'string' ? node.value : undefined);
        },
        errors,
      };
    },
  };
}

function syntaxMessage(problem: { code: string; message: string }): string {
  if (problem.code === 'MULTIPLE_DOCS') return 'the file holds more than one YAML document';
  if (problem.code === 'DUPLICATE_KEY') return 'the key is there twice in one map';
  return `YAML: ${problem.message}`;
}

/** firstOfLines leaves out what follows from an earlier mistake of the same line. */
function firstOfLines(errors: readonly UserError[]): UserError[] {
  const lineOf = ({ location }: UserError) => location?.line;
  return errors.filter((one, index) => errors.findIndex((other) => lineOf(other) === lineOf(one)) === index);
}

/** Braces end a plain scalar inside `{ … }` and `[ … ]`: the usual reason why a reference is no YAML. */
function syntaxHint({ code }: { code: string }, text: string, line: number): { hint?: string } {
  if (code === 'TAG_RESOLVE_FAILED') {
    return {
      hint: 'Tags such as !reset are not read. What an environment says replaces lists and values, and goes into maps: configs: [] takes all away.',
    };
  }
  const isReference = text.split(/\r?\n/)[line - 1]?.includes('${') ?? false;
  return isReference
    ? { hint: 'Put references in quotes when they stand inside { } or [ ]: "${NAME}".' }
    : {};
}

/** ownSecrets returns the names under `secrets` at the top of a file, and of its environments, and where they come from. */
function ownSecrets(document: Document): Set<string> {
  const membersOf = (node: unknown): [string, unknown][] => {
    const map = resolved(document, node as Node | null);
    if (!isMap(map)) return [];
    // A key that is no scalar names nothing, and is told of elsewhere.
    return map.items.flatMap(({ key, value }) => (isScalar(key) ? [[String(key.value), value]] : []));
  };
  const under = (node: unknown, name: string): [string, unknown][] =>
    membersOf(membersOf(node).find(([key]) => key === name)?.[1]);
  const { contents } = document;
  const definitions = [
    ...under(contents, 'secrets'),
    ...under(contents, 'environments').flatMap(([, environment]) => under(environment, 'secrets')),
  ];
  return new Set(
    definitions.flatMap(([name, definition]) => {
      const from = membersOf(definition).filter(([key]) => key === 'environment' || key === 'name');
      return [name, ...from.map(([, value]) => String(isScalar(value) ? value.value : ''))];
    }),
  );
}

/**
 * replaceReferences checks aliases and keys, and interpolates the scalars in place. What was interpolated stays text, as in Compose:
 * the place it stands at decides whether it is read as a number. A number that does not print as it is
 * written (1.10, 0x10, 12345678901234567890) stays text for the same reason: no digit is lost. So does True. What had
 * references is handed back as it was written.
 */
function replaceReferences(
  document: Document,
  text: string,
  references: References,
  place: (offset: number) => Location,
): { syntax: UserError[]; errors: UserError[]; written: ReadonlyMap<Node, string> } {
  const syntax: UserError[] = [];
  const errors: UserError[] = [];
  const texts = new Map<Node, string>();
  visit(document, {
    Alias(_key, node, ancestors) {
      const target = node.resolve(document);
      if (target !== undefined && !ancestors.includes(target)) return;
      const problem =
        target === undefined ? 'there is no anchor before this:' : 'this is inside its own anchor:';
      const location = place(node.range?.[0] ?? 0);
      syntax.push(new UserError(`YAML: ${problem} ${node.source}`, { location }));
    },
    Scalar(key, node) {
      if (key === 'key') {
        // JavaScript gives this name a meaning of its own, so that a map would lose it without a word.
        if (node.value !== '__proto__') return;
        syntax.push(
          new UserError('no key can be named __proto__', { location: place(node.range?.[0] ?? 0) }),
        );
        return;
      }
      const isPlain = typeof node.value === 'number' || typeof node.value === 'boolean';
      if (isPlain && node.source !== undefined && String(node.value) !== node.source) {
        node.value = node.source;
      }
      if (typeof node.value !== 'string' || !node.value.includes('$')) return;
      const written = node.value;
      texts.set(node, written);
      const [start, end] = node.range ?? [0, 0];
      const locate = (reference: string): Location =>
        place(start + Math.max(0, text.slice(start, end).indexOf(reference)));
      try {
        node.value = replaced(written, references, locate);
      } catch (error) {
        if (!(error instanceof InterpolationError)) throw error;
        const missing = placed(error, locate(error.reference));
        node.value = new SecretText(written, { missing, locate });
        errors.push(missing);
      }
    },
  });
  return { syntax, errors, written: texts };
}

/** replaced returns a text with its references replaced, or what stands for it where that has to wait. */
function replaced(
  text: string,
  { variables, isSecret, holdsSecret }: References,
  locate: (reference: string) => Location,
): string | SecretText {
  const names = new Set<string>();
  const plain = lookupIn(variables);
  const lookup = (name: string): string | undefined => {
    const value = isSecret(name) ? undefined : plain(name);
    if (!isSecret(name) && (value === undefined || !holdsSecret(value))) return value;
    names.add(name);
    return 'secret';
  };
  try {
    const value = interpolateWith(text, lookup);
    return names.size === 0 ? value : new SecretText(text, { names: [...names], locate });
  } catch (error) {
    if (!(error instanceof InterpolationError) || !error.isMissing) throw error;
    const missing = placed(error, locate(error.reference));
    return new SecretText(text, { names: [...names], missing, locate });
  }
}

/** plainValue turns what can still go wrong after parsing, an alias that explodes, into a UserError. */
function plainValue(document: Document, place: (offset: number) => Location): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new UserError(`YAML: ${messageOf(error)}`, { location: place(0), cause: error });
  }
}

/**
 * find walks down `path`. A scalar's place is its own; that of a block is its key, where a reader looks
 * for it. `isComplete` is false when the file ends before the path does.
 */
function find(
  document: Document,
  path: Path,
): { offset: number; keyOffset: number; isComplete: boolean; node?: Node | null | undefined } {
  let offset = startOf(document.contents) ?? 0;
  let keyOffset = offset;
  let node: Node | null = document.contents;
  for (const step of path) {
    const container = resolved(document, node);
    if (isMap(container)) {
      const pair = pairOf(document, container.items, String(step));
      if (pair === undefined) return { offset, keyOffset, isComplete: false };
      node = pair.value as Node | null;
      const ownPlace = isPlaceOfItsOwn(node) ? startOf(node) : undefined;
      keyOffset = startOf(pair.key as Node | null) ?? offset;
      offset = ownPlace ?? keyOffset;
    } else if (isSeq(container)) {
      const at = indexIn(container.items, step);
      if (at === undefined) return { offset, keyOffset, isComplete: false };
      node = container.items[at] as Node | null;
      offset = startOf(node) ?? offset;
      keyOffset = offset;
    } else return { offset, keyOffset, isComplete: false };
  }
  return { offset, keyOffset, isComplete: true, node: resolved(document, node) };
}

/** See Source. */
function spelledIn(document: Document, path: Path): Path {
  const spelled: (string | number)[] = [];
  let node: Node | null | undefined = document.contents;
  for (const [index, step] of path.entries()) {
    const container = resolved(document, node ?? null);
    if (isScalar(container) && container.value !== null) return spelled;
    if (isSeq(container)) {
      const at = indexIn(container.items, step);
      if (at === undefined) return [...spelled, ...path.slice(index)];
      spelled.push(at);
      node = container.items[at] as Node | null;
    } else {
      spelled.push(step);
      const pair = isMap(container) ? pairOf(document, container.items, String(step)) : undefined;
      node = pair?.value as Node | null | undefined;
    }
  }
  return spelled;
}

/** indexIn returns where a member of a list is: at its index, or of a list of `KEY=value` the last one of that key. */
function indexIn(items: readonly unknown[], step: string | number): number | undefined {
  if (typeof step === 'number') return step in items ? step : undefined;
  const at = items.findLastIndex((item) => isScalar(item) && nameOf(item.value) === step);
  return at === -1 ? undefined : at;
}

/** The name in `KEY=value`, also in one that is made from a secret. */
function nameOf(value: unknown): string {
  return String(value).split('=', 1)[0] ?? '';
}

function isPlaceOfItsOwn(node: Node | null): boolean {
  return (
    isAlias(node) || (isScalar(node) && node.value !== null) || (isCollection(node) && node.flow === true)
  );
}

function startOf(node: Node | null | undefined): number | undefined {
  return node?.range?.[0];
}

function resolved(document: Document, node: Node | null): Node | null | undefined {
  return isAlias(node) ? node.resolve(document) : node;
}

/** pairOf finds a key among `items`, else in what they merge with `<<`, where the first one wins. */
function pairOf(document: Document, items: readonly unknown[], key: string): Pair | undefined {
  const pairs = items.filter(isPair);
  const own = pairs.find((pair) => isScalar(pair.key) && String(pair.key.value) === key);
  if (own !== undefined) return own;
  for (const merge of pairs.filter((pair) => isScalar(pair.key) && pair.key.source === '<<')) {
    const value = resolved(document, merge.value as Node | null);
    for (const source of isSeq(value) ? value.items : [value]) {
      const map = resolved(document, source as Node | null);
      const found = isMap(map) ? pairOf(document, map.items, key) : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
