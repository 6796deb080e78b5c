import { isBelow } from '../model/addresses.ts';
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

/** One part of a path: what no client encodes or decodes on the way (RFC 3986 §2.3), and no dots alone. */
const SEGMENT = /^(?!\.{1,2}$)[A-Za-z0-9._~-]+$/;
const PATH_MAX = 200;
const PATH_RULE =
  'A path is made of letters, digits and - . _ ~ between slashes, as in example.com/api: it takes what begins with it.';
/** What the edge answers itself on every domain. */
const OF_THE_EDGE = ['/.well-known/acme-challenge', '/.well-known/switchyard'];

/**
 * parseAddress returns a domain, or a path below one as `example.com/api`: the domain in lower case, the path without a slash
 * at its end. All else is refused, since both become part of nginx's configuration.
 */
export function parseAddress(address: string): string {
  const [domain = '', ...segments] = address.replace(/\/+$/, '').split('/');
  if (/^https?:$/i.test(domain)) {
    throw new UserError(`${JSON.stringify(address)} is no domain`, {
      hint: 'Write it without https://, and a path behind it where need be: example.com/api.',
    });
  }
  const host = parseDomain(domain);
  if (segments.length === 0) return host;
  const path = `/${segments.join('/')}`;
  if (!segments.every((segment) => SEGMENT.test(segment)) || path.length > PATH_MAX)
    throw new UserError(`${JSON.stringify(path)} is no path that a service can have`, { hint: PATH_RULE });
  const reserved = OF_THE_EDGE.find((one) => isBelow(path, one));
  if (reserved !== undefined) {
    throw new UserError(`${reserved} is answered by the edge itself, on every domain`, {
      hint: 'Choose another path.',
    });
  }
  return `${host}${path}`;
}
