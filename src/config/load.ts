import { failTogether, type Location, UserError } from '../model/errors.ts';
import { checkName } from '../model/names.ts';
import { checkoutProblems } from './checkout.ts';
import { exampleHint } from './example-hint.ts';
import { asMap, servicePaths, valueAt, withoutExtensions, withoutPaths } from './file-value.ts';
import type { Variables } from './interpolate.ts';
import { didYouMean, listed } from './nearest.ts';
import { neededByOthers } from './other-environments.ts';
import { type Problem, pathText, problemsOf } from './problems.ts';
import { revealServers } from './reveal-servers.ts';
import { type Config, config } from './schema/config.ts';
import { isMap } from './secret-text.ts';
import { type Path, parseSource, type Source } from './source.ts';
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
  /** spelled returns a path as the file writes it, which may use a short form; see Source. */
  spelled(path: Path): Path;
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
 * leave no doubt what the rest says. Where an `environment` is chosen, what only others need may be missing, and what is
 * handed back has none of those that miss something; it has a mistake where there is no such environment. It throws for
 * what is no YAML, and hands back bad references as well.
 */
export function examineConfig(
  text: string,
  file: string,
  variables: Variables,
  secrets: Secrets = {},
  environment?: string,
): ExaminedConfig {
  const written = parseSource(text, file);
  const holdsSecret = holderOf(secrets);
  const isSecret = (name: string): boolean => written.secrets.has(name) || Object.hasOwn(secrets, name);
  const source = written.replace({ variables, isSecret, holdsSecret });
  const secretValue = (name: string): string | undefined => {
    const value = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
    return value?.trim() === '' ? undefined : value;
  };
  const known = { variables, isSecret, holdsSecret, secretValue };
  const value = revealServers(withoutExtensions(source.value), { ...variables, ...secrets });
  const result = config.safeParse(value);
  const all = problemsIn(value, result.error?.issues ?? [], source, variables);
  const others = neededByOthers(value, environment, all);
  const problems = all.filter((problem) => !others.missing.includes(problem));
  const said =
    all.length === 0
      ? result.data
      : config.safeParse(withoutPaths(value, [...problems.map(({ path }) => path), ...others.left])).data;
  const errors = [
    ...source.errors.filter((error) => problems.every(({ instead }) => instead !== error)),
    ...(environment === undefined ? [] : unknownEnvironment(value, environment, file, source.locate)),
  ];
  const located = problems.map(
    (problem) =>
      problem.error ??
      problemError(problem, problem.isKey ? source.locateKey(problem.path) : source.locate(problem.path)),
  );
  // A name that cannot be is no matter of the schema.
  const isReadable = errors.length === 0 && problems.every(({ isRefused }) => isRefused);
  return {
    loaded: isReadable && said ? loadedConfig(source, file, known, value, said) : undefined,
    errors: inOrder([...new Set([...errors, ...located])]),
  };
}

/** problemsIn returns all that is wrong with a value, each once: what follows from a path that leads astray is not told. */
function problemsIn(
  value: unknown,
  issues: Parameters<typeof problemsOf>[0],
  { written }: Source,
  { GITHUB_WORKSPACE }: Variables,
): Problem[] {
  const astray = checkoutProblems(value, written, GITHUB_WORKSPACE);
  const ofSchema = problemsOf(issues, { valueAt: (path) => valueAt(value, path), exampleAt: exampleHint });
  const isTold = ({ path }: Problem) => astray.some((one) => isAtOrAround(path, one.path));
  return [...nameProblems(value), ...astray, ...ofSchema.filter((problem) => !isTold(problem))];
}

/** isAtOrAround tells whether a path is another one, is below it, or is that of the map or list that it stands in. */
function isAtOrAround(path: Path, other: Path): boolean {
  const shared = Math.min(path.length, other.length);
  return shared >= other.length - 1 && pathText(path.slice(0, shared)) === pathText(other.slice(0, shared));
}

function unknownEnvironment(
  value: unknown,
  name: string,
  file: string,
  locate: Source['locate'],
): UserError[] {
  const { environments } = asMap(value);
  if (!isMap(environments) || Object.hasOwn(environments, name)) return [];
  return [noSuchEnvironment(name, Object.keys(environments), file, locate(['environments']))];
}

/** noSuchEnvironment is the mistake of a name that no environment of the file has. */
export function noSuchEnvironment(
  name: string,
  known: readonly string[],
  file: string,
  location: Location,
): UserError {
  return new UserError(`there is no environment ${JSON.stringify(name)}${didYouMean(name, known)}`, {
    hint: `${file} has ${listed(known)}.`,
    location,
  });
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
    spelled: source.spelled,
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
