import { passwordKey, type ToldConnection, urlKey } from '../model/connection.ts';
import { type ContainerSpec, canonicalJson } from '../model/spec.ts';

/** What a release says of connections, and the values of its secrets. */
export interface Connected {
  container: Pick<ContainerSpec, 'connections'>;
  values: Readonly<Record<string, string>>;
}

/**
 * presentConnections returns the values of a release that comes back, with passwords and addresses as the release that runs
 * has them: a database has one password, which is that of today. Where they are told of other users or databases they
 * stay as they were. Pure.
 */
export function presentConnections(restored: Connected, running: Connected): Record<string, string> {
  const values = { ...restored.values };
  for (const [service, told] of Object.entries(restored.container.connections ?? {})) {
    const now = running.container.connections?.[service];
    const url = running.values[urlKey(service)];
    const password = running.values[passwordKey(service)];
    if (now === undefined || url === undefined || !isSame(told, now)) continue;
    for (const name of [urlKey(service), ...(told.variables ?? [])]) values[name] = url;
    if (password !== undefined) values[passwordKey(service)] = password;
  }
  return values;
}

/** Each release has the address in variables of its own. */
function isSame({ variables: _, ...a }: ToldConnection, { variables: __, ...b }: ToldConnection): boolean {
  return canonicalJson(a) === canonicalJson(b);
}
