import * as core from '@actions/core';
import { type DryRunReport, dryRun } from '../deploy/looking/dry-run.ts';
import { describeFinding, errorsOf } from '../deploy/looking/findings.ts';
import { describePlan } from '../deploy/planning/describe.ts';
import { failTogether } from '../model/errors.ts';
import { textOf } from './fail.ts';
import type { Inputs } from './inputs.ts';
import { writeSummary } from './job-summary.ts';
import type { RunnerLog } from './log.ts';
import { commentPlan } from './plan-comment.ts';
import { type PlanOutput, planOutput } from './plan-output.ts';
import { renderPlan, renderPlanFailure } from './plan-summary.ts';
import { openProject, secretsOf } from './project.ts';
import { releasesOf } from './result.ts';

/** runPlan shows what a deploy would do, in the log, the summary and a comment: also that it would fail, and why. */
export async function runPlan(inputs: Inputs, log: RunnerLog): Promise<void> {
  const report = await look(inputs, log).catch(async (error: unknown) => {
    const text = textOf(error);
    setOutputs('', {}, { outcome: 'error', error: log.clean(text) });
    await publish(inputs, renderPlanFailure(inputs.environment, text), log);
    throw error;
  });
  tell(report, log);
  const { scope } = report.plan;
  setOutputs(String(report.changed), releasesOf({ ...report, undone: [] }), planOutput(report));
  await publish(inputs, renderPlan(`${scope.project} ${scope.environment}`, report), log);
  failTogether(errorsOf(report.findings));
  if (inputs['exit-code'] && report.changed) process.exitCode = CHANGES;
}

/** The exit code that tells changes from none, as `diff` and others have it. */
const CHANGES = 2;

async function look(inputs: Inputs, log: RunnerLog): Promise<DryRunReport> {
  const project = await openProject(inputs, log);
  return await dryRun({
    ...project,
    secrets: secretsOf(inputs, project, inputs.service, log),
    narrowing: {
      services: inputs.service,
      zones: inputs.zones,
      excludedServers: inputs['exclude-servers'],
    },
    log,
  });
}

function tell({ plan, drift, findings }: DryRunReport, log: RunnerLog): void {
  for (const line of describePlan(plan)) log.info(line);
  for (const { message } of drift) log.info(`drift: ${message}`);
  for (const finding of findings) {
    // Errors end the run, and are told then.
    if (finding.level === 'warning') log.warning(describeFinding(finding));
    if (finding.level === 'ok') log.info(describeFinding(finding));
  }
}

function setOutputs(changed: string, releases: Record<string, number>, plan: PlanOutput): void {
  core.setOutput('changed', changed);
  core.setOutput('releases', JSON.stringify(releases));
  core.setOutput('plan', JSON.stringify(plan));
}

async function publish(inputs: Inputs, markdown: string, log: RunnerLog): Promise<void> {
  await writeSummary(markdown, log);
  if (inputs.comment) await commentPlan(inputs, markdown, log);
}
