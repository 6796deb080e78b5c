import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { summaryWritten, writeSummary } from '../../../src/actions/job-summary.ts';
import { RunnerLog } from '../../../src/actions/log.ts';

const { write } = process.stdout;
let folder: string;
let said: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-summary-'));
  said = '';
  process.stdout.write = ((text: string) => {
    said += text;
    return true;
  }) as typeof process.stdout.write;
});
afterEach(() => {
  process.stdout.write = write;
  delete process.env.GITHUB_STEP_SUMMARY;
  rmSync(folder, { recursive: true });
});

test('a summary that cannot be written is a warning: what the run came to is told all the same', async () => {
  process.env.GITHUB_STEP_SUMMARY = join(folder, 'gone');
  await writeSummary('## deployed', new RunnerLog());
  expect(said).toMatch(/^::warning.*the job summary cannot be written: Unable to access summary file/);
});

test('who ends a run in the middle of writing its summary can wait until that is there', async () => {
  const path = join(folder, 'summary.md');
  writeFileSync(path, '');
  process.env.GITHUB_STEP_SUMMARY = path;
  void writeSummary('## deployed', new RunnerLog());
  await summaryWritten();
  expect(readFileSync(path, 'utf8')).toMatch('## deployed');
});
