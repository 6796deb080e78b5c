import type { StatusReport } from '../deploy/observation/status.ts';
import { status as look } from '../deploy/status.ts';
import { UserError } from '../model/errors.ts';
import { domainsOf } from '../model/spec.ts';
import { tlsDomains } from '../nginx/tls.ts';
import { type ChangeResult, change } from './change.ts';
import { type CommandResult, command } from './command.ts';
import { CHANGING, PROJECT } from './inputs.ts';
import { openProject, type Project } from './project.ts';
import { endingIn } from './status.ts';

/** The certificates that there are. */
export interface CertificateList extends CommandResult<'changed' | 'releases' | 'result'> {
  kind: 'certificates';
  report: StatusReport;
}

/** certificates renews the certificates of an environment, gives new ones, or shows those that there are. */
export const certificates = command({
  title: 'Switchyard certificates',
  description:
    'Renew the certificates of an environment when they are due, on all of its servers, without a reload.',
  inputs: [...PROJECT, ...CHANGING, 'action', 'domains', 'zones', 'secrets'],
  meanings: {
    secrets:
      'The values of secrets by name, as a JSON object: all with the expression `toJSON(secrets)`. Needed where `tls` names some: tokens, certificates, keys.',
  },
  outputs: ['changed', 'releases', 'result'],
  async run({ action, domains, ...inputs }, surroundings): Promise<ChangeResult | CertificateList> {
    if (action !== 'list') {
      const project = await openProject(inputs, surroundings);
      const forced = action === 'issue' ? chosenOf(project, domains) : [];
      // No service changes, and none needs its secrets.
      return await change({ ...inputs, service: [] }, surroundings, {
        scope: 'routes',
        forcedCertificates: forced,
      });
    }
    const { reach, wanted } = await openProject(inputs, surroundings);
    const { zones, 'exclude-servers': excludedServers } = inputs;
    const report = await look({ ...reach, wanted, zones, excludedServers, secrets: {} });
    return {
      kind: 'certificates',
      report,
      outputs: { changed: false, releases: report.releases, result: report.services },
      failure: endingIn(report),
    };
  },
});

/** chosenOf returns the domains that get a new certificate. It throws a UserError for one that has none. */
function chosenOf({ wanted }: Project, domains: readonly string[] | undefined): string[] {
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
