import { describe, expect, test } from '@jest/globals';
import { type DnsClient, lookUpName } from '../../../src/acme/name-lookup.ts';
import { systemClock } from '../../../src/model/clock.ts';

/** What a name server says: records of a name by their type, or the code of an error for all of them. */
type Zone = Record<string, { A?: string[]; AAAA?: string[]; CNAME?: string[]; NS?: string[] } | string>;

/** Asks name servers: those of this machine say `here`, and those of the zone `there`. */
function lookUp(name: string, here: Zone, there: Zone = {}) {
  const dnsAt = (addresses: readonly string[] | undefined): DnsClient => {
    const ask = (type: 'A' | 'AAAA' | 'CNAME' | 'NS') => async (asked: string) => {
      const found = (addresses === undefined ? here : there)[asked] ?? 'ENOTFOUND';
      const records = typeof found === 'string' ? undefined : found[type];
      if (records !== undefined) return records as never;
      throw Object.assign(new Error(asked), { code: typeof found === 'string' ? found : 'ENODATA' });
    };
    return { resolve4: ask('A'), resolve6: ask('AAAA'), resolveCname: ask('CNAME'), resolveNs: ask('NS') };
  };
  return lookUpName(name, { clock: systemClock, dnsAt });
}

const ZONE: Zone = { 'example.com': { NS: ['ns.example.net'] }, 'ns.example.net': { A: ['192.0.2.53'] } };
const NAME = 'a.example.com';

describe('where a name leads', () => {
  test('is all of its addresses', async () => {
    const seen = await lookUp(NAME, { [NAME]: { A: ['192.0.2.1'], AAAA: ['2001:db8::1'] } });
    expect(seen).toEqual({ seen: 'addresses', addresses: ['192.0.2.1', '2001:db8::1'] });
  });

  test.each([
    ['ENOTFOUND', {}, { seen: 'nothing', why: 'there is no such name' }],
    ['no records', { [NAME]: {} }, { seen: 'nothing', why: 'the name has no address' }],
    ['ESERVFAIL', { [NAME]: 'ESERVFAIL' }, { seen: 'unknown', why: 'ESERVFAIL' }],
    ['ETIMEOUT', { [NAME]: 'ETIMEOUT' }, { seen: 'unknown', why: 'ETIMEOUT' }],
  ])('is told apart where there is nothing: %s', async (_what, zone, seen) => {
    expect(await lookUp(NAME, zone)).toEqual(seen);
    expect(await lookUp(NAME, { ...ZONE, ...zone }, zone)).toEqual(seen);
  });

  test('is what its zone says where the own name server still remembers that there was nothing', async () => {
    const seen = await lookUp(NAME, ZONE, { [NAME]: { A: ['192.0.2.1'] } });
    expect(seen).toEqual({ seen: 'addresses', addresses: ['192.0.2.1'] });
  });

  test('is nothing where the name servers of its zone are silent', async () => {
    expect(await lookUp(NAME, ZONE, { [NAME]: 'ETIMEOUT' })).toMatchObject({ seen: 'nothing' });
  });

  test('is where its alias leads, which its zone knows and the own name server does not yet', async () => {
    const here = { ...ZONE, 'cdn.example.org': { A: ['198.51.100.1'] } };
    const seen = await lookUp(NAME, here, { [NAME]: { CNAME: ['cdn.example.org'] } });
    expect(seen).toEqual({ seen: 'addresses', addresses: ['198.51.100.1'] });
  });
});
