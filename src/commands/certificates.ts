import type { StatusReport } from '../deploy/observation/status.ts';
import { isFromAuthority } from '../deploy/planning/certificate-plan.ts';
import { status as look } from '../deploy/status.ts';
import { UserError } from '../model/errors.ts';
import { domainsOf } from '../model/spec.ts';
import { tlsDomains, tlsOf } from '../nginx/tls.ts';
import { type ChangeResult, change } from './change.ts';
import { type CommandResult, command } from './command.ts';
import { CHANGING, PROJECT } from './inputs.ts';
import { openProject, type Project } from './project.ts';
import { endingIn } from './status.ts';

/** The certificates that there are. */
export interface CertificateList extends CommandResult<'changed' | 'releases' | 'result' | 'evidence'> {
  kind: 'certificates';
  report: StatusReport;
}

/** certificates renews the certificates of an environment, gives new ones, revokes some, or shows those that there are. */
export const certificates = command({
  title: 'Switchyard certificates',
  description:
    'Renew the certificates of an environment when they are due, on all of its servers, without a reload; or issue, revoke and list them.',
  inputs: [...PROJECT, ...CHANGING, 'action', 'domains', 'revocation-reason', 'zones', 'secrets', 'age-key'],
  meanings: {
    secrets:
      'The values of secrets by name, as a JSON object: all with the expression `toJSON(secrets)`. Needed where `tls` names some: tokens, certificates, keys.',
  },
  outputs: ['changed', 'releases', 'result', 'evidence'],
  async run(
    { action, domains, 'revocation-reason': reason, ...inputs },
    surroundings,
  ): Promise<ChangeResult | CertificateList> {
    if (action !== 'list') {
      const project = await openProject(inputs, surroundings);
      const forced = action === 'issue' ? chosenOf(project, domains) : [];
      const revoked = action === 'revoke' ? revocableOf(project, domains) : undefined;
      // No service changes, and none needs its secrets.
      return await change({ ...inputs, service: [] }, surroundings, {
        scope: 'routes',
        forcedCertificates: forced,
        ...(revoked && { revokedCertificates: { domains: revoked, reason } }),
      });
    }
    const { reach, wanted } = await openProject(inputs, surroundings);
    const { zones, 'exclude-servers': excludedServers } = inputs;
    const report = await look({ ...reach, wanted, zones, excludedServers, secrets: {} });
    return {
      kind: 'certificates',
      report,
      outputs: { changed: false, releases: report.releases, result: report.services, evidence: '' },
      failure: endingIn(report),
    };
  },
});

/** chosenOf returns the domains that get a new certificate. It throws a UserError for one that has none. */
function chosenOf({ wanted }: Pick<Project, 'wanted'>, domains: readonly string[] | undefined): string[] {
  const { tls } = wanted.nginx;
  const all = tlsDomains(
    wanted.services.flatMap(({ route }) => domainsOf(route)),
    tls,
  );
  const wrong = domains?.find((domain) => !all.includes(domain));
  if (wrong === undefined) return [...(domains ?? all)];
  throw new UserError(`${wrong} is not served over HTTPS in ${wanted.environment}`, {
    hint: `The domains are ${all.join(', ') || 'none'}: "tls" in the file says which are.`,
  });
}

/**
 * revocableOf returns the domains whose certificates are revoked. It throws a UserError where none is named, and for one whose
 * certificate is from no CA that could be asked.
 */
export function revocableOf(
  project: Pick<Project, 'wanted'>,
  domains: readonly string[] | undefined,
): string[] {
  if (domains === undefined || domains.length === 0) {
    throw new UserError('the certificates to revoke are not named', {
      hint: 'Write their domains, one a line, as the input "domains".',
    });
  }
  const chosen = chosenOf(project, domains);
  for (const domain of chosen) {
    const { mode } = tlsOf(project.wanted.nginx.tls, domain)!;
    if (!isFromAuthority(mode)) {
      throw new UserError(
        `the certificate of ${domain} is from no CA that could be asked to revoke it: its mode is ${mode}`,
        {
          hint: 'Ask whoever issued it; then put the new one into its secret, and deploy.',
        },
      );
    }
  }
  return chosen;
}
