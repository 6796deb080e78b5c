import { Resolver } from 'node:dns/promises';
import { type Clock, inTime } from '../model/clock.ts';

/** NameLookup is where DNS has a name lead. */
export type NameLookup =
  | { seen: 'addresses'; addresses: string[] }
  /** Nobody gets there: not even a CA that looks. */
  | { seen: 'nothing'; why: 'there is no such name' | 'the name has no address' }
  /** What asks DNS here was not answered; others may be. */
  | { seen: 'unknown'; why: string };

/** DnsClient asks one name server, or those of this machine; it rejects with the codes of node:dns. */
export type DnsClient = Pick<Resolver, 'resolve4' | 'resolve6' | 'resolveCname' | 'resolveNs'>;

/** What is given to a lookup in place of what asks the world. */
export interface LookupMeans {
  clock: Clock;
  /** dnsAt returns what asks the name servers with these addresses; undefined is those of this machine. */
  dnsAt?: (addresses: readonly string[] | undefined) => DnsClient;
}

/** All that a lookup may take: what comes after it does without. */
const LOOKUP_MS = 8_000;
const TRY_MS = 1_500;

/**
 * lookUpName says where DNS has a name lead. That there is nothing is believed only when the name servers of its own zone
 * say so, or none of them can be asked: what this machine's name server remembers may be an hour old. It never throws.
 */
export async function lookUpName(name: string, { clock, dnsAt = realDns }: LookupMeans): Promise<NameLookup> {
  const late: NameLookup = { seen: 'unknown', why: `no answer within ${LOOKUP_MS / 1000} s` };
  return await inTime(clock, lookUpEverywhere(name, dnsAt), LOOKUP_MS, late);
}

type DnsAt = NonNullable<LookupMeans['dnsAt']>;

async function lookUpEverywhere(name: string, dnsAt: DnsAt): Promise<NameLookup> {
  const here = dnsAt(undefined);
  const seen = await ask(here, name);
  if (seen.seen !== 'nothing') return seen;
  const own = await zoneServers(here, name);
  if (own.length === 0) return seen;
  const zone = dnsAt(own);
  const [alias] = await zone.resolveCname(name).catch(() => []);
  if (alias !== undefined) return await ask(here, alias);
  const said = await ask(zone, name);
  return said.seen === 'unknown' ? seen : said;
}

/** Both kinds of addresses: a CA asks that of IPv6 first, whether anybody listens there or not. */
async function ask(dns: DnsClient, name: string): Promise<NameLookup> {
  const answers = await Promise.allSettled([dns.resolve4(name), dns.resolve6(name)]);
  const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (addresses.length > 0) return { seen: 'addresses', addresses };
  const codes = answers.map((answer) =>
    answer.status === 'rejected' ? ((answer.reason as { code?: string }).code ?? 'no code') : 'ENODATA',
  );
  if (codes.includes('ENOTFOUND')) return { seen: 'nothing', why: 'there is no such name' };
  if (codes.every((code) => code === 'ENODATA')) return { seen: 'nothing', why: 'the name has no address' };
  return { seen: 'unknown', why: codes.find((code) => code !== 'ENODATA')! };
}

/** The addresses of the name servers of the zone that a name is in, as far as they are known. */
async function zoneServers(dns: DnsClient, name: string): Promise<string[]> {
  const labels = name.split('.');
  for (let from = 0; from < labels.length - 1; from++) {
    const servers = await dns.resolveNs(labels.slice(from).join('.')).catch(() => []);
    if (servers.length === 0) continue;
    const addresses = await Promise.all(servers.map((server) => dns.resolve4(server).catch(() => [])));
    return addresses.flat();
  }
  return [];
}

function realDns(addresses: readonly string[] | undefined): DnsClient {
  const resolver = new Resolver({ timeout: TRY_MS, tries: 2 });
  if (addresses !== undefined) resolver.setServers(addresses);
  return resolver;
}
