import { expect, test } from '@jest/globals';
import type { PlannedStep } from '../../../src/deploy/planning/graph.ts';
import type { Healthcheck } from '../../../src/model/spec.ts';
import { describeHealthWait } from '../../../src/report/changes.ts';
import { planOf } from './reports.ts';

const CHECK: Healthcheck = {
  kind: 'tcp',
  intervalMs: 1_000,
  timeoutMs: 5_000,
  retries: 3,
  startPeriodMs: 10_000,
};

const healthy = (service: string, healthcheck: Partial<Healthcheck> = {}): PlannedStep => ({
  id: `healthy ${service}`,
  step: {
    kind: 'healthy',
    service,
    server: 'a',
    slot: 'base',
    name: service,
    containerPort: 3000,
    protocol: 'tcp',
    healthcheck: { ...CHECK, ...healthcheck },
    host: service,
  },
  needs: [],
});

/** What a plan says in which each of these groups changes together, one after the other. */
function said(...groups: PlannedStep[][]): string[] {
  const rollouts = groups.map((steps) => {
    return { services: [], moved: [], steps: steps.map(({ id }) => id), serving: [], before: [] };
  });
  return describeHealthWait(planOf({ steps: groups.flat(), rollouts }));
}

test('a plan that starts nothing waits for nothing', () => {
  expect(said()).toEqual([]);
  expect(said([])).toEqual([]);
});

test('what changes together is waited for side by side, what depends on it afterwards', () => {
  expect(said([healthy('api')])).toEqual(['waits at most 28 s for health']);
  expect(said([healthy('db', { startPeriodMs: 600_000 }), healthy('cache')], [healthy('api')])).toEqual([
    'waits at most 646 s for health (618 s for db, cache, then 28 s for api)',
  ]);
});

test('an image may have times of its own', () => {
  expect(said([healthy('api', { kind: 'default', unsaid: ['startPeriodMs'] })])).toEqual([
    'waits at most 28 s for health, unless the HEALTHCHECK of an image says otherwise',
  ]);
});
