import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { messageOf } from '../model/errors.ts';
import type { EvidenceFile } from '../model/evidence.ts';
import type { RunnerLog } from './log.ts';

/**
 * writeEvidence writes what tells of a failed version into a new folder among the runner's temporary files, where a step of
 * the workflow can take it from, and returns the folder: '' when there is nothing to tell. Secrets are left out as in the
 * log. Where it cannot be written, a warning says so.
 */
export function writeEvidence(files: readonly EvidenceFile[], log: RunnerLog): string {
  if (files.length === 0) return '';
  try {
    const folder = mkdtempSync(join(process.env.RUNNER_TEMP ?? tmpdir(), 'switchyard-evidence-'));
    for (const { path, text } of files) {
      const file = join(folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, log.withoutSecrets(text));
    }
    log.info(`What tells of the failed version is kept in ${folder}; the output "evidence" names it`);
    return folder;
  } catch (error) {
    log.warning(`what tells of the failed version cannot be written: ${messageOf(error)}`);
    return '';
  }
}
