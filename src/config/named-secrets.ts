import type { NamedSecretUse, SecretSource } from '../model/named-secret.ts';
import type { ResolvedEnvironment } from './resolve.ts';
import { SecretText } from './secret-text.ts';

/** namedSecrets returns the secrets that services use and those that are generated, by name. Pure. */
export function namedSecrets({
  secrets,
  definitions,
}: Pick<ResolvedEnvironment, 'secrets' | 'definitions'>): Map<string, NamedSecretUse> {
  const found = new Map<string, NamedSecretUse>();
  const use = (name: string): NamedSecretUse => {
    const known = found.get(name) ?? { from: originOf(definitions, name), services: [] };
    found.set(name, known);
    return known;
  };
  for (const [name, { generate }] of Object.entries(definitions)) if (generate !== undefined) use(name);
  for (const [service, sources] of Object.entries(secrets)) {
    const names = Object.values(sources).flatMap((one) =>
      one instanceof SecretText ? one.names : [one.secret],
    );
    for (const name of new Set(names)) use(name).services.push(service);
  }
  return found;
}

function originOf(definitions: ResolvedEnvironment['definitions'], name: string): SecretSource {
  const { generate, file, isEncrypted } =
    (Object.hasOwn(definitions, name) ? definitions[name] : undefined) ?? {};
  if (generate !== undefined) return 'generated';
  if (file === undefined) return 'run';
  return isEncrypted ? 'encrypted file' : 'file';
}
