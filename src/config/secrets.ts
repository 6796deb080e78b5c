import { failTogether, UserError } from '../model/errors.ts';
import { type Lookup, lookupIn, type Variables } from './interpolate.ts';
import { inOrder, type Locate, originsOf, problemError, type Secrets } from './load.ts';
import { didYouMean } from './nearest.ts';
import type { ResolvedEnvironment } from './resolve.ts';
import { SecretText } from './secret-text.ts';
import type { NamedSecret } from './service-secrets.ts';
import { checkVariableSize } from './variable-size.ts';

/** Toggled off by a called workflow that does not inherit them. */
const PASSING =
  'All are passed by "secrets: ${{ toJSON(secrets) }}" at the action, and by "secrets: inherit" to a called workflow.';

/** What the values of secrets come from. */
export interface SecretSources {
  /** The input `secrets`. */
  given: Secrets;
  /** The run's environment. */
  variables: Variables;
  /** What is in the files that definitions name, by path; one that is not there is missing. */
  files: ReadonlyMap<string, Buffer>;
  /** Why files could not be opened that are encrypted, by path; none unless given. */
  closed?: ReadonlyMap<string, UserError>;
  /** Returns the value of a generated one, by its name and length; nobody knows any unless given. */
  generated?: ((name: string, length: number) => string | undefined) | undefined;
}

type Definitions = ResolvedEnvironment['definitions'];

/**
 * requireSecrets returns the values of the secrets of services, by service and name. It throws a UserError, or
 * UserErrors, for all that are missing or blank: a service that starts without its password fails later and less clearly.
 */
export function requireSecrets(
  { wanted, secrets, definitions }: ResolvedEnvironment,
  services: readonly string[],
  sources: SecretSources,
  locate: Locate,
): Record<string, Record<string, string>> {
  const errors: UserError[] = [];
  const lookup = lookupOf(sources, definitions);
  const variablesOf = (service: string) =>
    wanted.services.find(({ name }) => name === service)?.container.secrets ?? [];
  const required = services.map((service) => {
    const values = Object.entries(secrets[service] ?? {}).map(([name, source]) => {
      try {
        const value =
          source instanceof SecretText
            ? madeValue(source, lookup, sources)
            : namedValue(source, lookup, sources, definitions);
        if (variablesOf(service).includes(name)) checkVariableSize(name, value);
        return [name, value] as const;
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        const { message, hint } = error;
        const path = ['services', service, ...(source instanceof SecretText ? [] : source.place)];
        const location = error.location ?? locate(...originsOf(wanted.environment, path));
        errors.push(problemError({ path: path.slice(0, 2), message, hint }, location));
        return [name, ''] as const;
      }
    });
    return [service, Object.fromEntries(values)] as const;
  });
  failTogether(inOrder(errors));
  return Object.fromEntries(required);
}

/** The values of services' secrets, and what they still wait for. */
export interface SplitSecrets {
  /** By service and name; none where any of them is made from a generated one. */
  secrets: Record<string, Record<string, string>>;
  /** Lengths of the generated secrets that they are made from, by name. */
  needed: Record<string, number>;
  /** complete is requireSecrets with the values of those. */
  complete(generated: Readonly<Record<string, string>>): Record<string, Record<string, string>>;
}

/**
 * splitSecrets is requireSecrets for services of which some may use secrets whose values only the servers know. What else is
 * missing is told at once: it throws what requireSecrets throws.
 */
export function splitSecrets(
  resolved: ResolvedEnvironment,
  services: readonly string[],
  sources: SecretSources,
  locate: Locate,
): SplitSecrets {
  const needed = new Map<string, number>();
  const valuesWith = (generated: SecretSources['generated']) =>
    requireSecrets(resolved, services, { ...sources, generated }, locate);
  const values = valuesWith((name, length) => {
    needed.set(name, length);
    return 'x'.repeat(length);
  });
  return {
    secrets: needed.size === 0 ? values : {},
    needed: Object.fromEntries(needed),
    complete: (generated) => valuesWith((name) => generated[name]),
  };
}

/** requireSecret returns the value of one secret. It throws a UserError where it is missing or blank. */
export function requireSecret(name: string, sources: SecretSources, definitions: Definitions): string {
  return namedValue({ secret: name, place: [] }, lookupOf(sources, definitions), sources, definitions);
}

/** What the file says wins, then a secret of the run, then a variable of the step; a blank secret is none. */
function lookupOf({ given, variables, files, generated }: SecretSources, definitions: Definitions): Lookup {
  const inVariables = lookupIn(variables);
  const inSecrets = lookupIn(given);
  const ofRun = (name: string): string | undefined => {
    return filled(inSecrets(name)) ?? inVariables(name);
  };
  return (name) => {
    const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
    if (definition?.generate !== undefined) return generated?.(name, definition.generate);
    if (definition?.file !== undefined) return filled(files.get(definition.file)?.toString());
    if (definition?.environment !== undefined) return ofRun(definition.environment);
    return ofRun(name) ?? ofRun(githubName(name));
  };
}

function filled(value: string | undefined): string | undefined {
  return value?.trim() === '' ? undefined : value;
}

/** GitHub writes the names of secrets in capitals, and takes no hyphens and dots. */
function githubName(name: string): string {
  return name.toUpperCase().replaceAll(/[^A-Z0-9_]/g, '_');
}

/** namedValue returns the value of a secret of the run or the file. It throws a UserError where there is none. */
function namedValue(
  { secret: name, encoding }: NamedSecret,
  lookup: Lookup,
  { given, files, closed }: SecretSources,
  definitions: Definitions,
): string {
  const { file, environment, generate } =
    (Object.hasOwn(definitions, name) ? definitions[name] : undefined) ?? {};
  const value = lookup(name);
  if (value !== undefined) {
    return encoding === undefined || file === undefined ? value : files.get(file)!.toString(encoding);
  }
  const reason = file === undefined ? undefined : closed?.get(file);
  if (reason !== undefined) {
    throw new UserError(`secret ${name} cannot be had: ${reason.message}`, {
      ...(reason.hint !== undefined && { hint: reason.hint }),
    });
  }
  if (file !== undefined && files.has(file)) {
    throw new UserError(`secret ${name} is blank: there is nothing in the file ${file}`, {
      hint: 'Does the step that makes it have the value?',
    });
  }
  if (file !== undefined) {
    throw new UserError(`secret ${name} is missing: there is no file ${file}`, {
      hint: 'It is looked for on the machine that runs the action, from the folder of the configuration. Does a step before this one make it?',
    });
  }
  if (generate !== undefined) {
    throw new UserError(`secret ${name} is made for services, and is not known here`, {
      hint: 'What HTTPS, lists of users and builds need comes from somewhere else: write file, age or environment.',
    });
  }
  const asked = environment ?? name;
  const isPassed = Object.keys(given).length > 0;
  const problem = [asked, githubName(asked)].some((one) => Object.hasOwn(given, one))
    ? 'is blank'
    : isPassed
      ? `is not set${didYouMean(asked, Object.keys(given))}`
      : 'was not passed: the input secrets is empty';
  throw new UserError(`secret ${asked} ${problem}`, {
    hint: isPassed
      ? `Set it on GitHub ("gh secret set ${githubName(asked)}"); one of an environment needs "environment:" at the job. ${PASSING} What is no secret can stand in the env of the step.`
      : PASSING,
  });
}

/** madeValue returns a text with its references replaced. It throws a UserError for one that leads to nothing. */
function madeValue(text: SecretText, lookup: Lookup, { given }: SecretSources): string {
  try {
    return text.resolve(lookup);
  } catch (error) {
    if (!(error instanceof UserError) || Object.keys(given).length > 0) throw error;
    const { message, hint = '', location } = error;
    throw new UserError(message, {
      hint: `${hint} The input secrets is empty. ${PASSING}`,
      ...(location && { location }),
    });
  }
}
