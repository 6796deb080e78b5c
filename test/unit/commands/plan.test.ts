import { describe, expect, test } from '@jest/globals';
import { foreseenFailure } from '../../../src/commands/dry-run.ts';
import { plan, planOutput } from '../../../src/commands/plan.ts';
import type { Finding } from '../../../src/deploy/preflight/findings.ts';
import type { DryRunReport } from '../../../src/deploy/request.ts';
import { UserErrors } from '../../../src/model/errors.ts';
import { API_WANTED, change, planOf } from '../report/reports.ts';

const warning: Finding = { server: 'a', check: 'clock', level: 'warning', message: 'is late' };
const error: Finding = {
  server: 'b',
  check: 'port',
  level: 'error',
  message: 'port 80 is taken',
  hint: 'Stop it.',
};

const unchanged = planOf({ changes: [change({ effect: 'none', to: 1 })], steps: [] });

function reportOf(changes: Partial<DryRunReport> = {}): DryRunReport {
  return {
    plan: planOf(),
    services: [API_WANTED],
    changed: true,
    drift: [],
    notes: [],
    findings: [],
    ...changes,
  };
}

describe('the output plan', () => {
  test('says for programs what would change, and what it would meet', () => {
    const output = planOutput(reportOf({ findings: [warning] }));
    expect(output).toMatchObject({
      outcome: 'changes',
      changes: [
        { service: 'api', from: 1, to: 2, effect: 'toggle', reasons: ['image'], servers: ['a', 'b'] },
      ],
      steps: expect.arrayContaining(['start api release 2 as secondary on a']),
      drift: [],
      preflight: [warning],
    });
  });

  test('tells no changes, changes and an error apart', () => {
    const outcome = (changes: Partial<DryRunReport>) => planOutput(reportOf(changes)).outcome;
    expect(outcome({ plan: unchanged, changed: false })).toBe('no changes');
    expect(outcome({ plan: unchanged, changed: false, findings: [warning] })).toBe('no changes');
    expect(outcome({})).toBe('changes');
    expect(outcome({ plan: unchanged, changed: false, findings: [warning, error] })).toBe('error');
  });

  test('says so too where there is none', () => {
    expect(plan.outputsOf?.('switchyard.yml:3:1: no')).toEqual({
      changed: undefined,
      releases: {},
      plan: { outcome: 'error', error: 'switchyard.yml:3:1: no' },
    });
  });
});

test('what a deploy would fail of fails a dry run, all of it at once', () => {
  expect(foreseenFailure({ findings: [warning] })).toBeUndefined();
  expect(foreseenFailure({ findings: [warning, error] })).toMatchObject({
    message: 'b: port 80 is taken',
    hint: 'Stop it.',
  });
  const both = foreseenFailure({ findings: [error, { ...error, server: 'c' }] });
  expect(both).toBeInstanceOf(UserErrors);
  expect((both as UserErrors).errors).toHaveLength(2);
});
