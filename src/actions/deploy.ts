import * as core from '@actions/core';
import type { LoadedConfig } from '../config/load.ts';
import { resolveEnvironment } from '../config/resolve.ts';
import { deploy } from '../deploy/deploy.ts';
import type { DeployReport } from '../deploy/request.ts';
import { failTogether, UserError, UserErrors } from '../model/errors.ts';
import type { EnvironmentSpec } from '../model/spec.ts';
import type { Inputs } from './inputs.ts';
import { writeSummary } from './job-summary.ts';
import type { RunnerLog } from './log.ts';
import { openProject, secretsOf } from './project.ts';
import { releasesOf, resultOf } from './result.ts';
import { renderSummary } from './summary.ts';

/** runDeploy is behind the root action, toggle-deploy and update-nginx: they differ in inputs and scope only. */
export async function runDeploy(
  inputs: Inputs,
  scope: 'services' | 'routes',
  validates: 'environment' | 'file',
  log: RunnerLog,
  signal: AbortSignal,
): Promise<void> {
  const project = await openProject(inputs, log);
  const { wanted } = project;
  if (validates === 'file') checkAllEnvironments(project.config);
  const secrets = scope === 'routes' ? {} : secretsOf(inputs, project, inputs.service, log);
  const report = await deploy({
    ...project,
    secrets,
    narrowing: {
      services: inputs.service,
      zones: inputs.zones,
      excludedServers: inputs['exclude-servers'],
    },
    scope,
    unfinishedHook: inputs['unfinished-hook'],
    dryRun: inputs['dry-run'],
    leaseWaitMs: inputs['lease-wait'],
    log,
    signal,
  });
  await reportDeploy(report, wanted, inputs['dry-run'], log);
}

/** reportDeploy sets the outputs of a run and writes its summary. It throws what made the run fail, and for lost requests. */
export async function reportDeploy(
  report: DeployReport,
  wanted: EnvironmentSpec,
  isDryRun: boolean,
  log: RunnerLog,
): Promise<void> {
  const result = resultOf(report, wanted.servers.length > 1);
  core.setOutput('changed', String(report.changed));
  core.setOutput('releases', JSON.stringify(releasesOf(report)));
  core.setOutput('result', JSON.stringify(result));
  const title = `${wanted.project} ${wanted.environment}`;
  await writeSummary(renderSummary({ title, report, result, isDryRun }), log);
  if (report.failure !== undefined) throw report.failure;
  refuseLosses(result);
}

/** The root action says everything that is wrong with the file, also in environments it does not deploy. */
function checkAllEnvironments(config: LoadedConfig): void {
  const errors: UserError[] = [];
  for (const environment of Object.keys(config.config.environments)) {
    try {
      resolveEnvironment(config, environment);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      errors.push(...(error instanceof UserErrors ? error.errors : [error]));
    }
  }
  failTogether(errors);
}

function refuseLosses(result: ReturnType<typeof resultOf>): void {
  for (const [service, { probe }] of Object.entries(result)) {
    if (probe === undefined || probe.lost === 0) continue;
    throw new UserError(
      `${service}: ${probe.lost} of ${probe.sent} probe requests were lost during the switch (${probe.losses.join('; ')})`,
      {
        hint: 'The new version serves. Look whether the app ends requests when it gets SIGTERM, or answered 502 to 504 itself.',
      },
    );
  }
}
