import { X509Certificate } from 'node:crypto';
import { certificateFacts } from '../../model/certificate.ts';
import type { AdoptSpec, NginxSpec } from '../../model/spec.ts';
import type { FrontCertificate } from '../../nginx/front-certificates.ts';
import type { ServedName } from '../../nginx/served-names.ts';
import { doorsOf } from './adopted.ts';
import type { ForeignContainer } from './observed.ts';

/** What a front has for a domain that it serves over HTTPS: a certificate that comes along, or what keeps it from that. */
export type FrontOffer = { certificate: FrontCertificate } | Fault;

/** Why a certificate does not come along, and what to do about it, as sentences. */
interface Fault {
  fault: string;
  advice: string;
}

/** tlsNames returns what a front serves over HTTPS on the ports that an edge takes over, unless the file says that nobody comes. Pure. */
export function tlsNames(
  front: Pick<ForeignContainer, 'published' | 'served'>,
  { adopt }: Pick<NginxSpec, 'adopt'>,
): ServedName[] {
  const dropped = adopt?.drop ?? [];
  const doors = doorsOf(front, { ports: ['443/tcp'] }).filter(({ port }) => !dropped.includes(String(port)));
  return (front.served ?? []).filter(
    ({ isTls, port }) => isTls && doors.some(({ containerPort }) => containerPort === port),
  );
}

/**
 * offerOf returns what a front has for a domain; undefined where nobody finds the domain over HTTPS there. Of several
 * certificates the one counts that it shows for the name, and another one where that cannot come along. Pure.
 */
export function offerOf(
  front: Pick<ForeignContainer, 'name' | 'published' | 'served' | 'certificates'>,
  nginx: { adopt?: AdoptSpec },
  domain: string,
  now: Date,
): FrontOffer | undefined {
  const all = tlsNames(front, nginx);
  const shown = certificatesOf(
    front,
    all.filter(({ name }) => covers(name, domain)),
  );
  const judged = [...shown, ...certificatesOf(front, all)].map((certificate) => ({
    certificate,
    found: faultOf(front.name, certificate, domain, now),
  }));
  const good = judged.find(({ found }) => found === undefined);
  if (good !== undefined) return { certificate: good.certificate };
  // Whoever answers for all names is not asked for this one.
  const isAskedFor = all.some(({ name }) => !isAnyName(name) && covers(name, domain));
  if (!isAskedFor) return undefined;
  return judged[0]?.found ?? unreadable(front.name, `the certificate of ${domain}`);
}

/** isSelfSigned tells whether a certificate, the first of a text in PEM, is one that nobody else has signed. Pure. */
export function isSelfSigned(chain: string): boolean {
  const certificate = new X509Certificate(chain);
  return certificate.issuer === certificate.subject && certificate.verify(certificate.publicKey);
}

function certificatesOf(
  { certificates = [] }: Pick<ForeignContainer, 'certificates'>,
  names: readonly ServedName[],
): FrontCertificate[] {
  return names
    .flatMap((one) => one.certificates ?? [])
    .flatMap(({ certificate, key }) =>
      certificates.filter((one) => one.certificate === certificate && one.key === key),
    );
}

function faultOf(front: string, found: FrontCertificate, domain: string, now: Date): Fault | undefined {
  const { certificate: path, chain, key, keyFault } = found;
  const facts = factsOf(chain);
  if (facts === undefined) return unreadable(front, path);
  const { names, notAfter } = facts;
  if (!names.some((name) => isFor(name, domain))) {
    return {
      fault: `${path} is for ${names.join(', ') || 'no domain'}`,
      advice: `Let ${front} have one for ${domain}, and reload it.`,
    };
  }
  if (notAfter <= now.getTime()) {
    return {
      fault: `${path} has expired on ${new Date(notAfter).toISOString().slice(0, 10)}`,
      advice: `Renew it, and reload ${front}.`,
    };
  }
  if (keyFault === 'encrypted') {
    return {
      fault: `its key ${key} has a passphrase`,
      advice: `Write it without one (openssl pkey -in KEY -out NEW), and let ${front} have that.`,
    };
  }
  return keyFault === undefined ? undefined : unreadable(front, `its key ${key}`);
}

function unreadable(front: string, what: string): Fault {
  return {
    fault: `${what} cannot be read`,
    advice: `It has to be a file in ${front}, under a path without variables.`,
  };
}

function factsOf(chain: string) {
  try {
    return certificateFacts(new X509Certificate(chain));
  } catch {
    return undefined;
  }
}

/** Whether a certificate with this name in it is good for a domain; for the domain `*` any is. */
function isFor(name: string, domain: string): boolean {
  const lower = name.toLowerCase();
  return domain === '*' || lower === domain || lower === domain.replace(/^[^.]+/, '*');
}

function isAnyName(name: string): boolean {
  return name === '_';
}

/** Whether a domain is found under a name as nginx has it; what a pattern finds only nginx knows. */
function covers(name: string, domain: string): boolean {
  if (isAnyName(name) || name === domain) return true;
  if (name.startsWith('.')) return domain === name.slice(1) || domain.endsWith(name);
  return name.startsWith('*.') && domain.endsWith(name.slice(1));
}
