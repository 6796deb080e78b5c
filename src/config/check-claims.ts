import {
  covers,
  hostOfAddress,
  isBelow,
  pathOfAddress,
  type Redirect,
  takesName,
  targetOf,
} from '../model/addresses.ts';
import type { ServiceSpec } from '../model/spec.ts';
import { findCycles } from './dependencies.ts';

/** An address that somebody has at the edge. */
interface Claim {
  address: string;
  service: string;
  /** Where it stands in the file, below the service. */
  path: readonly (string | number)[];
  /** Who has it, in words. */
  owner: string;
  redirect?: Redirect;
}

/** CheckReport is told of a mistake in a service. */
type CheckReport = (
  service: string,
  path: readonly (string | number)[],
  message: string,
  hint?: string,
) => void;

/**
 * checkClaims reports addresses that two have, services or redirects of an environment, and redirects that may lead in a
 * circle.
 */
export function checkClaims(services: readonly ServiceSpec[], report: CheckReport): void {
  const claims = services.flatMap(claimsOfService);
  const owners = new Map<string, string>();
  for (const { address, service, path, owner } of claims) {
    const other = owners.get(address);
    if (other !== undefined)
      report(service, path, `domain ${address} belongs to both "${other}" and "${owner}"`);
    owners.set(address, owner);
  }
  checkCircles(claims, report);
}

function claimsOfService({ name, route }: ServiceSpec): Claim[] {
  const ofMain = route.domains.map((address) => ({ address, path: ['domain'], owner: name }));
  const ofPorts = Object.entries(route.extraDomains ?? {}).flatMap(([port, domains]) =>
    domains.map((address) => ({
      address,
      path: ['extra_ports', port, 'domain'],
      owner: `${name} (port ${port})`,
    })),
  );
  const ofRedirects = (route.redirects ?? []).map((redirect, index) => ({
    address: redirect.from,
    path: ['redirects', index, 'from'],
    owner: `${name} (redirect)`,
    redirect,
  }));
  return [...ofMain, ...ofPorts, ...ofRedirects].map((claim) => ({ ...claim, service: name }));
}

function checkCircles(claims: readonly Claim[], report: CheckReport): void {
  const redirects = new Map(
    claims.flatMap((claim) =>
      claim.redirect === undefined ? [] : [[claim.address, claim.redirect] as const],
    ),
  );
  const next = new Map(
    [...redirects].map(([from, redirect]) => [
      from,
      reachedBy(redirect, claims).flatMap((one) => (one.redirect === undefined ? [] : [one.address])),
    ]),
  );
  for (const circle of findCycles(next)) {
    const claim = claims.find(({ address, redirect }) => redirect !== undefined && address === circle[0]);
    if (claim === undefined) continue;
    report(
      claim.service,
      claim.path,
      `the redirects may lead in a circle: ${circle.join(' → ')}`,
      'Let it lead to where a service answers, or write keep_path: false where what follows in the path has to be left out.',
    );
  }
}

/** What whoever follows a redirect may come to: the claim that has its target, and those of paths below it. */
function reachedBy(redirect: Redirect, claims: readonly Claim[]): Claim[] {
  const target = targetOf(redirect);
  const host = hostServing(hostOfAddress(target), claims);
  if (host === undefined) return [];
  const here = claims.filter(({ address }) => hostOfAddress(address) === host);
  const at = `${host}${pathOfAddress(target) === '/' ? '' : pathOfAddress(target)}`;
  const above = here.filter(({ address }) => covers(address, at)).sort(byLength)[0];
  const below = redirect.dropsPath
    ? []
    : here.filter((one) => one !== above && isBelow(pathOfAddress(one.address), pathOfAddress(at)));
  return [above, ...below].filter((one) => one !== undefined);
}

function byLength(a: Claim, b: Claim): number {
  return b.address.length - a.address.length;
}

/** The domain of an environment that takes a name: itself, else the longest one with a star. */
function hostServing(name: string, claims: readonly Claim[]): string | undefined {
  const hosts = claims.map(({ address }) => hostOfAddress(address)).filter((host) => takesName(host, name));
  return hosts.includes(name) ? name : hosts.sort((a, b) => b.length - a.length)[0];
}
