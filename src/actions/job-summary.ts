import * as core from '@actions/core';
import { messageOf } from '../model/errors.ts';
import type { RunnerLog } from './log.ts';

let isWritten = false;

/** writeSummary adds to the job summary; outside a runner there is none. Where it cannot be written, a warning says so. */
export async function writeSummary(markdown: string, log: RunnerLog): Promise<void> {
  isWritten = true;
  if (!process.env.GITHUB_STEP_SUMMARY) return;
  try {
    await core.summary.addRaw(log.clean(markdown), true).write();
  } catch (error) {
    // What the run has done, or has failed of, is what people have to hear.
    log.warning(`the job summary cannot be written: ${messageOf(error)}`);
  }
}

/** isSummaryWritten tells whether this run has a summary already. */
export function isSummaryWritten(): boolean {
  return isWritten;
}
