import { describe, expect, test } from '@jest/globals';
import { releasesOf, resultOf } from '../../../src/actions/result.ts';
import { hostPort } from '../../../src/model/ports.ts';
import { Clock, reportOf } from './report.ts';

const PROBE = { sent: 10, lost: 0, unknown: 0, p50_ms: 1, p99_ms: 2, longest_gap_ms: 40, losses: [] };

describe('the output result', () => {
  test('a service, its release and where it stands, with what took how long', async () => {
    const clock = new Clock();
    await clock.spent('start', 300, { service: 'api', host: 'a' });
    await clock.spent('healthy', 120.4, { service: 'api', host: 'a' });
    await clock.spent('start', 250, { service: 'api', host: 'b' });
    await clock.spent('pull', 999, { host: 'a' });
    const report = reportOf({ timeline: clock.timeline, probes: new Map([['api', PROBE]]) });
    const port = hostPort(report.services[0]!.ports.host, 'secondary');
    const container = 'shop_production_api_secondary';
    expect(resultOf(report, true)).toEqual({
      api: {
        release: 2,
        effect: 'toggle',
        probe: PROBE,
        servers: [
          { host: 'a', side: 'secondary', container, port, durations: { start: 300, healthy: 120 } },
          { host: 'b', side: 'secondary', container, port, durations: { start: 250 } },
        ],
      },
    });
  });

  test('one server publishes no port: the container port is told', () => {
    expect(resultOf(reportOf(), false).api?.servers[0]?.port).toBe(3000);
  });

  test('what was undone runs as before', () => {
    const standing = { api: [{ host: 'a', side: 'base' as const, name: 'shop_production_api', release: 1 }] };
    const report = reportOf({ undone: ['api'], standing, failure: new Error('no') });
    expect(resultOf(report, true).api).toMatchObject({
      release: 1,
      effect: 'none',
      servers: [{ host: 'a', side: 'base', container: 'shop_production_api', durations: {} }],
    });
    expect(releasesOf(report)).toEqual({ api: 1 });
  });

  test('a service that is removed has no result', () => {
    const report = reportOf();
    const [change] = report.plan.changes;
    const changes = [{ ...change!, effect: 'remove' as const }];
    expect(resultOf({ ...report, plan: { ...report.plan, changes } }, true)).toEqual({});
  });

  test('releases: the number that runs, by service', () => {
    expect(releasesOf(reportOf())).toEqual({ api: 2 });
  });
});
