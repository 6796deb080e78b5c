import { newAccountKey, thumbprintOf } from '../acme/account.ts';
import { readCertificate, selfSigned } from '../acme/certificate.ts';
import { cloudflareSolver } from '../acme/cloudflare.ts';
import type { AcmeDirectory } from '../acme/directory.ts';
import { issueCertificate, renewalWindow, revokeCertificate } from '../acme/issue.ts';
import { lookUpName } from '../acme/name-lookup.ts';
import type { Challenge, ChallengeSolver } from '../acme/solver.ts';
import type { Authority, CertificateOrder } from '../deploy/steps/authority.ts';
import { renewalAt } from '../model/certificate.ts';
import { type Clock, inTime } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import type { AcmeSpec } from '../model/spec.ts';

/** Browsers take no certificate that is valid for longer (CA/Browser Forum, until March 2027). */
const SELF_SIGNED_DAYS = 199;
/** When to renew is asked by every run: it does not wait for a CA that is slow, and goes by the lifetime. */
const RENEWAL_MS = 5_000;

/** acmeAuthority returns what gives certificates in earnest: CAs that speak ACME, and this program for those signed by themselves. */
export function acmeAuthority(clock: Clock, log: Log): Authority {
  return {
    newAccountKey: async () => (await newAccountKey()).privateKey,
    thumbprintOf: (privateKey) => thumbprintOf({ privateKey }),
    selfSigned: async (domain) => await selfSigned([domain], { days: SELF_SIGNED_DAYS, now: clock.now() }),
    lookUp: async (name) => await lookUpName(name, { clock }),
    async issue(order) {
      return await issueCertificate({
        directory: directoryOf(order.acme, order.eabKey),
        account: { privateKey: order.account },
        names: [order.domain],
        solver: solverOf(order, clock, log),
        clock,
        log,
        ...(order.replaces && { replaces: order.replaces }),
      });
    },
    async revoke({ acme, eabKey, account, ...order }) {
      const directory = directoryOf(acme, eabKey);
      await revokeCertificate({ ...order, directory, account: { privateKey: account }, clock });
    },
    async renewalAt(acme, pem) {
      const asked = renewalWindow(directoryOf(acme), pem, clock).catch(() => undefined);
      const window = await inTime(clock, asked, RENEWAL_MS, undefined);
      return window && renewalAt(readCertificate(pem), window);
    },
  };
}

function directoryOf({ url, ca, email, eab, profile }: AcmeSpec, eabKey?: string): AcmeDirectory {
  return {
    url,
    ...(ca && { ca }),
    ...(email && { email }),
    ...(profile && { profile }),
    ...(eab && eabKey && { eab: { keyId: eab.keyId, hmacKey: eabKey } }),
  };
}

function solverOf({ solver, owner }: CertificateOrder, clock: Clock, log: Log): ChallengeSolver {
  if ('cloudflareToken' in solver) {
    return cloudflareSolver({ apiToken: solver.cloudflareToken, owner, clock, log });
  }
  const { http } = solver;
  const plain = (challenges: readonly Challenge[]) =>
    challenges.map(({ token, keyAuthorization }) => ({ token, keyAuthorization }));
  return {
    type: 'http-01',
    present: async (challenges) => await http.present(plain(challenges)),
    // The servers answer every question of a CA, at any time.
    cleanUp: async () => undefined,
  };
}
