import { describe, expect, test } from '@jest/globals';
import { retire, retireUnused } from '../../../src/deploy/planning/retirement.ts';
import { database, service } from '../../simulation/stories/specs.ts';

const container = {
  id: 'c1',
  name: 'shop_production_api',
  release: 1,
  isRunning: true,
  helpers: [],
};
const toggled = service('api');
const recreated = database('api');

describe('a container that goes', () => {
  test.each([
    ['has nothing to finish where it is toggled, and is given 3 s', toggled, 3_000],
    ['may write to a volume where it is recreated, and is given its time', recreated, 10_000],
  ])('and never had traffic %s', (_what, spec, graceMs) => {
    const retirement = retireUnused({ name: spec.name, spec }, 'a', container);
    expect(retirement).toMatchObject({ drainTimeoutMs: undefined, graceMs });
  });

  test.each([
    ['toggled', toggled],
    ['recreated', recreated],
  ])('and may have had traffic is drained, and given its time: one that is %s', (_how, spec) => {
    const retirement = retire({ name: spec.name, spec }, 'a', container);
    expect(retirement).toMatchObject({ drainTimeoutMs: 120_000, graceMs: 10_000 });
  });

  test('and does not run has nothing to drain', () => {
    const stopped = { ...container, isRunning: false };
    expect(retire({ name: 'api', spec: toggled }, 'a', stopped)).toMatchObject({ drainTimeoutMs: undefined });
  });
  test('and has just crashed is drained: its engine starts it again, and it gets traffic meanwhile', () => {
    const condition = { state: 'restarting', restarts: 4, health: undefined };
    const crashed = { ...container, isRunning: false, condition };
    expect(retire({ name: 'api', spec: toggled }, 'a', crashed)).toMatchObject({ drainTimeoutMs: 120_000 });
  });
});
