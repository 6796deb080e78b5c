import { BlockList, isIP } from 'node:net';
import { CertificateError } from '../../acme/failure.ts';
import type { NameLookup } from '../../acme/name-lookup.ts';
import { UserError } from '../../model/errors.ts';
import type { ServerSpec } from '../../model/spec.ts';

/** A server, and where DNS has its host lead; an address leads to itself. */
export interface Whereabouts {
  server: Pick<ServerSpec, 'name' | 'host'>;
  addresses: readonly string[];
}

/** ledNowhere returns what a run says of a domain that no CA could find. Pure. */
export function ledNowhere(
  domain: string,
  { why }: Extract<NameLookup, { seen: 'nothing' }>,
  servers: readonly Whereabouts[],
): UserError {
  return new UserError(`${domain} gets no certificate: it leads nowhere, DNS says that ${why}`, {
    hint: `Let it lead to ${describe(servers)} by A or AAAA records, and run again. No CA was asked, since CAs count what fails; what is served over HTTP is served on.`,
  });
}

/**
 * withLead returns what a CA objects to in a domain together with where DNS has that lead, and what to do about it: a name
 * may lead elsewhere on purpose, to what passes requests on. Every other error is returned as it is. Pure.
 */
export function withLead(
  error: unknown,
  domain: string,
  lookup: NameLookup,
  servers: readonly Whereabouts[],
): unknown {
  if (!(error instanceof CertificateError) || error.because !== 'names') return error;
  const { sentence, advice } = judged(domain, lookup, servers);
  return new UserError(`${error.message} ${sentence}`, { hint: `${advice} Then run again.`, cause: error });
}

function judged(domain: string, lookup: NameLookup, servers: readonly Whereabouts[]) {
  const there = describe(servers);
  if (lookup.seen !== 'addresses') {
    return {
      sentence: `DNS, asked from here: ${lookup.why}.`,
      advice: `Let ${domain} lead to ${there} by A or AAAA records.`,
    };
  }
  const own = new Set(servers.flatMap(({ addresses }) => addresses));
  const strange = lookup.addresses.filter((address) => !own.has(address));
  const leads = `DNS has ${domain} lead to ${lookup.addresses.join(', ')}`;
  if (strange.length === 0) {
    return {
      sentence: `${leads}, which is as it should be.`,
      advice: 'Port 80 of these servers has to be reachable for the whole world: look at firewalls.',
    };
  }
  const isPartly = strange.length < lookup.addresses.length;
  return {
    sentence: `${leads}, and the servers are ${there}.`,
    advice: `${isPartly ? `${strange.join(', ')} is none of theirs: let it lead to them alone` : 'Let it lead to them'}; or have what stands before them pass on /.well-known/acme-challenge/ over HTTP, or use dns-01.`,
  };
}

/** A run may know a server by an address that nobody outside has. */
function describe(servers: readonly Whereabouts[]): string {
  return servers
    .map(({ server: { name, host }, addresses }) => {
      const mark = addresses.length > 0 && addresses.every(isPrivate) ? ', by its public address' : '';
      return `${addresses.join(', ') || host} (${name}${mark})`;
    })
    .join(', ');
}

const PRIVATE = new BlockList();
for (const range of ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '127.0.0.0/8', '100.64.0.0/10'])
  PRIVATE.addSubnet(range.split('/')[0]!, Number(range.split('/')[1]), 'ipv4');
PRIVATE.addSubnet('fc00::', 7, 'ipv6');

function isPrivate(address: string): boolean {
  return PRIVATE.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
