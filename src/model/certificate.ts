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

/** Why a certificate is revoked, as CAs number the reasons (RFC 5280 §5.3.1). */
export const REVOCATION_REASONS = { superseded: 4, 'key-compromise': 1, unspecified: 0 } as const;

/** RevocationReason is a word for why. */
export type RevocationReason = keyof typeof REVOCATION_REASONS;

/** isRevocationReason tells whether a word is one of the reasons. */
export function isRevocationReason(word: string): word is RevocationReason {
  return Object.hasOwn(REVOCATION_REASONS, word);
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

/** TimeLeft is how much of a certificate's lifetime is left: the smaller one, where it is said in both ways. */
export interface TimeLeft {
  /** A part of the lifetime: 0.25 is a quarter. */
  share?: number;
  days?: number;
}

/** ExpiryLimits is when people are told that a certificate ends. */
export interface ExpiryLimits {
  /** They are warned when less than this is left. */
  warnBelow: TimeLeft;
  /** What looks at it fails when less than this is left. */
  failBelow: TimeLeft;
}

/**
 * What holds where the file says nothing. Shares, since lifetimes go from six days to fifteen years; and no more than so
 * many days, since nobody wants to hear of a bought certificate for months.
 */
export const DEFAULT_EXPIRY: ExpiryLimits = {
  warnBelow: { share: 0.25, days: 30 },
  failBelow: { share: 0.1, days: 7 },
};

/** Urgency is how near a certificate's end is: `late` is to be warned of, `ending` and `expired` are failures. */
export type Urgency = 'fine' | 'late' | 'ending' | 'expired';

const DAY_MS = 86_400_000;

/**
 * urgencyOf tells how near a certificate's end is. Days count for no more than the third of the lifetime in which it is
 * renewed: one that lives for six days would never be fine. Pure.
 */
export function urgencyOf(
  { notBefore, notAfter }: Pick<CertificateFacts, 'notBefore' | 'notAfter'>,
  { warnBelow, failBelow }: ExpiryLimits,
  now: number,
): Urgency {
  const lifetime = notAfter - notBefore;
  const isBelow = ({ share = 1 / PARTS_OF_LIFETIME, days = Number.POSITIVE_INFINITY }: TimeLeft) =>
    notAfter - now < Math.min(share * lifetime, lifetime / PARTS_OF_LIFETIME, days * DAY_MS);
  if (now >= notAfter) return 'expired';
  if (isBelow(failBelow)) return 'ending';
  return isBelow(warnBelow) ? 'late' : 'fine';
}
