import { lookupIn, type Variables } from './interpolate.ts';
import { isMap, SecretText } from './secret-text.ts';

/** How a server is reached, which is no part of the record. What it is called by is: that must be no secret. */
const WAY: readonly string[] = ['private_ip', 'port', 'user', 'host_key', 'jump'];

/**
 * revealServers returns the value of a file with the secrets put in by which its servers are reached: many keep
 * addresses and logins among their secrets. A host that is the server's name as well stays hidden. Pure.
 */
export function revealServers(file: unknown, values: Variables): unknown {
  return within(file, 'environments', (environments) =>
    each(environments, (environment) =>
      within(
        within(environment, 'user', (user) => revealed(user, values)),
        'servers',
        (servers) =>
          Array.isArray(servers) ? servers.map((server) => revealServer(server, values)) : servers,
      ),
    ),
  );
}

function revealServer(server: unknown, values: Variables): unknown {
  const keys = isMap(server) && server.name !== undefined ? [...WAY, 'host'] : WAY;
  return keys.reduce((said, key) => within(said, key, (value) => revealed(value, values)), server);
}

function revealed(value: unknown, values: Variables): unknown {
  if (value instanceof SecretText) {
    return value.missing === undefined ? value.resolve(lookupIn(values)) : value;
  }
  if (Array.isArray(value)) return value.map((member) => revealed(member, values));
  return each(value, (member) => revealed(member, values));
}

function within(map: unknown, key: string, change: (value: unknown) => unknown): unknown {
  return isMap(map) && Object.hasOwn(map, key) ? { ...map, [key]: change(map[key]) } : map;
}

function each(map: unknown, change: (value: unknown) => unknown): unknown {
  if (!isMap(map)) return map;
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}
