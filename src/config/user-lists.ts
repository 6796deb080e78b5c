import { failTogether, UserError } from '../model/errors.ts';
import { parseUsers } from './password-hash.ts';
import type { ResolvedEnvironment } from './resolve.ts';
import { requireSecret, type SecretSources } from './secrets.ts';

/**
 * requireUserLists returns the users of `basic_auth` that come from secrets, as lines of htpasswd, by the names of the
 * secrets. It throws a UserError, or UserErrors, for all that are missing or are no such lines.
 */
export function requireUserLists(
  { wanted, definitions }: Pick<ResolvedEnvironment, 'wanted' | 'definitions'>,
  sources: SecretSources,
): Record<string, string> {
  const names = new Set(wanted.services.flatMap(({ route }) => route.edge?.basicAuthSecret ?? []));
  const errors: UserError[] = [];
  const lists = [...names].map((name) => {
    try {
      return [name, linesOf(name, requireSecret(name, sources, definitions))] as const;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      errors.push(error);
      return [name, ''] as const;
    }
  });
  failTogether(errors);
  return Object.fromEntries(lists);
}

/** What is wrong in it is told without any of it. */
function linesOf(name: string, text: string): string {
  try {
    const users = Object.entries(parseUsers(text.split(/\r?\n/)));
    return users.map(([user, hash]) => `${user}:${hash}\n`).join('');
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const message = error.message.includes('"') ? 'has a name that no user can have' : error.message;
    throw new UserError(`secret ${name} is no list of users: ${message}`, {
      hint: 'Write lines of htpasswd, USER:HASH, into it: bcrypt up to cost 6, apr1, SHA-256 or SHA-512.',
    });
  }
}
