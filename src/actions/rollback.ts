import * as core from '@actions/core';
import { deploy } from '../deploy/deploy.ts';
import { parseTarget } from '../deploy/restoring/choose-release.ts';
import { pastReleases, renderPast } from '../deploy/restoring/past-releases.ts';
import { UserError } from '../model/errors.ts';
import { reportDeploy } from './deploy.ts';
import type { Inputs } from './inputs.ts';
import { writeSummary } from './job-summary.ts';
import type { RunnerLog } from './log.ts';
import { openProject, type Project } from './project.ts';

/** runRollback brings services back to earlier releases, or shows which there are. */
export async function runRollback(inputs: Inputs, log: RunnerLog, signal: AbortSignal): Promise<void> {
  const project = await openProject(inputs, log);
  const { service: services, to } = inputs;
  if (to === 'list') return await list(project, services, log);
  if (services === undefined) {
    const known = project.wanted.services.map(({ name }) => name);
    throw new UserError('no service to roll back is named', {
      hint: `The input "service" takes one of ${known.join(', ')} a line.`,
    });
  }
  const report = await deploy({
    ...project,
    secrets: {},
    narrowing: { services, zones: inputs.zones, excludedServers: inputs['exclude-servers'] },
    rollback: { to: parseTarget(to), hide: (value) => log.hide(value) },
    scope: 'services',
    dryRun: inputs['dry-run'],
    leaseWaitMs: inputs['lease-wait'],
    log,
    signal,
  });
  await reportDeploy(report, project.wanted, inputs['dry-run'], log);
}

async function list(
  { wanted, openStore }: Project,
  services: readonly string[] | undefined,
  log: RunnerLog,
): Promise<void> {
  const past = await pastReleases(wanted, openStore, services);
  const { lines, markdown } = renderPast(`${wanted.project} ${wanted.environment}`, past);
  for (const line of lines) log.info(line);
  core.setOutput('changed', 'false');
  core.setOutput('releases', JSON.stringify(past.current));
  core.setOutput('result', JSON.stringify(past.services));
  await writeSummary(markdown, log);
}
