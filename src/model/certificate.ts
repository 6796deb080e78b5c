import type { X509Certificate } from 'node:crypto';

/** CertificateFacts is what a certificate says of itself. Times are milliseconds since 1970. */
export interface CertificateFacts {
  /** DNS names and addresses that it is for. */
  names: string[];
  notBefore: number;
  notAfter: number;
  /** Hexadecimal, in capitals. */
  serial: string;
  /** The name of who issued it, on one line. */
  issuer: string;
}

/** RenewalWindow is a stretch of time in which a CA wants a certificate to be replaced, in milliseconds since 1970. */
export interface RenewalWindow {
  from: number;
  until: number;
}

/** A certificate is renewed when one of so many parts of its lifetime is left, where its CA says nothing else. */
const PARTS_OF_LIFETIME = 3;

/** certificateFacts returns what a certificate says of itself. Pure. */
export function certificateFacts(certificate: X509Certificate): CertificateFacts {
  const { subjectAltName = '', validFromDate, validToDate, serialNumber, issuer } = certificate;
  return {
    names: [...subjectAltName.matchAll(/(?:DNS|IP Address):([^,"\s]+)/g)].map(([, name = '']) => name),
    notBefore: validFromDate.getTime(),
    notAfter: validToDate.getTime(),
    serial: serialNumber,
    issuer: issuer.split('\n').join(', '),
  };
}

/**
 * renewalAt returns when a certificate is due, in milliseconds since 1970: in the middle of the window that its CA names (RFC
 * 9773 §4.2 lets one choose), else when a third of its lifetime is left. Pure.
 */
export function renewalAt(
  { notBefore, notAfter }: Pick<CertificateFacts, 'notBefore' | 'notAfter'>,
  window?: RenewalWindow,
): number {
  if (window !== undefined) return (window.from + window.until) / 2;
  return notAfter - (notAfter - notBefore) / PARTS_OF_LIFETIME;
}
