import { isIP } from 'node:net';
import { UserError } from '../model/errors.ts';
import { listed } from './nearest.ts';

/** A set of addresses that somebody publishes, as it was on a day. */
export interface NamedRanges {
  /** Where it is published. */
  source: string;
  /** The day on which it was looked up, as in `2026-11-29`. */
  asOf: string;
  ranges: readonly string[];
}

/** NAMED_RANGES are the sets that may stand in `trusted_proxies` by their names. */
export const NAMED_RANGES: Readonly<Record<string, NamedRanges>> = {
  cloudflare: {
    source: 'https://www.cloudflare.com/ips/',
    asOf: '2026-11-29',
    ranges: [
      '173.245.48.0/20',
      '103.21.244.0/22',
      '103.22.200.0/22',
      '103.31.4.0/22',
      '141.101.64.0/18',
      '108.162.192.0/18',
      '190.93.240.0/20',
      '188.114.96.0/20',
      '197.234.240.0/22',
      '198.41.128.0/17',
      '162.158.0.0/15',
      '104.16.0.0/13',
      '104.24.0.0/14',
      '172.64.0.0/13',
      '131.0.72.0/22',
      '2400:cb00::/32',
      '2606:4700::/32',
      '2803:f800::/32',
      '2405:b500::/32',
      '2405:8100::/32',
      '2a06:98c0::/29',
      '2c0f:f248::/32',
    ],
  },
};

/**
 * parseTrustedProxies returns the addresses and ranges that a list means, with named sets opened up, in lower case, each
 * once, sorted. It throws for what is none, and for a range that covers everybody.
 */
export function parseTrustedProxies(list: readonly string[]): string[] {
  return [...new Set(list.flatMap((text) => rangesOf(text)))].sort();
}

/** parseAddressRanges is parseTrustedProxies for clients that are let in: the whole world is possible. */
export function parseAddressRanges(list: readonly string[]): string[] {
  return [...new Set(list.flatMap((text) => rangesOf(text, true)))].sort();
}

function rangesOf(text: string, mayBeEverybody = false): readonly string[] {
  const lower = text.toLowerCase();
  if (Object.hasOwn(NAMED_RANGES, lower)) return NAMED_RANGES[lower]!.ranges;
  const [, address = '', bits] = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/.exec(lower) ?? [];
  const family = isIP(address);
  const length = bits === undefined ? undefined : Number(bits);
  if (family === 0 || (length !== undefined && length > (family === 4 ? 32 : 128))) {
    throw new UserError(`${JSON.stringify(text)} is no address, range or known set of them`, {
      hint: `Write 10.0.0.5, 10.0.0.0/8, 2001:db8::/32 or ${listed(Object.keys(NAMED_RANGES))}.`,
    });
  }
  if (length === 0 && !mayBeEverybody) {
    throw new UserError(`${text} is everybody: then a client could write what it likes`, {
      hint: 'Write the addresses of the proxies that stand in front of the servers.',
    });
  }
  return [lower];
}
