import { UserError } from '../../model/errors.ts';
import { scopeName } from '../../model/names.ts';
import type { InstalledCertificate } from '../../nginx/certificates.ts';
import { type PendingRevocation, readRevocations } from '../../nginx/revocations.ts';
import type { RevokeCertificateStep } from '../steps/revoke.ts';
import type { PlanInput } from './input.ts';
import { observedOn } from './observed-copies.ts';

/**
 * condemnedOf returns the certificates of a domain that shall be revoked, by serial: those that `standing` has of its CA, where
 * this run was asked for it, and those that servers have noted since an earlier run could not do it. It throws a UserError where
 * the run was asked, and there is none. Pure.
 */
export function condemnedOf(
  input: PlanInput,
  domain: string,
  servers: readonly string[],
  standing: readonly InstalledCertificate[],
): Map<string, PendingRevocation> {
  const scope = scopeName(input.scope);
  const noted = servers.flatMap((server) =>
    readRevocations(observedOn(input, server).edge?.tree.revocations ?? new Map(), scope, domain),
  );
  const { revoke, obtained } = input.certificates;
  const asked = revoke?.domains.includes(domain)
    ? standing
        .filter(({ serial }) => !obtained?.has(serial))
        .map(({ serial, chain }) => ({ serial, chain, reason: revoke.reason }))
    : [];
  if (revoke?.domains.includes(domain) && standing.length + noted.length === 0) {
    throw new UserError(
      `${domain} has no certificate that could be revoked: none is from the CA of the file`,
      {
        hint: '"action: list" says where each comes from. What a front has brought along, or somebody has given, is revoked by whoever issued it; "action: issue" brings another one in its place.',
      },
    );
  }
  return new Map([...noted, ...asked].map((one) => [one.serial, one]));
}

/** planRevocations returns what takes certificates back, once another one serves. Pure. */
export function planRevocations(
  condemned: ReadonlyMap<string, PendingRevocation>,
  domain: string,
  servers: readonly string[],
): RevokeCertificateStep[] {
  return [...condemned.values()].map((one) => ({
    kind: 'revoke certificate',
    domain,
    servers: [...servers],
    ...one,
  }));
}
