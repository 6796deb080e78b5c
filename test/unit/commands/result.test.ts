import { describe, expect, test } from '@jest/globals';
import { lossIn, releasesOf, resultOf } from '../../../src/commands/result.ts';
import { change, copy, planOf, reportOf, Stopwatch } from '../report/reports.ts';

const PROBE = { sent: 10, lost: 0, unknown: 0, p50_ms: 1, p99_ms: 2, longest_gap_ms: 40, losses: [] };

describe('the output result', () => {
  test('a service, its release and its copies, with what took how long', async () => {
    const watch = new Stopwatch();
    await watch.spent('start', 300, { service: 'api', server: 'a' });
    await watch.spent('answer', 80, { service: 'api', server: 'a' });
    await watch.spent('healthy', 40.4, { service: 'api', server: 'a' });
    await watch.spent('start', 250, { service: 'api', server: 'b' });
    await watch.spent('pull', 999, { server: 'a' });
    const report = reportOf({ timeline: watch.timeline, probes: new Map([['api', PROBE]]) });
    const where = { slot: 'secondary', container: 'shop_production_api_secondary', port: 18339 };
    expect(resultOf(report, true)).toEqual({
      api: {
        release: 2,
        effect: 'toggle',
        probe: PROBE,
        copies: [
          { server: 'a', ...where, durations: { start: 300, healthy: 120 } },
          { server: 'b', ...where, durations: { start: 250 } },
        ],
      },
    });
  });

  test('one server publishes no port: the container port is told', () => {
    expect(resultOf(reportOf(), false).api?.copies[0]?.port).toBe(3000);
  });

  test('a copy whose port carries the version has that one', () => {
    const report = reportOf({ copies: { api: [{ ...copy('a', 'secondary', 2), port: 18777 }] } });
    expect(resultOf(report, true).api?.copies[0]?.port).toBe(18777);
  });

  test('what was undone runs as before', async () => {
    const watch = new Stopwatch();
    await watch.spent('start', 300, { service: 'api', server: 'a' });
    const copies = { api: [copy('a', 'base', 1)] };
    const report = reportOf({
      undone: ['api'],
      copies,
      timeline: watch.timeline,
      failure: new Error('no'),
    });
    expect(resultOf(report, true).api).toMatchObject({
      release: 1,
      effect: 'none',
      copies: [{ server: 'a', slot: 'base', container: 'shop_production_api', durations: {} }],
    });
    expect(releasesOf(report)).toEqual({ api: 1 });
  });

  test('what was only planned took no time', () => {
    const { plan, services, copies } = reportOf();
    expect(resultOf({ plan, services, copies, undone: [] }, true).api?.copies).toMatchObject([
      { server: 'a', durations: {} },
      { server: 'b', durations: {} },
    ]);
  });

  test('a service that is removed has no result', () => {
    const plan = planOf({ changes: [change({ effect: 'remove' })] });
    expect(resultOf(reportOf({ plan }), true)).toEqual({});
  });

  test('releases: the number that runs, by service', () => {
    expect(releasesOf(reportOf())).toEqual({ api: 2 });
  });
});

test('a lost request is an error that names it, and says what serves', () => {
  const result = (lost: number, losses: string[]) =>
    resultOf(reportOf({ probes: new Map([['api', { ...PROBE, lost, losses }]]) }), true);
  expect(lossIn(result(0, []))).toBeUndefined();
  expect(lossIn(resultOf(reportOf(), true))).toBeUndefined();
  expect(lossIn(result(2, ['a edge: 502', 'b edge: reset']))).toMatchObject({
    message: 'api: 2 of 10 probe requests were lost during the switch (a edge: 502; b edge: reset)',
    hint: expect.stringContaining('The new version serves.'),
  });
});
