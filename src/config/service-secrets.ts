import type { FileSpec } from '../model/spec.ts';
import type { LoadedConfig } from './load.ts';
import type { SecretDefinition } from './schema/secrets.ts';
import type { ServiceInput } from './schema/service.ts';
import { SecretText } from './secret-text.ts';

/** What tells plain values from secrets, and where those come from. */
export interface Known extends Pick<LoadedConfig, 'variables' | 'isSecret' | 'holdsSecret' | 'secretValue'> {
  definitions: Readonly<Record<string, SecretDefinition>>;
}

/** A secret as the run, or the file, has it under a name. */
export interface NamedSecret {
  secret: string;
  /** Where the service names it, below its own path. */
  place: readonly (string | number)[];
  /** A file may hold anything. */
  encoding?: 'base64';
}

/** What the secrets of a service are made from, by the names that their values are kept under. */
export type SecretParts = Record<string, SecretText | NamedSecret>;

/**
 * variablesOf tells variables whose values may be read by everybody from those that are secrets: made from one, or
 * found among those of the run. One that is found nowhere, and is none of the `others`, is one that was not passed.
 */
export function variablesOf(
  said: NonNullable<ServiceInput['environment']>,
  { variables, isSecret, holdsSecret }: Omit<Known, 'definitions'>,
  others: readonly string[],
): { environment: Record<string, string>; secrets: SecretParts } {
  const environment: Record<string, string> = {};
  const secrets: SecretParts = {};
  for (const [name, value] of Object.entries(said)) {
    const own = Object.hasOwn(variables, name) && !isSecret(name) ? variables[name] : undefined;
    const found = value ?? own;
    if (found instanceof SecretText) secrets[name] = found;
    else if (found !== undefined && holdsSecret(found)) secrets[name] = SecretText.of(found);
    else if (found !== undefined) environment[name] = found;
    else if (isSecret(name) || !others.includes(name)) {
      secrets[name] = { secret: name, place: ['environment', name] };
    }
  }
  return { environment, secrets };
}

/** secretFileKey returns under what name the value of a secret is kept that is a file: no variable has a blank in its own. */
function secretFileKey(source: string): string {
  return `secret ${source}`;
}

/** secretFilesOf returns the files that the secrets of a service become. */
export function secretFilesOf(
  { secrets: said = [] }: ServiceInput,
  { definitions }: Pick<Known, 'definitions'>,
): { files: FileSpec[]; secrets: SecretParts } {
  const secrets: SecretParts = {};
  const files = said.map(({ source, ...file }, index): FileSpec => {
    const key = secretFileKey(source);
    const isFile = Object.hasOwn(definitions, source) && definitions[source]?.file !== undefined;
    const encoding = isFile ? ({ encoding: 'base64' } as const) : {};
    secrets[key] = { secret: source, place: ['secrets', index], ...encoding };
    return { ...file, content: { secret: key, ...encoding } };
  });
  return { files, secrets };
}
