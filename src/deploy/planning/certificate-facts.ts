import type { RevocationReason } from '../../model/certificate.ts';

/** What a run knows of certificates beside what the servers have. */
export interface CertificateFactsOfRun {
  /** The certificates of `files`, and lists of users, by the names of their secrets; undefined where the run has no secrets. */
  given: Readonly<Record<string, string>> | undefined;
  /** When the CA wants certificates to be renewed, by serial, in milliseconds since 1970; others by their lifetime. */
  renewAt: ReadonlyMap<string, number>;
  /** Domains for which a new one is wanted whatever there is. */
  forced: readonly string[];
  /** Serials of those that this run has obtained already: it may plan again, and shall replace none of them. */
  obtained?: ReadonlySet<string>;
  /** Domains whose certificates shall be revoked, once others serve in their place. */
  revoke?: { domains: readonly string[]; reason: RevocationReason } | undefined;
}

/** No run knows less. */
export const NO_CERTIFICATE_FACTS: CertificateFactsOfRun = {
  given: undefined,
  renewAt: new Map(),
  forced: [],
};
