import { renewalAt } from '../../model/certificate.ts';
import { scopeName } from '../../model/names.ts';
import { type AcmeSpec, type CertificateMode, type DomainTls, specHash } from '../../model/spec.ts';
import { type InstalledCertificate, installedText, readInstalled } from '../../nginx/certificates.ts';
import { ADOPTED } from '../../nginx/front-certificates.ts';
import { domainsOfRoute, isServedOn, type Route } from '../../nginx/routes.ts';
import { certificateFile, tlsDomains, tlsOf } from '../../nginx/tls.ts';
import type { ShareAccountStep } from '../steps/account.ts';
import type { AdoptCertificateStep } from '../steps/adopt-certificate.ts';
import type { CertifyStep, InstallCertificateStep, RemoveCertificatesStep } from '../steps/certify.ts';
import type { RevokeCertificateStep } from '../steps/revoke.ts';
import { isSelfSigned, offerOf } from './adopted-certificates.ts';
import type { PlanInput } from './input.ts';
import type { ForeignContainer } from './observed.ts';
import { observedOn } from './observed-copies.ts';
import { condemnedOf, planRevocations } from './revocation-plan.ts';

/** What has to be done for the certificates of one domain, and in which order. */
export interface CertificatePlan {
  /** They come first, before their front goes. */
  adopt: AdoptCertificateStep[];
  certify: CertifyStep[];
  install: InstallCertificateStep[];
  /** They come last, when another one serves. */
  revoke: RevokeCertificateStep[];
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

/**
 * planCertificates returns what brings certificates to where `routes` are served over HTTPS, by domain. `leaving` are the
 * fronts that go, by their server: what they show comes along. Pure.
 */
export function planCertificates(
  input: PlanInput,
  routes: readonly Route[],
  leaving: ReadonlyMap<string, ForeignContainer>,
): CertificatePlan[] {
  const { tls } = input.nginx;
  if (tls === undefined || input.removesAll) return [];
  const wanted = new Map<string, string[]>();
  for (const server of input.reached)
    for (const domain of tlsDomains(domainsOn(input, server, routes), tls))
      wanted.set(domain, [...(wanted.get(domain) ?? []), server]);
  return [...wanted].map(([domain, servers]) => planDomain(input, domain, servers, leaving));
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
  const isAsked = certificates.some(
    ({ certify, revoke }) => revoke.length > 0 || certify.some(({ mode }) => isFromAuthority(mode)),
  );
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

function planDomain(
  input: PlanInput,
  domain: string,
  servers: readonly string[],
  leaving: ReadonlyMap<string, ForeignContainer>,
): CertificatePlan {
  const tls = input.nginx.tls!;
  const own = tlsOf(tls, domain)!;
  const origin = originOf(own, tls.acme);
  const standing = servers.flatMap((server) => standingOn(input, server, domain));
  if (own.files !== undefined) return planFiles(input, domain, own.files, servers, standing);
  const ours = standing.filter((one) => one.origin === origin);
  const { forced, obtained } = input.certificates;
  const isForced = forced.includes(domain) && !ours.some(({ serial }) => obtained?.has(serial));
  const condemned = condemnedOf(input, domain, servers, isFromAuthority(own.mode) ? ours : []);
  const revoke = planRevocations(condemned, domain, servers);
  const kept = ours.filter(({ serial }) => !condemned.has(serial));
  const best = isForced ? undefined : bestOf(input, kept, origin);
  if (best !== undefined) {
    const has = (server: string) =>
      standing.some((one) => one.server === server && one.serial === best.serial);
    return { ...NONE, install: copies(best, domain, servers, has), revoke };
  }
  const offered = servers.flatMap((server) => offeredOn(input, server, domain, leaving.get(server)));
  const all = [...offered, ...standing];
  const adopt = offered
    .filter(({ server, hash }) => !standing.some((one) => one.server === server && one.hash === hash))
    .map(({ step }) => step);
  const isBelieved = ({ chain }: Standing) => own.mode === 'self-signed' || !isSelfSigned(chain);
  const source = isForced ? undefined : bestOf(input, all.filter(isBelieved), ADOPTED);
  if (source !== undefined) {
    // Each server keeps what its front has shown, until one for all comes.
    const has = (server: string) =>
      all.some(
        (one) => one.server === server && one.origin === ADOPTED && isGood(input, one) && isBelieved(one),
      );
    return { ...NONE, adopt, install: copies(source, domain, servers, has), revoke };
  }
  if (own.mode === 'dns-01' && input.certificates.given === undefined) return { ...NONE, adopt };
  const certify: CertifyStep = {
    ...{ kind: 'certify', domain, mode: own.mode as CertifyStep['mode'], servers: [...servers] },
    ...reasonOf(input, all, origin),
    ...revokedBy(standing, condemned),
  };
  return {
    adopt,
    certify: [certify],
    install: servers.map((server) => ({ kind: 'install certificate', server, domain })),
    revoke,
  };
}

const NONE: CertificatePlan = { adopt: [], certify: [], install: [], revoke: [] };

/** What shall be revoked of what a new certificate replaces, once each, with a server that has it. */
function revokedBy(
  standing: readonly Standing[],
  condemned: ReturnType<typeof condemnedOf>,
): Pick<CertifyStep, 'revokes'> {
  const found = new Map(
    standing.flatMap(({ serial, server }) => {
      const one = condemned.get(serial);
      return one === undefined ? [] : [[serial, { ...one, server }] as const];
    }),
  );
  return found.size === 0 ? {} : { revokes: [...found.values()] };
}

/** The one that lives longest of those from somewhere that need not be replaced yet. */
function bestOf<T extends Standing>(input: PlanInput, all: readonly T[], origin: string): T | undefined {
  const good = all.filter((one) => one.origin === origin && isGood(input, one));
  return good.sort((a, b) => b.notAfter - a.notAfter)[0];
}

/** What brings a certificate of one server to those that lack it. */
function copies(
  { server: from, origin }: Standing,
  domain: string,
  servers: readonly string[],
  has: (server: string) => boolean,
): InstallCertificateStep[] {
  const told = origin === ADOPTED ? { origin } : {};
  return servers
    .filter((server) => !has(server))
    .map((server) => ({ kind: 'install certificate', server, domain, from, ...told }));
}

/** What a front that goes has for a domain, as it will stand in the edge, and how it gets there. */
function offeredOn(
  { now, nginx }: PlanInput,
  server: string,
  domain: string,
  front: ForeignContainer | undefined,
): (Standing & { step: AdoptCertificateStep })[] {
  const offer = front && offerOf(front, nginx, domain, now);
  if (front === undefined || offer === undefined || 'fault' in offer) return [];
  const { certificate, key, chain } = offer.certificate;
  const { id, name } = front;
  const step = { kind: 'adopt certificate', server, domain, id, name, files: { certificate, key } } as const;
  const found = readInstalled(installedText(ADOPTED, chain));
  return found === undefined ? [] : [{ ...found, server, step }];
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
  if (wanted === undefined) return NONE;
  const hash = specHash(wanted.trim());
  const lacking = servers.filter(
    (server) => !standing.some((one) => one.server === server && one.hash === hash),
  );
  return {
    ...NONE,
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
