import { scopeName } from '../../model/names.ts';
import { domainsOf, type EnvironmentSpec } from '../../model/spec.ts';
import { readInstalled } from '../../nginx/certificates.ts';
import { certificateFile, tlsDomains, tlsOf } from '../../nginx/tls.ts';
import type { CertificateFactsOfRun } from '../planning/certificate-facts.ts';
import { isFromAuthority, originOf } from '../planning/certificate-plan.ts';
import type { ObservedServer } from '../planning/observed.ts';

/** Asks a CA when it wants a certificate to be renewed. */
export type AskRenewal = (pem: string) => Promise<number | undefined>;

/**
 * renewalsOf asks the CA about each certificate of an environment that it has issued, once for all servers, and returns
 * what it answers by serial. A CA that says nothing leaves it to the lifetimes.
 */
export async function renewalsOf(
  { project, environment, nginx: { tls }, services }: EnvironmentSpec,
  observed: readonly Pick<ObservedServer, 'edge'>[],
  ask: AskRenewal,
): Promise<CertificateFactsOfRun['renewAt']> {
  if (tls === undefined) return new Map();
  const scope = scopeName({ project, environment });
  const domains = services.flatMap(({ route }) => domainsOf(route));
  const installed = tlsDomains(domains, tls).flatMap((domain) => {
    const own = tlsOf(tls, domain)!;
    if (!isFromAuthority(own.mode)) return [];
    return observed.flatMap(({ edge }) => {
      const found = readInstalled(edge?.tree.certificates.get(certificateFile(scope, domain)) ?? '');
      return found?.origin === originOf(own, tls.acme) ? [found] : [];
    });
  });
  const each = new Map(installed.map((one) => [one.serial, one]));
  const answers = await Promise.all(
    [...each].map(async ([serial, { chain }]) => [serial, await ask(chain)] as const),
  );
  return new Map(answers.flatMap(([serial, at]) => (at === undefined ? [] : [[serial, at] as const])));
}
