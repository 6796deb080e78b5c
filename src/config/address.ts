import { isIP } from 'node:net';
import { UserError } from '../model/errors.ts';

/** One label of a host name: RFC 1123 §2.1, at most 63 octets. */
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const DNS_NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
/** RFC 1035 §2.3.4: 255 octets on the wire are 253 characters. */
const DNS_NAME_MAX = 253;

/** isDnsName tells whether `name`, in lower case, is a host name of labels, without a dot at its end. */
export function isDnsName(name: string): boolean {
  return name.length <= DNS_NAME_MAX && DNS_NAME.test(name);
}

/** parseHost returns the address of a server in lower case. It throws unless it is an IP or a DNS name. */
export function parseHost(host: string): string {
  const lower = host.toLowerCase();
  if (isDnsName(lower) || isAddress(lower)) return lower;
  throw new UserError(`${JSON.stringify(host)} is neither an IP address nor a DNS name`, {
    hint: 'Write the address alone; user and port have keys of their own.',
  });
}

/** parseServerName returns a server's name as it is. It throws unless it could be a DNS name in lower case. */
export function parseServerName(name: string): string {
  if (isDnsName(name)) return name;
  throw new UserError(`server name ${JSON.stringify(name)} is not allowed`, {
    hint: 'Use lower-case letters, digits, dots and hyphens, with a letter or digit at both ends: web-1.',
  });
}

/**
 * parsePrivateIp returns an IP address in lower case. The unspecified addresses are refused: host ports
 * are bound to this address, and bound to those they would be open to the world.
 */
export function parsePrivateIp(address: string): string {
  const lower = address.toLowerCase();
  if (!isAddress(lower)) {
    throw new UserError(`${JSON.stringify(address)} is no IP address`, {
      hint: 'Write the address that other servers of the zone reach this one by, for example 10.0.0.2.',
    });
  }
  if (/^[0:.]+$/.test(lower)) {
    throw new UserError(`${address} stands for every address of the server, also the public ones`, {
      hint: 'Write the address of the private network.',
    });
  }
  return lower;
}

/** A scope (`fe80::1%eth0`) means something on one machine only. */
function isAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%');
}

/** parseUser returns the name of a login on a server. It throws for what could be read as an option. */
export function parseUser(user: string): string {
  if (/^[a-z_][a-z0-9_.-]{0,31}$/i.test(user)) return user;
  throw new UserError(`${JSON.stringify(user)} is no login name`, {
    hint: 'Use letters, digits, hyphens, dots and underscores, starting with a letter or an underscore.',
  });
}
