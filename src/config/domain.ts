import { UserError } from '../model/errors.ts';
import { isDnsName } from './address.ts';

/** The rule of parseDomain, for error messages. */
const DOMAIN_RULE =
  'A domain is a DNS name such as api.example.com: letters, digits, hyphens and dots. Its first label may be *, and * alone is every name that nobody else has.';

/**
 * parseDomain returns a domain in lower case. A wildcard is allowed as the whole first label, or alone. All
 * else is refused: a domain becomes part of nginx's configuration, where spaces, `;`, `{` or `~` have a
 * meaning. International names are written as DNS has them (`xn--…`).
 */
export function parseDomain(domain: string): string {
  const lower = domain.toLowerCase();
  if (lower === '*') return lower;
  const isWildcard = lower.startsWith('*.');
  const name = isWildcard ? lower.slice(2) : lower;
  if (isDnsName(name) && (!isWildcard || name.includes('.')) && lower.length <= 253) return lower;
  throw new UserError(`${JSON.stringify(domain)} is no domain`, { hint: DOMAIN_RULE });
}
