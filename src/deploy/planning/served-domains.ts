import { type Scope, scopeName } from '../../model/names.ts';
import type { NginxSpec } from '../../model/spec.ts';
import { doorsOf } from './adopted.ts';
import type { ForeignContainer, ObservedServer } from './observed.ts';

/**
 * lostNames returns the names that a front serves on the ports which an edge takes over from it, and that `domains` do not
 * cover, each once. Pure.
 */
export function lostNames(
  front: ForeignContainer,
  edge: Pick<NginxSpec, 'ports'>,
  domains: readonly string[],
): string[] {
  const names = atDoors(front, edge).map(({ name }) => name);
  return [...new Set(names)].filter((name) => !isCovered(name, domains));
}

/** What a front serves on the ports that the edge takes over. */
function atDoors(front: ForeignContainer, edge: Pick<NginxSpec, 'ports'>) {
  const doors = doorsOf(front, edge).map(({ containerPort }) => containerPort);
  return (front.served ?? []).filter(({ port }) => doors.includes(port));
}

/** servedForOthers returns the domains that the edge of a server serves for other environments. */
export function servedForOthers(scope: Scope, { edge }: Pick<ObservedServer, 'edge'>): string[] {
  const scopes = edge?.tree.folders[edge.folder].manifest?.scopes ?? {};
  return Object.entries(scopes)
    .filter(([name]) => name !== scopeName(scope))
    .flatMap(([, { routes }]) => Object.values(routes))
    .flatMap(({ domains }) => domains);
}

/** nginx writes `.example.com` for a domain and all below it; a wildcard covers every name that ends like it, `*` all. */
function isCovered(name: string, domains: readonly string[]): boolean {
  if (domains.includes(name) || domains.includes('*')) return true;
  if (name.startsWith('.')) return isCovered(name.slice(1), domains) && isCovered(`*${name}`, domains);
  return domains.some((domain) => domain.startsWith('*.') && name.endsWith(domain.slice(1)));
}
