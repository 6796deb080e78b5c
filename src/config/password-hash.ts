import { UserError } from '../model/errors.ts';

/** nginx calculates the hash with each request, on workers that all projects of a server share: 6 took 13 ms on a busy machine, and apr1 one. */
const BCRYPT_COST_MAX = 6;
const HTPASSWD = 'Write what htpasswd -nbB USER PASSWORD prints after the colon, each $ of it twice.';

/**
 * checkPasswordHash returns a hash as htpasswd or openssl write it: one that nginx can check with the libraries of both
 * Alpine and Debian, fast enough for a request. It throws for all others, and never repeats what it was given.
 */
export function checkPasswordHash(hash: string): string {
  const [, cost] = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(hash) ?? [];
  if (cost !== undefined) {
    if (Number(cost) >= 4 && Number(cost) <= BCRYPT_COST_MAX) return hash;
    throw new UserError(`has a hash of cost ${Number(cost)}, and ${BCRYPT_COST_MAX} is the most`, {
      hint: 'nginx calculates it with each request: take htpasswd -B with its own cost of 5.',
    });
  }
  if (/^\$apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}$/.test(hash)) return hash;
  if (/^\$5\$[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{43}$/.test(hash)) return hash;
  if (/^\$6\$[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86}$/.test(hash)) return hash;
  throw new UserError('has no hash of a password that nginx can check', { hint: HTPASSWD });
}

/** checkUserName returns the name of a user. It throws for what cannot stand in a file of htpasswd. */
export function checkUserName(name: string): string {
  if (/^[!-9;-~]{1,255}$/.test(name) && !name.startsWith('#')) return name;
  throw new UserError(`${JSON.stringify(name)} cannot be the name of a user`, {
    hint: 'Use printable ASCII without spaces and colons.',
  });
}

/** parseUsers returns hashes by user from lines of htpasswd; blank ones and comments are left out. It throws for others. */
export function parseUsers(lines: readonly string[]): Record<string, string> {
  const users = new Map<string, string>();
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    if (colon === -1) throw new UserError(`line ${index + 1} has no colon`, { hint: 'Write user:hash.' });
    const name = checkUserName(line.slice(0, colon));
    if (users.has(name)) throw new UserError(`user ${name} is there twice`);
    users.set(name, checkPasswordHash(line.slice(colon + 1).trim()));
  }
  if (users.size === 0) throw new UserError('has no users', { hint: 'Write user:hash.' });
  return Object.fromEntries(users);
}
