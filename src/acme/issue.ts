import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import type { AcmeAccountKey } from './account.ts';
import type { IssuedCertificate, RenewalWindow } from './certificate.ts';
import type { AcmeDirectory } from './directory.ts';
import type { ChallengeSolver } from './solver.ts';

export type { IssuedCertificate, RenewalWindow } from './certificate.ts';

/** What is asked of an authority. */
export interface CertificateOrder {
  directory: AcmeDirectory;
  account: AcmeAccountKey;
  /** DNS names, wildcards among them where the solver is DNS-01. */
  names: readonly string[];
  solver: ChallengeSolver;
  clock: Clock;
  log?: Log;
  /** PEM of the certificate that this one takes the place of, so that the authority counts it as its renewal. */
  replaces?: string;
}

/** issueCertificate is being written. */
export async function issueCertificate(_order: CertificateOrder): Promise<IssuedCertificate> {
  throw new Error('not there yet');
}

/** renewalWindow is being written. */
export async function renewalWindow(
  _directory: AcmeDirectory,
  _certificatePem: string,
  _clock: Clock,
): Promise<RenewalWindow | undefined> {
  throw new Error('not there yet');
}

/** revokeCertificate is being written. */
export async function revokeCertificate(
  _directory: AcmeDirectory,
  _account: AcmeAccountKey,
  _certificatePem: string,
  _reason?: number,
): Promise<void> {
  throw new Error('not there yet');
}
