import { expect } from '@jest/globals';
import type { ActionRun } from './action.ts';

/** A refusal comes within this time, also where a server does not answer. */
const LONGEST_MS = 20_000;

/** said returns a run's log with the line ends and signs that the runner's protocol encodes, as people see it. */
export function said({ log }: Pick<ActionRun, 'log'>): string {
  return log
    .replaceAll('%0A', '\n')
    .replaceAll('%0D', '\r')
    .replaceAll('%3A', ':')
    .replaceAll('%2C', ',')
    .replaceAll('%25', '%');
}

/** expectPlainRefusal: the run failed in time, with a sentence, before it had a plan. */
export function expectPlainRefusal(failed: ActionRun): void {
  expect(failed.ms).toBeLessThan(LONGEST_MS);
  expect(failed.log).toMatch(/^::error title=Switchyard::/m);
  expect(failed.log).not.toMatch('please report it');
  expect(failed.log).not.toMatch('production: plan');
}
