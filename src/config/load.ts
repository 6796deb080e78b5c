import { failTogether, type Location, UserError } from '../model/errors.ts';
import { checkName } from '../model/names.ts';
import type { Variables } from './interpolate.ts';
import { type Problem, pathText, problemsOf } from './problems.ts';
import { revealServers } from './reveal-servers.ts';
import { type Config, config } from './schema/config.ts';
import { isMap } from './secret-text.ts';
import { type Path, readSource, type Source } from './source.ts';
import { serviceWarnings } from './warnings.ts';

/** A configuration file that was read and checked key by key; see resolveEnvironment for the rest. */
export interface LoadedConfig {
  /** The file's name as it was given, for messages. */
  file: string;
  config: Config;
  /** The run's environment, which variables without a value are taken from. */
  variables: Variables;
  /** isSecret tells whether a name is that of a secret, be it of the run or of the file. */
  isSecret(name: string): boolean;
  /** holdsSecret tells whether a text has the value of one of the run's secrets in it. */
  holdsSecret(text: string): boolean;
  /** secretValue returns the value of a secret of the run, undefined for what is none, or blank. */
  secretValue(name: string): string | undefined;
  /** locate returns the place of the first of `paths` that the file has, else the nearest around the first. */
  locate: Locate;
  /** has tells whether the file has something at `path`. */
  has(path: Path): boolean;
  /** What is right and probably not meant, as sentences with their places. */
  warnings: readonly string[];
}

/** Values of secrets by name. */
export type Secrets = Readonly<Record<string, string>>;

/** See LoadedConfig. */
export type Locate = (...paths: [Path, ...Path[]]) => Location;

/**
 * originsOf returns the two places that a key of a service may come from, in the order in which they win:
 * the environment, then the file's own services. `path` begins with `services` and the service's name.
 */
export function originsOf(environment: string, path: Path): [Path, Path] {
  return [['environments', environment, ...path], path];
}

/** What could be read of a file, and every mistake in its keys. */
export interface ExaminedConfig {
  /** Undefined where a mistake leaves open what the file says. */
  loaded: LoadedConfig | undefined;
  errors: readonly UserError[];
}

/**
 * loadConfig parses the text of a configuration file, replaces references to `variables` (the run's
 * environment) and checks every key. `secrets` are those of the run, which win over variables of the same name: what is
 * made from them is marked, and put in later. `file` is its name for messages. It throws a UserError, or UserErrors
 * with all mistakes of the file at once, each with its place, its path, and for an unknown key the nearest
 * known one. What only holds for one environment is checked by resolveEnvironment.
 */
export function loadConfig(
  text: string,
  file: string,
  variables: Variables,
  secrets: Secrets = {},
): LoadedConfig {
  const { loaded, errors } = examineConfig(text, file, variables, secrets);
  failTogether(errors);
  return loaded as LoadedConfig;
}

/**
 * examineConfig is loadConfig that hands back the mistakes, so that more can be told beside them: keys that are refused
 * leave no doubt what the rest says. It throws for what is no YAML, and hands back bad references as well.
 */
export function examineConfig(
  text: string,
  file: string,
  variables: Variables,
  secrets: Secrets = {},
): ExaminedConfig {
  const holdsSecret = holderOf(secrets);
  let isSecret = (name: string): boolean => Object.hasOwn(secrets, name);
  const source = readSource(text, file, (own) => {
    isSecret = (name) => own.has(name) || Object.hasOwn(secrets, name);
    return { variables, isSecret, holdsSecret };
  });
  const secretValue = (name: string): string | undefined => {
    const value = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
    return value?.trim() === '' ? undefined : value;
  };
  const known = { variables, isSecret, holdsSecret, secretValue };
  const value = revealServers(withoutExtensions(source.value), { ...variables, ...secrets });
  const result = config.safeParse(value);
  const problems = [
    ...nameProblems(value),
    ...problemsOf(result.error?.issues ?? [], (path) => valueAt(value, path)),
  ];
  const located = problems.map(
    (problem) =>
      problem.error ??
      problemError(problem, problem.isKey ? source.locateKey(problem.path) : source.locate(problem.path)),
  );
  const isClear = problems.length > 0 && problems.every(({ isRefused }) => isRefused);
  const said = isClear ? config.safeParse(withoutPaths(value, problems)).data : result.data;
  // A name that cannot be is no matter of the schema.
  const isReadable = source.errors.length === 0 && (isClear || problems.length === 0);
  return {
    loaded: isReadable && said ? loadedConfig(source, file, known, value, said) : undefined,
    errors: inOrder([...new Set([...source.errors, ...located])]),
  };
}

function loadedConfig(
  source: Source,
  file: string,
  known: Pick<LoadedConfig, 'variables' | 'isSecret' | 'holdsSecret' | 'secretValue'>,
  value: unknown,
  said: Config,
): LoadedConfig {
  return {
    file,
    config: said,
    ...known,
    locate: locator(source),
    has: source.has,
    warnings: servicePaths(value)
      .flatMap((path) => serviceWarnings(path, valueAt(value, path)))
      .map(({ path, message }) => {
        const { line } = source.locate(path);
        return `${file}:${line}: ${pathText(path)}: ${message}`;
      }),
  };
}

/** A shorter value is in many texts by chance, and so is a word: `production`, or the name of an account. */
const SHORTEST_FOUND = 8;
const WORD = /^[a-z]+(-[a-z]+)*$/;

/** Whoever puts a secret into the env of the step, alone or in a text, has made no less a secret of it. */
function holderOf(secrets: Secrets): (text: string) => boolean {
  const values = Object.values(secrets)
    .map((value) => value.trim())
    .filter((value) => value.length >= SHORTEST_FOUND && !WORD.test(value));
  return (text) => values.some((value) => text.includes(value));
}

/** problemError makes the error of a problem: its path, its sentence, its hint and its place. */
export function problemError({ path, message, hint }: Problem, location: Location): UserError {
  return new UserError(path.length === 0 ? `the file ${message}` : `${pathText(path)}: ${message}`, {
    location,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** inOrder sorts errors by their place in the file, as a person mends them. */
export function inOrder(errors: readonly UserError[]): UserError[] {
  const place = ({ location }: UserError): number => (location ? location.line * 1e6 + location.column : 0);
  return [...errors].sort((a, b) => place(a) - place(b));
}

function locator(source: Source): Locate {
  return (...paths) => source.locate(paths.find((path) => source.has(path)) ?? paths[0]);
}

/** Names of environments and services, checked apart from the schema so that what they name is checked too. */
function nameProblems(value: unknown): Problem[] {
  const project = asMap(value).project;
  const environments = Object.entries(asMap(asMap(value).environments));
  return [
    ...(typeof project === 'string' ? nameProblem('project', ['project'], project) : []),
    ...environments.flatMap(([name]) => nameProblem('environment', ['environments', name], name)),
    ...servicePaths(value).flatMap((path) => nameProblem('service', path, String(path.at(-1)))),
  ];
}

function nameProblem(kind: Parameters<typeof checkName>[0], path: Path, name: string): Problem[] {
  try {
    checkName(kind, name);
    return [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [{ path, message: error.message, hint: error.hint, isKey: kind !== 'project' }];
  }
}

/** servicePaths returns the path of every service, those of the environments included. */
function servicePaths(value: unknown): Path[] {
  const within = (parent: Path): Path[] =>
    Object.keys(asMap(valueAt(value, parent))).map((name) => [...parent, name]);
  const environments = Object.keys(asMap(asMap(value).environments));
  return [
    ...within(['services']),
    ...environments.flatMap((environment) => within(['environments', environment, 'services'])),
  ];
}

/** Keys below which the names are the user's own, where `x-…` is one like any other. */
const USERS_NAMES: readonly string[] = [
  'services',
  'configs',
  'environments',
  'environment',
  'secrets',
  'labels',
  'annotations',
  'sysctls',
  'options',
  'extra_hosts',
  'storage_opt',
  'headers',
];

/** Keys below which everything is the user's own. */
const USERS_VALUES: readonly string[] = ['json'];

/** withoutExtensions leaves out Compose's extension keys, `x-…`, wherever a key could stand. */
function withoutExtensions(value: unknown, areNamesOurs = true): unknown {
  if (Array.isArray(value)) return value.map((member) => withoutExtensions(member));
  if (!isMap(value)) return value;
  const members = Object.entries(value).filter(([name]) => !areNamesOurs || !name.startsWith('x-'));
  return Object.fromEntries(
    members.map(([name, member]) => [
      name,
      areNamesOurs && USERS_VALUES.includes(name)
        ? member
        : withoutExtensions(member, !(areNamesOurs && USERS_NAMES.includes(name))),
    ]),
  );
}

/** withoutPaths leaves out the keys at the ends of these paths. */
function withoutPaths(value: unknown, problems: readonly { path: Path }[], at: Path = []): unknown {
  const isLeftOut = (path: Path) => problems.some((problem) => pathText(problem.path) === pathText(path));
  if (Array.isArray(value)) {
    return value.map((member, index) => withoutPaths(member, problems, [...at, index]));
  }
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !isLeftOut([...at, name]))
      .map(([name, member]) => [name, withoutPaths(member, problems, [...at, name])]),
  );
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((parent, step) => {
    if (Array.isArray(parent)) return parent[Number(step)];
    return isMap(parent) && Object.hasOwn(parent, step) ? parent[step] : undefined;
  }, value);
}

function asMap(value: unknown): Record<string, unknown> {
  return isMap(value) ? value : {};
}
