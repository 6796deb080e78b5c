import { requireSecrets } from '../config/secrets.ts';
import { requireTlsSecrets } from '../config/tls-secrets.ts';
import { requireUserLists } from '../config/user-lists.ts';
import { deploy } from '../deploy/deploy.ts';
import { dryRun } from '../deploy/dry-run.ts';
import type { ChangeRequest, DeployReport, DryRunReport } from '../deploy/request.ts';
import { withAdvice } from '../model/errors.ts';
import { hiddenValues } from '../model/hidden-values.ts';
import type { Author } from '../model/release.ts';
import { acmeAuthority } from './authority.ts';
import { checkBuilt, keptImages } from './built-images.ts';
import type { CommandResult } from './command.ts';
import { type DryRun, foreseenFailure } from './dry-run.ts';
import type { CHANGING, Inputs } from './inputs.ts';
import type { ServiceResult } from './outputs.ts';
import { openProject, type Project, type ProjectInputs } from './project.ts';
import { lossIn, releasesOf, resultOf } from './result.ts';
import type { ConcealingLog, Surroundings } from './surroundings.ts';

/** What shall change, as far as inputs say it; a command that does not have one of them changes all that it is about. */
type RequestInputs = Partial<
  Pick<
    Inputs,
    'images' | 'service' | 'zones' | 'exclude-servers' | 'take-over-from' | 'secrets' | 'unfinished-hook'
  >
>;

/** In what commands differ that change an environment, beside their inputs. */
export interface ChangeKind
  extends Pick<ChangeRequest, 'scope' | 'rollback' | 'forcedCertificates' | 'revokedCertificates'> {
  /** check throws for what the command does not take. */
  check?(project: Project): void;
}

/** What a deploy did. */
export interface Deployed extends CommandResult<'changed' | 'releases' | 'result'> {
  kind: 'deployed';
  /** For people: `shop production`. */
  title: string;
  author: Author;
  report: DeployReport;
  services: Record<string, ServiceResult>;
}

/** What a change came to, or would. */
export type ChangeResult = Deployed | DryRun<'changed' | 'releases' | 'result'>;

/** change is behind every command that changes an environment: they differ in inputs and kind only. */
export async function change(
  inputs: ProjectInputs & Pick<Inputs, (typeof CHANGING)[number]> & RequestInputs,
  surroundings: Surroundings,
  kind: ChangeKind,
): Promise<ChangeResult> {
  const project = await openProject(inputs, surroundings);
  kind.check?.(project);
  checkBuilt(project, { images: inputs.images, service: inputs.service });
  const request = changeRequest(project, inputs, surroundings.log, kind);
  if (inputs['dry-run']) return withoutChange(project, await dryRun(request));
  const { signal, onPlan } = surroundings;
  const { author } = project;
  return deployed(
    project,
    await deploy({ ...request, author, leaseWaitMs: inputs['lease-wait'], signal, onPlan }),
  );
}

/** changeRequest says what shall change. It keeps what is made from secrets out of the log; it throws for those that are missing. */
export function changeRequest(
  project: Project,
  inputs: RequestInputs,
  log: ConcealingLog,
  { scope, rollback, forcedCertificates, revokedCertificates }: ChangeKind,
): ChangeRequest {
  const { service: services, zones } = inputs;
  const { wanted, reach, config, sources } = project;
  const selected = wanted.services.map(({ name }) => name).filter((name) => services?.includes(name) ?? true);
  const secrets =
    inputs.secrets === undefined ? {} : requireSecrets(project, selected, sources, config.locate);
  const tlsSecrets =
    inputs.secrets === undefined
      ? undefined
      : { ...requireTlsSecrets(project, sources), ...requireUserLists(project, sources) };
  for (const value of Object.values(tlsSecrets ?? {})) log.hide(value);
  for (const { name, container } of wanted.services) {
    for (const value of hiddenValues(secrets[name] ?? {}, container)) log.hide(value);
  }
  return {
    ...reach,
    wanted,
    secrets,
    authority: acmeAuthority(reach.clock, log),
    tlsSecrets,
    keptImages: keptImages(project, { images: inputs.images, service: services }),
    narrowing: { services, zones, excludedServers: inputs['exclude-servers'] },
    scope,
    ...(forcedCertificates && { forcedCertificates }),
    ...(revokedCertificates && { revokedCertificates }),
    unfinishedHook: inputs['unfinished-hook'],
    takeOverFrom: inputs['take-over-from'],
    rollback,
    hide: (value) => log.hide(value),
  };
}

function deployed({ wanted, title, author }: Project, report: DeployReport): Deployed {
  const services = resultOf(report, wanted.servers.length > 1);
  return {
    kind: 'deployed',
    title,
    author,
    report,
    services,
    outputs: { changed: report.changed, releases: releasesOf(report), result: services },
    failure: withAdvice(report.failure, report.standing) ?? lossIn(services),
  };
}

function withoutChange({ wanted, title }: Project, report: DryRunReport): ChangeResult {
  const { plan, services, changed } = report;
  const planned = { plan, services, copies: plan.copies, undone: [] };
  return {
    kind: 'dry run',
    title,
    report,
    outputs: { changed, releases: releasesOf(planned), result: resultOf(planned, wanted.servers.length > 1) },
    failure: foreseenFailure(report),
  };
}
