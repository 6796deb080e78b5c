import * as core from '@actions/core';
import { status } from '../deploy/looking/status.ts';
import { renderStatus } from '../deploy/reporting/render-status.ts';
import type { Inputs } from './inputs.ts';
import { writeSummary } from './job-summary.ts';
import type { RunnerLog } from './log.ts';
import { openProject } from './project.ts';

/** runStatus shows what runs where, and what differs from the record. */
export async function runStatus(inputs: Inputs, log: RunnerLog): Promise<void> {
  const project = await openProject(inputs, log);
  const report = await status({
    ...project,
    zones: inputs.zones,
    excludedServers: inputs['exclude-servers'],
  });
  const { lines, markdown } = renderStatus(report);
  for (const line of lines) log.info(line);
  core.setOutput('releases', JSON.stringify(report.releases));
  core.setOutput('result', JSON.stringify(report.services));
  await writeSummary(markdown, log);
}
