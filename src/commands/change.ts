import type { BuiltImage } from '../build/images.ts';
import { generatedForBackups } from '../config/backup-secrets.ts';
import { type SplitSecrets, splitSecrets } from '../config/secrets.ts';
import { requireTlsSecrets } from '../config/tls-secrets.ts';
import { requireUserLists } from '../config/user-lists.ts';
import { deploy } from '../deploy/deploy.ts';
import { dryRun } from '../deploy/dry-run.ts';
import type { ChangeRequest, DeployReport, DryRunReport } from '../deploy/request.ts';
import { withAdvice } from '../model/errors.ts';
import { hiddenValues } from '../model/hidden-values.ts';
import type { Author } from '../model/release.ts';
import { acmeAuthority } from './authority.ts';
import { keptImages } from './built-images.ts';
import type { CommandResult } from './command.ts';
import { type DryRun, foreseenFailure } from './dry-run.ts';
import { forgetImages } from './forget-images.ts';
import type { CHANGING, Inputs } from './inputs.ts';
import { builtOutputs, type Supplied, type SupplyInputs, supplyImages, unbuiltOf } from './make-images.ts';
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
export interface Deployed extends CommandResult<'changed' | 'releases' | 'result' | 'evidence'> {
  kind: 'deployed';
  /** For people: `shop production`. */
  title: string;
  author: Author;
  report: DeployReport;
  services: Record<string, ServiceResult>;
  /** The images that it made, or that were there. */
  built: readonly BuiltImage[];
}

/** What a change came to, or would. */
export type ChangeResult = Deployed | DryRun<'changed' | 'releases' | 'result' | 'evidence'>;

/** The inputs of every command that changes an environment. */
type ChangeInputs = ProjectInputs & Pick<Inputs, (typeof CHANGING)[number]> & RequestInputs;

/** change is behind every command that changes an environment: they differ in inputs and kind only. */
export async function change(
  inputs: ChangeInputs,
  surroundings: Surroundings,
  kind: ChangeKind,
): Promise<ChangeResult> {
  const project = await openProject(inputs, surroundings);
  kind.check?.(project);
  return await carryOut({ project, built: [] }, inputs, surroundings, kind);
}

/**
 * bring is change for commands that bring new versions: first it makes the images of services that are built, unless the
 * run was given some of them.
 */
export async function bring(
  inputs: ChangeInputs & SupplyInputs,
  surroundings: Surroundings,
  kind: ChangeKind,
): Promise<ChangeResult & CommandResult<'images' | 'digests' | 'built'>> {
  const project = await openProject(inputs, surroundings);
  kind.check?.(project);
  const supplied = await supplyImages(project, inputs, surroundings);
  const { built, images } = supplied;
  const result = await carryOut(supplied, { ...inputs, images }, surroundings, kind);
  if (result.kind === 'deployed' && result.failure === undefined) {
    await forgetImages(project, result.report.expiredImages, surroundings);
  }
  return { ...result, outputs: { ...result.outputs, ...builtOutputs(built) } };
}

async function carryOut(
  { project, built }: Omit<Supplied, 'images'>,
  inputs: ChangeInputs,
  surroundings: Surroundings,
  kind: ChangeKind,
): Promise<ChangeResult> {
  const { log, signal, onPlan } = surroundings;
  const request = changeRequest(project, inputs, log, kind);
  if (inputs['dry-run']) {
    const report = await dryRun({ ...request, unbuiltImages: unbuiltOf(built) });
    return withoutChange(project, report, built);
  }
  const { author } = project;
  const report = await deploy({ ...request, author, leaseWaitMs: inputs['lease-wait'], signal, onPlan });
  return deployed(project, report, built, surroundings.keepEvidence(report.evidence));
}

/** Of a command that starts nothing by the file. */
const NO_SECRETS: SplitSecrets = { secrets: {}, needed: {}, complete: () => ({}) };

/** changeRequest says what shall change. It keeps what is made from secrets out of the log; it throws for those that are missing. */
export function changeRequest(
  project: Project,
  inputs: RequestInputs,
  log: ConcealingLog,
  { scope, rollback, forcedCertificates, revokedCertificates }: ChangeKind,
): ChangeRequest {
  const { service: services, zones } = inputs;
  const { wanted, reach, layouts, config, sources } = project;
  const selected = wanted.services.map(({ name }) => name).filter((name) => services?.includes(name) ?? true);
  const { secrets, ...split } =
    inputs.secrets === undefined ? NO_SECRETS : splitSecrets(project, selected, sources, config.locate);
  const generated = {
    ...split,
    needed: { ...(inputs.secrets !== undefined && generatedForBackups(project, selected)), ...split.needed },
  };
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
    layouts,
    secrets,
    ...(Object.keys(generated.needed).length > 0 && { generated: { ...generated, ...project.sealing } }),
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

function deployed(
  { wanted, title, author }: Project,
  report: DeployReport,
  built: readonly BuiltImage[],
  evidence: string,
): Deployed {
  const services = resultOf(report, wanted.servers.length > 1);
  return {
    kind: 'deployed',
    title,
    author,
    report,
    services,
    built,
    outputs: { changed: report.changed, releases: releasesOf(report), result: services, evidence },
    failure: withAdvice(report.failure, report.standing) ?? lossIn(services),
  };
}

function withoutChange(
  { wanted, title }: Project,
  report: DryRunReport,
  built: readonly BuiltImage[],
): ChangeResult {
  const { plan, services, changed } = report;
  const planned = { plan, services, copies: plan.copies, undone: [] };
  return {
    kind: 'dry run',
    title,
    report,
    built,
    outputs: {
      ...{ changed, releases: releasesOf(planned), evidence: '' },
      result: resultOf(planned, wanted.servers.length > 1),
    },
    failure: foreseenFailure(report),
  };
}
