import type { OpenEnvironment } from '../deploy/environment.ts';
import { findGenerated, type GeneratedRequest } from '../deploy/observation/generated-secrets.ts';
import type { Clock } from '../model/clock.ts';
import { UserError } from '../model/errors.ts';
import type { Author } from '../model/release.ts';

/** Where the secrets that repositories need come from. */
export interface SecretsRequest {
  /** Values by name; without the generated ones. */
  secrets: Readonly<Record<string, string>>;
  /** The generated ones, where there are any. */
  generated?: Omit<GeneratedRequest, 'complete'>;
  author: Author;
  clock: Clock;
  /** hide keeps a value that was read from a server out of the log. */
  hide(value: string): void;
}

/**
 * repositorySecrets returns the values of the secrets that repositories need, by name: those of the run, and the generated ones
 * as the servers have them, or else as a key of the run opens their encrypted copies. They are kept out of the log. It throws a
 * UserError for one that is lost, and for one that no deploy has made yet: made here, nobody would keep it.
 */
export async function repositorySecrets(
  { secrets, generated, author, clock, hide }: SecretsRequest,
  { wanted, fleet, journal }: OpenEnvironment,
): Promise<Readonly<Record<string, string>>> {
  if (generated === undefined) return secrets;
  const by = { run: author.run, now: clock.now() };
  const settled = await findGenerated(fleet, journal.snapshot, wanted, generated, by);
  const [unmade] = settled.made;
  if (unmade !== undefined) {
    throw new UserError(`secret ${unmade} was not made yet, and backups need it`, {
      hint: 'Deploy once: that makes it, and keeps it on the servers.',
    });
  }
  const found = Object.keys(generated.needed).map(
    (name) => [name, settled.secrets.get(name)!.value] as const,
  );
  for (const [, value] of found) hide(value);
  return { ...secrets, ...Object.fromEntries(found) };
}
