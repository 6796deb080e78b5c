/**
 * An address is where the edge serves something: a domain, and below it everything or what a path begins with, as
 * `example.com` or `example.com/api`. Of two addresses that fit a request the longer path wins.
 */

/** Statuses by which a browser is sent elsewhere. */
export const REDIRECT_STATUSES = [301, 302, 307, 308] as const;
/** RedirectStatus is one of them. */
export type RedirectStatus = (typeof REDIRECT_STATUSES)[number];

/** Sending whoever comes to an address elsewhere. */
export interface Redirect {
  /** An address. */
  from: string;
  /** `https://example.com/new`, or `/new` on the domain that was asked for. */
  to: string;
  status: RedirectStatus;
  /** Everything goes to `to` itself: what comes after the address, and the query, is left out. */
  dropsPath?: true;
}

/** hostOfAddress returns the domain of an address, which may begin with a star. */
export function hostOfAddress(address: string): string {
  return address.split('/', 1)[0]!;
}

/** pathOfAddress returns the path of an address, `/api`; `/` where it is a domain alone. */
export function pathOfAddress(address: string): string {
  return address.slice(hostOfAddress(address).length) || '/';
}

/** isBelow tells whether a path is another one or stands below it: `/api` and `/api/x` are below `/api`, `/apiary` is not. */
export function isBelow(path: string, above: string): boolean {
  return above === '/' || path === above || path.startsWith(`${above}/`);
}

/** covers tells whether an address has what another one has: the same domain, and the same path or one above it. */
export function covers(above: string, address: string): boolean {
  return (
    hostOfAddress(above) === hostOfAddress(address) && isBelow(pathOfAddress(address), pathOfAddress(above))
  );
}

/** hostsOf returns the domains of addresses, each once. */
export function hostsOf(addresses: readonly string[]): string[] {
  return [...new Set(addresses.map(hostOfAddress))];
}

/** takesName tells whether a domain with a star takes a name: `*.example.com` what ends like it, `*` all. */
export function takesName(domain: string, name: string): boolean {
  return domain === name || domain === '*' || (domain.startsWith('*.') && name.endsWith(domain.slice(1)));
}

/** targetOf returns where a redirect leads, as an address. */
export function targetOf({ from, to }: Pick<Redirect, 'from' | 'to'>): string {
  const [, host = hostOfAddress(from), path = ''] =
    /^(?:https?:\/\/([^/:?#]+)(?::\d+)?)?([^?#]*)/.exec(to) ?? [];
  return `${host}${path.replace(/\/+$/, '')}`;
}
