import { BlockList, isIP } from 'node:net';

/** One address that load is sent to. */
export interface Target {
  host: string;
  port: number;
}

const ours = new BlockList();
ours.addSubnet('127.0.0.0', 8, 'ipv4');
ours.addSubnet('10.0.0.0', 8, 'ipv4');
ours.addSubnet('172.16.0.0', 12, 'ipv4');
ours.addSubnet('192.168.0.0', 16, 'ipv4');
ours.addAddress('::1', 'ipv6');
ours.addSubnet('fc00::', 7, 'ipv6');

/**
 * requireOwnTargets throws unless there is at least one target and every one is loopback or a private address:
 * a typing mistake must not send load to somebody else's server. Names other than `localhost` are refused too.
 */
export function requireOwnTargets(targets: Target[]): void {
  if (targets.length === 0) throw new Error('Load needs at least one target.');
  for (const { host } of targets) {
    const family = isIP(host);
    const isOurs = host === 'localhost' || (family !== 0 && ours.check(host, family === 6 ? 'ipv6' : 'ipv4'));
    if (!isOurs) throw new Error(`Load goes to loopback and private addresses only, not to ${host}.`);
  }
}

/** nameOf writes a target as `host:port`. */
export function nameOf({ host, port }: Target): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
