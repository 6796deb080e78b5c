import { renewalAt } from '../../model/certificate.ts';
import { scopeName } from '../../model/names.ts';
import { type AcmeSpec, type CertificateMode, type DomainTls, specHash } from '../../model/spec.ts';
import { type InstalledCertificate, readInstalled } from '../../nginx/certificates.ts';
import { domainsOfRoute, isServedOn, type Route } from '../../nginx/routes.ts';
import { certificateFile, tlsDomains, tlsOf } from '../../nginx/tls.ts';
import type { ShareAccountStep } from '../steps/account.ts';
import type { CertifyStep, InstallCertificateStep, RemoveCertificatesStep } from '../steps/certify.ts';
import type { PlanInput } from './input.ts';
import { observedOn } from './observed-copies.ts';

/** What has to be done for the certificates of one domain, and in which order. */
export interface CertificatePlan {
  certify: CertifyStep[];
  install: InstallCertificateStep[];
}

/** A certificate of a server, and where it stands. */
interface Standing extends InstalledCertificate {
  server: string;
}

/** originOf says where a certificate comes from: what came from elsewhere is replaced. */
export function originOf({ mode, files }: DomainTls, { url }: AcmeSpec): string {
  if (mode === 'files') return `files ${files?.certificate ?? ''}`;
  return mode === 'self-signed' ? mode : `acme ${url}`;
}

/** planCertificates returns what brings certificates to where `routes` are served over HTTPS, by domain. Pure. */
export function planCertificates(input: PlanInput, routes: readonly Route[]): CertificatePlan[] {
  const { tls } = input.nginx;
  if (tls === undefined || input.removesAll) return [];
  const wanted = new Map<string, string[]>();
  for (const server of input.reached)
    for (const domain of tlsDomains(domainsOn(input, server, routes), tls))
      wanted.set(domain, [...(wanted.get(domain) ?? []), server]);
  return [...wanted].map(([domain, servers]) => planDomain(input, domain, servers));
}

/**
 * planAccount returns what has servers answer CAs for one account: those of the certificates that are asked for, and those
 * that answer for none, or for another one than the rest. Pure.
 */
export function planAccount(
  input: PlanInput,
  routes: readonly Route[],
  certificates: readonly CertificatePlan[],
): ShareAccountStep[] {
  const { tls } = input.nginx;
  if (tls === undefined || input.removesAll) return [];
  const isAsked = certificates.some(({ certify }) => certify.some(({ mode }) => isFromAuthority(mode)));
  const scope = scopeName(input.scope);
  const modesOn = (server: string) =>
    domainsOn(input, server, routes).flatMap((domain) => tlsOf(tls, domain)?.mode ?? []);
  const answering = input.reached.filter((server) => modesOn(server).includes('http-01'));
  const answers = answering.map((server) => observedOn(input, server).edge?.tree.challengeAnswers.get(scope));
  const isUniform = answers.every((answer) => answer !== undefined && answer === answers[0]);
  if (!isAsked && isUniform) return [];
  const servers = input.reached.filter((server) => modesOn(server).some(isFromAuthority));
  return [{ kind: 'share account', servers }];
}

/** planRemovals returns what takes certificates of domains away that a server does not serve over HTTPS any more. Pure. */
export function planCertificateRemovals(
  input: PlanInput,
  routes: readonly Route[],
): RemoveCertificatesStep[] {
  const scope = scopeName(input.scope);
  return input.reached.flatMap((server): RemoveCertificatesStep[] => {
    const edge = observedOn(input, server).edge;
    if (!edge?.isRunning) return [];
    const served = tlsDomains(domainsOn(input, server, routes), input.nginx.tls);
    const kept = new Set(served.map((domain) => certificateFile(scope, domain)));
    const files = [...edge.tree.certificates.keys()].filter(
      (file) => file.startsWith(`${scope}.`) && !kept.has(file),
    );
    return files.length === 0 ? [] : [{ kind: 'remove certificates', server, files }];
  });
}

function domainsOn({ servers }: PlanInput, server: string, routes: readonly Route[]): string[] {
  const on = servers.find(({ name }) => name === server)!;
  return routes.filter((route) => isServedOn(route, on, servers)).flatMap(domainsOfRoute);
}

function planDomain(input: PlanInput, domain: string, servers: readonly string[]): CertificatePlan {
  const tls = input.nginx.tls!;
  const own = tlsOf(tls, domain)!;
  const origin = originOf(own, tls.acme);
  const standing = servers.flatMap((server) => standingOn(input, server, domain));
  if (own.files !== undefined) return planFiles(input, domain, own.files, servers, standing);
  const good = standing.filter((one) => one.origin === origin && isGood(input, one));
  const best = [...good].sort((a, b) => b.notAfter - a.notAfter)[0];
  if (best !== undefined && !input.certificates.forced.includes(domain)) {
    const install = servers
      .filter((server) => !standing.some((one) => one.server === server && one.serial === best.serial))
      .map(
        (server): InstallCertificateStep => ({
          kind: 'install certificate',
          server,
          domain,
          from: best.server,
        }),
      );
    return { certify: [], install };
  }
  if (own.mode === 'dns-01' && input.certificates.given === undefined) return { certify: [], install: [] };
  const reason = reasonOf(input, standing, origin);
  return {
    certify: [
      { kind: 'certify', domain, mode: own.mode as CertifyStep['mode'], servers: [...servers], ...reason },
    ],
    install: servers.map((server) => ({ kind: 'install certificate', server, domain })),
  };
}

/** What people have given is installed as it is, whatever is in it. */
function planFiles(
  { certificates: { given } }: PlanInput,
  domain: string,
  { certificate }: NonNullable<DomainTls['files']>,
  servers: readonly string[],
  standing: readonly Standing[],
): CertificatePlan {
  const wanted = given?.[certificate];
  if (wanted === undefined) return { certify: [], install: [] };
  const hash = specHash(wanted.trim());
  const lacking = servers.filter(
    (server) => !standing.some((one) => one.server === server && one.hash === hash),
  );
  return {
    certify: [],
    install: lacking.map((server) => ({ kind: 'install certificate', server, domain })),
  };
}

function standingOn(input: PlanInput, server: string, domain: string): Standing[] {
  const text = observedOn(input, server).edge?.tree.certificates.get(
    certificateFile(scopeName(input.scope), domain),
  );
  const found = text === undefined ? undefined : readInstalled(text);
  return found === undefined ? [] : [{ ...found, server }];
}

function isGood({ now, certificates: { renewAt } }: PlanInput, one: Standing): boolean {
  const at = renewAt.get(one.serial) ?? renewalAt(one);
  return now.getTime() < Math.min(at, one.notAfter);
}

const DAY_MS = 86_400_000;

function reasonOf(
  { now }: PlanInput,
  standing: readonly Standing[],
  origin: string,
): Pick<CertifyStep, 'reason' | 'daysLeft' | 'replaces'> {
  const same = standing.filter((one) => one.origin === origin);
  if (standing.length === 0) return { reason: 'issue' };
  if (same.length === 0) return { reason: 'replace' };
  const [last] = same.sort((a, b) => b.notAfter - a.notAfter);
  const daysLeft = Math.max(0, Math.floor((last!.notAfter - now.getTime()) / DAY_MS));
  return { reason: 'renew', daysLeft, replaces: last!.chain };
}

/** isFromAuthority tells whether a mode asks a CA. */
export function isFromAuthority(mode: CertificateMode): boolean {
  return mode === 'http-01' || mode === 'dns-01';
}
