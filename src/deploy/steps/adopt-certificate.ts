import { scopeName } from '../../model/names.ts';
import { installCertificate } from '../../nginx/certificates.ts';
import { ADOPTED, readFrontPair } from '../../nginx/front-certificates.ts';
import type { CertificateFiles } from '../../nginx/served-names.ts';
import { instanceAt } from './context.ts';
import type { StepKind } from './kind.ts';

/** Giving the certificate that a front shows for a domain to the edge that comes in its place. */
export interface AdoptCertificateStep {
  kind: 'adopt certificate';
  server: string;
  domain: string;
  /** The front's container. */
  id: string;
  name: string;
  files: CertificateFiles;
}

/** Before a connection goes past the front, so that nobody ever sees another one, or none. */
export const adoptCertificate: StepKind<AdoptCertificateStep> = {
  mayOutlastLease: () => true,
  describe: ({ domain, name, server }) => `take the certificate of ${domain} over from ${name} on ${server}`,
  async run({ server, domain, id, files }, context) {
    const { scope, clock, fleet } = context;
    const pair = await readFrontPair({ server: fleet.server(server), id }, files);
    const edge = instanceAt(context, server, 'edge');
    const facts = { scope: scopeName(scope), domain, origin: ADOPTED };
    await installCertificate(edge, facts, pair, clock);
  },
};
