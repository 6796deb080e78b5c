import { isIP } from 'node:net';
import { isAbsolutePath } from '../model/container-path.ts';
import { UserError } from '../model/errors.ts';
import { parseBytes } from './bytes.ts';
import { parseDuration } from './duration.ts';

/** Linux keeps no longer one. */
const HOSTNAME_MAX = 64;

/** parseHostname returns a name that a container has for itself. It throws for what no host can be called. */
export function parseHostname(name: string): string {
  if (name.length <= HOSTNAME_MAX && /^[a-zA-Z0-9](?:[a-zA-Z0-9_.-]*[a-zA-Z0-9])?$/.test(name)) return name;
  throw new UserError(`${JSON.stringify(name)} is no name of a host`, {
    hint: `Use letters, digits, hyphens and dots, at most ${HOSTNAME_MAX}.`,
  });
}

/** parsePlatform returns the platform of an image, `os/architecture` or `os/architecture/variant`. */
export function parsePlatform(text: string): string {
  if (/^[a-z0-9]+\/[a-z0-9_]+(?:\/[a-z0-9]+)?$/.test(text)) return text;
  throw new UserError(`${JSON.stringify(text)} is no platform`, {
    hint: 'Write linux/amd64 or linux/arm64.',
  });
}

/** parseCapability returns a capability of Linux as the engine writes it without `CAP_`: `NET_ADMIN`. */
export function parseCapability(text: string): string {
  const name = text.toUpperCase().replace(/^CAP_/, '');
  if (/^[A-Z][A-Z_]*$/.test(name)) return name;
  throw new UserError(`${JSON.stringify(text)} is no capability`, { hint: 'Write its name: NET_ADMIN.' });
}

/**
 * parseSecurityOption returns an option of the security modules as the engine takes it, with `=`. It throws for a profile
 * of seccomp in a file, which the client of Docker would read, and for modules that there are not.
 */
export function parseSecurityOption(text: string): string {
  const [, name = '', value] = /^([a-z-]+)(?:[:=](.*))?$/s.exec(text) ?? [];
  if (name === 'no-new-privileges') {
    if (value === undefined || value === 'true' || value === 'false')
      return `${name}${value === undefined ? '' : `=${value}`}`;
  } else if (name === 'systempaths' && value === 'unconfined') return `${name}=${value}`;
  else if (name === 'seccomp' && value !== undefined && value !== 'unconfined' && value !== 'builtin') {
    throw new UserError(`the profile ${JSON.stringify(value)} is a file, which the server does not have`, {
      hint: 'Write seccomp:unconfined, or give the engine of the server the profile as its own (seccomp-profile in daemon.json).',
    });
  } else if (['apparmor', 'label', 'seccomp'].includes(name) && value) return `${name}=${value}`;
  throw new UserError(`${JSON.stringify(text)} is no option of a security module`, {
    hint: 'Write no-new-privileges:true, apparmor:…, seccomp:unconfined, label:… or systempaths=unconfined.',
  });
}

/** An entry for `/etc/hosts` as the engine takes it, `name:address`. */
function parseExtraHost(name: string, address: string): string {
  const plain = address.replace(/^\[(.*)\]$/, '$1');
  if (!/^[^\s:=]+$/.test(name) || (plain !== 'host-gateway' && isIP(plain) === 0)) {
    throw new UserError(`${JSON.stringify(`${name}:${address}`)} is no name with an address`, {
      hint: 'Write name:10.0.0.9, or name:host-gateway for the address of the server.',
    });
  }
  return `${name}:${plain}`;
}

/** parseExtraHosts returns all forms of `extra_hosts` as `name:address`: a list, a map, a map of lists. */
export function parseExtraHosts(
  value: readonly string[] | Readonly<Record<string, string | readonly string[]>>,
): string[] {
  if (!isList(value)) {
    return Object.entries(value).flatMap(([name, addresses]) =>
      [addresses].flat().map((address) => parseExtraHost(name, address)),
    );
  }
  return value.map((text) => {
    const [, name = text, address = ''] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
    return parseExtraHost(name, address);
  });
}

/** parseScratch returns the path and the mount options of `/path` or `/path:options`. */
export function parseScratch(text: string): [path: string, options: string] {
  const [, path = '', options = ''] = /^([^:]*)(?::(.*))?$/s.exec(text) ?? [];
  if (isAbsolutePath(path) && path !== '/' && !/\s/.test(options)) return [path, options];
  throw new UserError(`${JSON.stringify(text)} is no place in memory`, {
    hint: 'Write /path, or /path:size=64m,mode=1777.',
  });
}

/** parseExposed returns the ports of `3000`, `3000/udp` or `3000-3005` as the engine writes them: `3000/tcp`. */
export function parseExposed(text: string): string[] {
  const [, from, to = from, protocol = 'tcp'] =
    /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (first >= 1 && last >= first && last <= 65_535) {
    return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol}`);
  }
  throw new UserError(`${JSON.stringify(text)} is no port`, { hint: 'Write 3000, 3000/udp or 3000-3005.' });
}

/** parseDevice returns a device of Compose's short form, `/dev/a[:/dev/b[:rwm]]`, or one by its CDI name. */
export function parseDevice(text: string): { source: string; target?: string; permissions?: string } {
  if (/^[^/:=]+(?:\/[^/:=]+)+=[^/:=]+$/.test(text)) return { source: text };
  const [source = '', second, third, ...rest] = text.split(':');
  const isTarget = second === undefined || second.startsWith('/');
  return checkDevice({
    source,
    target: isTarget ? second : undefined,
    permissions: isTarget ? third : rest.length === 0 && third === undefined ? second : '',
  });
}

/** checkDevice returns the mapping of a device; its place in the container is that on the server unless given. */
export function checkDevice({
  source,
  target = source,
  permissions,
}: {
  source: string;
  target?: string | undefined;
  permissions?: string | undefined;
}): { source: string; target: string; permissions?: string } {
  if (
    isAbsolutePath(source) &&
    isAbsolutePath(target) &&
    (permissions === undefined || /^[rwm]{1,3}$/.test(permissions))
  ) {
    return { source, target, ...(permissions !== undefined && { permissions }) };
  }
  throw new UserError(
    `${JSON.stringify([source, target === source ? undefined : target, permissions].filter(Boolean).join(':'))} is no device`,
    {
      hint: 'Write /dev/a, /dev/a:/dev/b or /dev/a:/dev/b:rwm.',
    },
  );
}

/** parseMicroseconds returns the microseconds of a whole number of them, or of a duration. */
export function parseMicroseconds(value: string | number): number {
  if (/^-?\d+$/.test(String(value))) return Number(value);
  return Math.round(parseDuration(value) * 1000);
}

/** parseBytesOrNoLimit returns the bytes of a size, or -1 for no limit. */
export function parseBytesOrNoLimit(value: string | number): number {
  return String(value) === '-1' ? -1 : parseBytes(value);
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value);
}
