import type { RecordedSecret } from '../../model/generated-secret.ts';
import type { NamedSecretUse, SecretSource } from '../../model/named-secret.ts';
import type { EnvironmentState, Release } from '../../model/release.ts';
import { secretNamesOf } from '../../model/spec.ts';
import type { SealedSecrets } from '../../state/sealed-secrets.ts';
import type { Snapshot } from '../../state/snapshot.ts';

/** A service that uses a secret. */
export interface SecretUser {
  service: string;
  /** The number of the values that its release has; 0 where it is not deployed with any. */
  set: number;
  /** Since when releases have these values, as far as they are on record. */
  since?: string;
}

/** What there is to know of a secret: no value, and nothing that one could be guessed from. */
export interface ListedSecret {
  from: SecretSource;
  usedBy: SecretUser[];
  /** Of one that was generated: when, by which run, its length, and the servers that were given it. */
  generated?: RecordedSecret;
  /** Who can open its encrypted copy on the state branch; none where there is none of the value that it has. */
  sealedFor?: string[];
}

/** listSecrets returns the secrets that the file and the record have, by name; no server is asked. */
export async function listSecrets(
  snapshot: Snapshot,
  named: ReadonlyMap<string, NamedSecretUse>,
): Promise<Record<string, ListedSecret>> {
  const services = [...new Set([...named.values()].flatMap((one) => one.services))];
  const users = await Promise.all(
    services.map(
      async (service) =>
        [service, userOf(snapshot.state, service, await snapshot.releases(service))] as const,
    ),
  );
  const { generated_secrets: generated = {} } = snapshot.state;
  const sealed = await snapshot.sealedSecrets();
  const names = [...new Set([...named.keys(), ...Object.keys(generated)])].sort();
  return Object.fromEntries(
    names.map((name) => [name, listed(name, { named, generated, sealed, users: new Map(users) })]),
  );
}

function listed(
  name: string,
  known: {
    named: ReadonlyMap<string, NamedSecretUse>;
    generated: Readonly<Record<string, RecordedSecret>>;
    sealed: SealedSecrets;
    users: ReadonlyMap<string, SecretUser>;
  },
): ListedSecret {
  const use = known.named.get(name);
  const generated = Object.hasOwn(known.generated, name) ? known.generated[name] : undefined;
  const own = Object.hasOwn(known.sealed, name) ? known.sealed[name] : undefined;
  return {
    from: use?.from ?? 'generated',
    usedBy: (use?.services ?? []).map((service) => known.users.get(service)!),
    ...(generated && { generated, sealedFor: own?.id === generated.id ? [...own.recipients] : [] }),
  };
}

/** userOf returns which values a service has, and since when. Pure. */
export function userOf(
  { services }: Pick<EnvironmentState, 'services'>,
  service: string,
  releases: readonly Pick<Release, 'number' | 'container' | 'secrets_version' | 'created_at'>[],
): SecretUser {
  const current = releases.find(({ number }) => number === services[service]?.release);
  if (current === undefined || secretNamesOf(current.container).length === 0) return { service, set: 0 };
  const { secrets_version: set } = current;
  const [first] = releases
    .filter((one) => one.secrets_version === set)
    .map((one) => one.created_at)
    .sort();
  return { service, set, ...(first !== undefined && { since: first }) };
}
