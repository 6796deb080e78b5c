import * as core from '@actions/core';
import type { RunnerLog } from './log.ts';

let isWritten = false;

/** writeSummary adds to the job summary; outside a runner there is none. */
export async function writeSummary(markdown: string, log: RunnerLog): Promise<void> {
  isWritten = true;
  if (process.env.GITHUB_STEP_SUMMARY) await core.summary.addRaw(log.clean(markdown), true).write();
}

/** isSummaryWritten tells whether this run has a summary already. */
export function isSummaryWritten(): boolean {
  return isWritten;
}
