import * as core from '@actions/core';
import { messageOf } from '../model/errors.ts';
import type { RunnerLog } from './log.ts';

let written: Promise<void> | undefined;

/** writeSummary adds to the job summary; outside a runner there is none. Where it cannot be written, a warning says so. */
export function writeSummary(markdown: string, log: RunnerLog): Promise<void> {
  written = write(markdown, log);
  return written;
}

/** summaryWritten returns the summary of this run that is written, or is being written; undefined where there is none yet. */
export function summaryWritten(): Promise<void> | undefined {
  return written;
}

async function write(markdown: string, log: RunnerLog): Promise<void> {
  if (!process.env.GITHUB_STEP_SUMMARY) return;
  try {
    await core.summary.addRaw(log.clean(markdown), true).write();
  } catch (error) {
    // What the run has done, or has failed of, is what people have to hear.
    log.warning(`the job summary cannot be written: ${messageOf(error)}`);
  }
}
