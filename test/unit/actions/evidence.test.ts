import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { writeEvidence } from '../../../src/actions/evidence.ts';
import { RunnerLog } from '../../../src/actions/log.ts';

let temporary: string;
let warnings: string[];
let log: RunnerLog;

beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'switchyard-evidence-test-'));
  process.env.RUNNER_TEMP = temporary;
  warnings = [];
  log = new RunnerLog();
  log.info = () => undefined;
  log.warning = (message) => void warnings.push(message);
});
afterEach(() => {
  delete process.env.RUNNER_TEMP;
  rmSync(temporary, { recursive: true });
});

test('lies among the temporary files of the runner, in a folder for each server, and holds no secret', () => {
  log.hide('hunter2');
  const folder = writeEvidence([{ path: 'alpha/shop_web.log', text: 'cannot log in with hunter2\n' }], log);
  expect(folder.startsWith(temporary)).toBe(true);
  expect(readFileSync(join(folder, 'alpha', 'shop_web.log'), 'utf8')).toBe('cannot log in with ***\n');
});

test('keeps what the log would change, such as lines that begin like commands of the runner', () => {
  const folder = writeEvidence([{ path: 'alpha/shop_web.log', text: '::error::not for the runner\n' }], log);
  expect(readFileSync(join(folder, 'alpha', 'shop_web.log'), 'utf8')).toBe('::error::not for the runner\n');
});

test('is no folder where nothing failed', () => {
  expect(writeEvidence([], log)).toBe('');
});

test('does not hide the failure where it cannot be written', () => {
  process.env.RUNNER_TEMP = join(temporary, 'file');
  writeFileSync(process.env.RUNNER_TEMP, '');
  expect(writeEvidence([{ path: 'alpha/shop_web.log', text: '' }], log)).toBe('');
  expect(warnings).toEqual([expect.stringMatching(/^what tells of the failed version cannot be written: /)]);
});
