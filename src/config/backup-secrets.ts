import type { BackupSpec } from '../model/backup.ts';
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

type Resolved = Pick<ResolvedEnvironment, 'wanted' | 'definitions' | 'recipients'>;

/**
 * requireBackupSecrets returns what opens the repositories of services, of all when none are named. It throws a UserError, or
 * UserErrors, for all that are missing or blank.
 */
export function requireBackupSecrets(
  resolved: Resolved,
  services: readonly string[] | undefined,
  sources: SecretSources,
): BackupSecrets {
  const { wanted, definitions } = resolved;
  const needed = generatedForBackups(resolved, services);
  const errors: UserError[] = [];
  const all = new Set(backedUp(wanted, services).flatMap(({ backup }) => secretsOf(backup)));
  const names = [...all].filter((name) => !Object.hasOwn(needed, name));
  const values = names.map((name) => {
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

/**
 * generatedForBackups returns the lengths of the generated secrets that open repositories of services, by name. It throws a
 * UserError for one that goes with the servers, where backups shall outlive them. Pure.
 */
export function generatedForBackups(
  { wanted, definitions, recipients }: Resolved,
  services: readonly string[] | undefined,
): Record<string, number> {
  const needed = new Map<string, number>();
  for (const { name: service, backup } of backedUp(wanted, services)) {
    for (const name of secretsOf(backup)) {
      const { generate } = (Object.hasOwn(definitions, name) ? definitions[name] : undefined) ?? {};
      if (generate === undefined) continue;
      if (recipients.length === 0 && backup.to.kind !== 'disk') throw goesWithServers(name, service);
      needed.set(name, generate);
    }
  }
  return Object.fromEntries(needed);
}

function goesWithServers(name: string, service: string): UserError {
  return new UserError(
    `secret ${name} opens the backups of ${service}, and is generated: when all servers are gone nobody has it`,
    {
      hint: 'Write age_recipients, the public keys of those who shall open the backups then. age-keygen makes a pair.',
    },
  );
}

function backedUp(
  { services: all }: ResolvedEnvironment['wanted'],
  services: readonly string[] | undefined,
): { name: string; backup: BackupSpec }[] {
  return all.flatMap(({ name, backup }) =>
    backup === undefined || services?.includes(name) === false ? [] : [{ name, backup }],
  );
}

function secretsOf({ passwordSecret, to }: BackupSpec): string[] {
  return [passwordSecret, ...targetSecrets(to)];
}
