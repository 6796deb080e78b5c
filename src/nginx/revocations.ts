import { X509Certificate } from 'node:crypto';
import { isRevocationReason, type RevocationReason } from '../model/certificate.ts';
import type { Clock } from '../model/clock.ts';
import type { NginxInstance } from './instance.ts';
import { certificateFile, REVOCATION_FOLDER } from './tls.ts';

/** PendingRevocation is a certificate that shall be revoked as soon as another one serves in its place. */
export interface PendingRevocation {
  /** Hexadecimal, in capitals. */
  serial: string;
  reason: RevocationReason;
  /** The certificate in PEM, with those that sign it. */
  chain: string;
}

const NOTE = '# to be revoked: ';

/**
 * noteRevocation writes down on a server that a certificate shall be revoked, before another one takes its place: after that
 * nothing else says so, and a run may be cut off.
 */
export async function noteRevocation(
  edge: NginxInstance,
  { scope, domain }: { scope: string; domain: string },
  { serial, reason, chain }: PendingRevocation,
  clock: Clock,
): Promise<void> {
  await edge.store(placeOf(scope, domain, serial), `${NOTE}${reason}\n${chain}`, clock);
}

/** forgetRevocation takes the note away once there is nothing left to do. */
export async function forgetRevocation(
  edge: NginxInstance,
  { scope, domain }: { scope: string; domain: string },
  serial: string,
  clock: Clock,
): Promise<void> {
  await edge.store(placeOf(scope, domain, serial), undefined, clock);
}

/** readRevocations returns what a server has noted for a domain, of all its notes by their names. What is no note is left out. Pure. */
export function readRevocations(
  notes: ReadonlyMap<string, string>,
  scope: string,
  domain: string,
): PendingRevocation[] {
  const begin = `${certificateFile(scope, domain)}.`;
  return [...notes].flatMap(([name, text]) => {
    const [, reason = '', chain = ''] = /^# to be revoked: (.*)\n([\s\S]*)$/.exec(text) ?? [];
    const certificate = name.startsWith(begin) ? read(chain) : undefined;
    if (certificate === undefined || !isRevocationReason(reason)) return [];
    return name === `${begin}${certificate.serialNumber}`
      ? [{ serial: certificate.serialNumber, reason, chain }]
      : [];
  });
}

function placeOf(scope: string, domain: string, serial: string): string {
  return `/${REVOCATION_FOLDER}/${certificateFile(scope, domain)}.${serial}`;
}

function read(chain: string): X509Certificate | undefined {
  try {
    return new X509Certificate(chain);
  } catch {
    return undefined;
  }
}
