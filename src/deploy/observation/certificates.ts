import { DEFAULT_EXPIRY, type Urgency, urgencyOf } from '../../model/certificate.ts';
import { scopeName } from '../../model/names.ts';
import { readInstalled } from '../../nginx/certificates.ts';
import type { PlanInput } from '../planning/input.ts';

/** A certificate as status shows it. */
export interface StatusCertificate {
  domain: string;
  /** Where it comes from. */
  origin: string;
  serial: string;
  servers: string[];
  not_after: string;
  /** 0 is less than a day, and below that it has expired. */
  days_left: number;
  /** How near its end is, by what the file says of that. */
  urgency: Urgency;
}

const DAY_MS = 86_400_000;

/** certificatesOf returns the certificates that the edges have for an environment, by domain. Pure. */
export function certificatesOf({
  scope,
  observed,
  nginx,
  now,
}: Pick<PlanInput, 'scope' | 'observed' | 'nginx' | 'now'>): StatusCertificate[] {
  const begin = `${scopeName(scope)}.`;
  const limits = nginx.tls?.expiry ?? DEFAULT_EXPIRY;
  const found = new Map<string, StatusCertificate>();
  for (const { name, edge } of observed) {
    for (const [file, text] of edge?.tree.certificates ?? []) {
      const one = file.startsWith(begin) ? readInstalled(text) : undefined;
      if (one === undefined) continue;
      const known = found.get(`${file} ${one.serial}`) ?? {
        domain: file.slice(begin.length).replace('_', '*'),
        origin: one.origin,
        serial: one.serial,
        servers: [],
        not_after: new Date(one.notAfter).toISOString(),
        days_left: Math.floor((one.notAfter - now.getTime()) / DAY_MS),
        urgency: urgencyOf(one, limits, now.getTime()),
      };
      known.servers.push(name);
      found.set(`${file} ${one.serial}`, known);
    }
  }
  return [...found.values()].sort((a, b) => (a.domain < b.domain ? -1 : 1));
}

/** describeEnd says of a certificate how near its end is: `3 days left (until 2026-12-03)`. Pure. */
export function describeEnd({
  days_left,
  not_after,
}: Pick<StatusCertificate, 'days_left' | 'not_after'>): string {
  const day = not_after.slice(0, 10);
  if (days_left < 0) return `has expired on ${day}`;
  return `${days_left} ${days_left === 1 ? 'day' : 'days'} left (until ${day})`;
}
