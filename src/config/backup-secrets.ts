import { targetSecrets } from '../model/backup-target.ts';
import { failTogether, UserError } from '../model/errors.ts';
import type { ResolvedEnvironment } from './resolve.ts';
import { requireSecret, type SecretSources } from './secrets.ts';

/** What opens the repositories that services are backed up to. */
export interface BackupSecrets {
  /** Values by name. */
  secrets: Record<string, string>;
  /** Lengths of those that are generated, by name: only the servers know their values. */
  needed: Record<string, number>;
}

type Resolved = Pick<ResolvedEnvironment, 'wanted' | 'definitions'>;

/**
 * requireBackupSecrets returns what opens the repositories of services, of all when none are named. It throws a UserError, or
 * UserErrors, for all that are missing or blank.
 */
export function requireBackupSecrets(
  { wanted, definitions }: Resolved,
  services: readonly string[] | undefined,
  sources: SecretSources,
): BackupSecrets {
  const needed = generatedForBackups({ wanted, definitions }, services);
  const errors: UserError[] = [];
  const values = secretsOfBackups(wanted, services)
    .filter((name) => !Object.hasOwn(needed, name))
    .map((name) => {
      try {
        return [name, requireSecret(name, sources, definitions)] as const;
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        errors.push(error);
        return [name, ''] as const;
      }
    });
  failTogether(errors);
  return { secrets: Object.fromEntries(values), needed };
}

/** generatedForBackups returns the lengths of the generated secrets that open repositories of services, by name. Pure. */
export function generatedForBackups(
  { wanted, definitions }: Resolved,
  services: readonly string[] | undefined,
): Record<string, number> {
  return Object.fromEntries(
    secretsOfBackups(wanted, services).flatMap((name) => {
      const { generate } = (Object.hasOwn(definitions, name) ? definitions[name] : undefined) ?? {};
      return generate === undefined ? [] : [[name, generate]];
    }),
  );
}

function secretsOfBackups(
  { services: all }: ResolvedEnvironment['wanted'],
  services: readonly string[] | undefined,
): string[] {
  const names = all.flatMap(({ name, backup }) =>
    backup === undefined || services?.includes(name) === false
      ? []
      : [backup.passwordSecret, ...targetSecrets(backup.to)],
  );
  return [...new Set(names)];
}
