import { CertificateError } from '../../acme/failure.ts';
import { allOrErrors } from '../../fleet/fleet.ts';
import type { RevocationReason } from '../../model/certificate.ts';
import { scopeName } from '../../model/names.ts';
import { forgetRevocation } from '../../nginx/revocations.ts';
import { instanceAt } from './context.ts';
import type { StepKind } from './kind.ts';

/** Having a CA take a certificate back in whose place another one serves. */
export interface RevokeCertificateStep {
  kind: 'revoke certificate';
  domain: string;
  serial: string;
  reason: RevocationReason;
  /** The certificate itself, in PEM. */
  chain: string;
  /** Those that may have a note of it. */
  servers: string[];
}

/**
 * It comes when all servers show another certificate, so that nobody is shown one that was revoked. The note is kept while the
 * CA cannot be asked: the next run does it. What a CA refuses for good would be refused for ever.
 */
export const revokeCertificate: StepKind<RevokeCertificateStep> = {
  mayOutlastLease: () => true,
  describe: ({ domain, serial, reason }) =>
    `revoke the certificate of ${domain} with the serial ${serial} (${reason})`,
  async run({ domain, serial, reason, chain, servers }, context) {
    const { authority, known, nginx, tlsSecrets, clock } = context;
    const { acme } = nginx.tls!;
    if (known.account === undefined) throw new Error('the servers answer for no account');
    const eabKey = acme.eab && tlsSecrets[acme.eab.hmacKey];
    const privateKey = known.replacedKeys.get(serial);
    const forget = async () => {
      const place = { scope: scopeName(context.scope), domain };
      const edges = servers.map((server) => instanceAt(context, server, 'edge'));
      await allOrErrors(edges.map((edge) => forgetRevocation(edge, place, serial, clock)));
    };
    try {
      await authority.revoke({
        acme,
        account: known.account,
        certificate: chain,
        reason,
        ...(eabKey && { eabKey }),
        ...(privateKey && { privateKey }),
      });
    } catch (error) {
      if (error instanceof CertificateError && error.because === 'refused') await forget();
      throw error;
    }
    await forget();
  },
};
