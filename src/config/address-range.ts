import { isIP } from 'node:net';

/** isAddressRange tells whether a text in lower case is an address, or a range such as `10.0.0.0/8`, of IPv4 or IPv6. */
export function isAddressRange(text: string): boolean {
  const [, address = '', bits] = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  return family !== 0 && (bits === undefined || Number(bits) <= (family === 4 ? 32 : 128));
}
