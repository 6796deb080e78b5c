import { asMap, servicePaths, valueAt } from './file-value.ts';
import type { Problem } from './problems.ts';
import { isMap, SecretText } from './secret-text.ts';
import type { Path } from './source.ts';

/** A place in the file that names a file or a folder. */
interface FilePlace {
  path: Path;
  /** A file that is read here, or a source under `volumes`, which is a path of the server unless it is relative. */
  kind: 'file' | 'secret file' | 'volume';
  /** The engine is that of this machine. */
  isLocal: boolean;
}

/** What a path begins with that leads elsewhere than it seems, and what comes after it. */
interface Beginning {
  where: 'checkout' | 'home' | 'runner';
  rest: string;
}

/** References to where the repository was checked out, in all ways of writing them. */
const CHECKOUT = ofVariables(
  'PWD|GITHUB_WORKSPACE|CI_PROJECT_DIR',
  '\\(pwd\\)|\\{\\{\\s*github\\.workspace\\s*\\}\\}',
);
/** References to other folders of the machine that runs the action. */
const RUNNER = ofVariables(
  'HOME|RUNNER_WORKSPACE|RUNNER_TEMP|RUNNER_TOOL_CACHE',
  '\\{\\{\\s*runner\\.\\w+\\s*\\}\\}',
);

/** A home folder, which only a shell would put in. */
const HOME = /^~(?=[/:]|$)/;

function ofVariables(names: string, others: string): RegExp {
  return new RegExp(
    `^\\$(?:(?:${names})(?![A-Za-z0-9_])|\\{(?:${names})(?::?[-?+][^}]*)?\\}|${others})(?=[/:]|$)`,
  );
}

/**
 * checkoutProblems finds paths that point at the checkout, or at another folder of the machine that runs the action, by a
 * variable, by `~` or in full. They look right and are not: below `volumes` they would be paths of the server, and fail
 * when its container starts. `written` returns a text of the file with its references. Pure.
 */
export function checkoutProblems(
  value: unknown,
  written: (path: Path) => string | undefined,
  workspace: string | undefined,
): Problem[] {
  return filePlaces(value).flatMap((place) => {
    const text = written(place.path);
    const plain = valueAt(value, place.path);
    const beginning = text === undefined ? undefined : beginningOf(text, plain, place.kind, workspace);
    if (text === undefined || beginning === undefined) return [];
    const said = sayOf(text, beginning, place);
    const instead = plain instanceof SecretText ? plain.missing : undefined;
    return said === undefined ? [] : [{ path: place.path, ...said, ...(instead && { instead }) }];
  });
}

function beginningOf(
  text: string,
  plain: unknown,
  kind: FilePlace['kind'],
  workspace: string | undefined,
): Beginning | undefined {
  const checkout = CHECKOUT.exec(text)?.[0];
  if (checkout !== undefined) return { where: 'checkout', rest: text.slice(checkout.length) };
  if (kind === 'volume' && typeof plain === 'string' && isBelow(workspace, plain)) {
    return { where: 'checkout', rest: plain.slice(workspace.length) };
  }
  const home = HOME.exec(text)?.[0];
  if (home !== undefined) return { where: 'home', rest: text.slice(home.length) };
  const runner = RUNNER.exec(text)?.[0];
  return runner === undefined ? undefined : { where: 'runner', rest: text.slice(runner.length) };
}

function isBelow(folder: string | undefined, path: string): folder is string {
  if (folder === undefined || folder.length < 2 || !path.startsWith(folder)) return false;
  return /^(?:[/:]|$)/.test(path.slice(folder.length));
}

/** sayOf returns what is said of a path; undefined for one that leads where it should, or that others tell of. */
function sayOf(
  text: string,
  { where, rest }: Beginning,
  { kind, isLocal }: FilePlace,
): Pick<Problem, 'message' | 'hint'> | undefined {
  const isVolume = kind === 'volume';
  const shown = JSON.stringify(isVolume ? text.replace(/:\/.*$/, '') : text);
  const relative = readOnly(`.${rest}`, kind);
  if (where === 'checkout') {
    const message = `${shown} is where the machine that runs the action has the repository`;
    const hint = `Write ${relative}: such a path counts from the folder of this file.`;
    if (!isVolume) return { message, hint };
    return {
      message: `${message}; the server has no such path`,
      hint: `${hint} What is of the repository is delivered to the server, read-only.`,
    };
  }
  const inHome = `${shown} is in a home folder, and no shell puts in which one`;
  if (isVolume && !(isLocal && where === 'runner')) {
    return {
      message:
        where === 'home'
          ? inHome
          : `${shown} is a folder of the machine that runs the action, not of the server`,
      hint: `Write the whole path on the server, a name for a volume (name:/target), or ${relative} for what is in the repository.`,
    };
  }
  if (where !== 'home') return undefined;
  const orOfRunner = kind === 'secret file' ? `, or \${HOME}${rest} for one of the runner` : '';
  return { message: inHome, hint: `Write ${relative} for a file beside this one${orOfRunner}.` };
}

/** readOnly returns a volume in its short form with `ro` among its options; all else as it is. */
function readOnly(text: string, kind: FilePlace['kind']): string {
  const [, mount, options = ''] = /^(.+?:\/[^:]*)(?::(.*))?$/.exec(text) ?? [];
  if (kind !== 'volume' || mount === undefined) return text;
  const others = options.split(',').filter((word) => !['', 'ro', 'rw'].includes(word));
  return `${mount}:${['ro', ...others].join(',')}`;
}

/** filePlaces returns all places of a file where one is named. */
function filePlaces(value: unknown): FilePlace[] {
  const environments = asMap(asMap(value).environments);
  const isLocal = (name: unknown) => asMap(environments[String(name)]).provider === 'local';
  const areAllLocal = Object.keys(environments).every(isLocal);
  const tops: Path[] = [[], ...Object.keys(environments).map((name) => ['environments', name])];
  const named = tops.flatMap((top) =>
    (['configs', 'secrets'] as const).flatMap((group) =>
      Object.keys(asMap(valueAt(value, [...top, group]))).map(
        (name): FilePlace => ({
          path: [...top, group, name, 'file'],
          kind: group === 'secrets' ? 'secret file' : 'file',
          isLocal: false,
        }),
      ),
    ),
  );
  const ofServices = servicePaths(value).flatMap((path) => {
    const where = path[0] === 'environments' ? isLocal(path[1]) : areAllLocal;
    const placesOf = (key: string, below: string, kind: FilePlace['kind']) =>
      entriesAt(value, [...path, key]).map(
        (entry): FilePlace => ({
          path: isMap(valueAt(value, entry)) ? [...entry, below] : entry,
          kind,
          isLocal: where,
        }),
      );
    return [...placesOf('env_file', 'path', 'file'), ...placesOf('volumes', 'source', 'volume')];
  });
  return [...named, ...ofServices].filter(({ path }) => isText(valueAt(value, path)));
}

/** entriesAt returns the paths of the entries of a list, or the path itself of what is none. */
function entriesAt(value: unknown, path: Path): Path[] {
  const said = valueAt(value, path);
  return Array.isArray(said) ? said.map((_entry, index) => [...path, index]) : [path];
}

function isText(value: unknown): boolean {
  return typeof value === 'string' || value instanceof SecretText;
}
