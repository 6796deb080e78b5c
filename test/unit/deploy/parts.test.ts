import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { dependencyLevels } from '../../../src/deploy/planning/levels.ts';
import { place } from '../../../src/deploy/planning/placement.ts';
import { allowedMs } from '../../../src/deploy/steps/healthy.ts';
import { PullMeter } from '../../../src/deploy/steps/pull.ts';
import { describeSpan, type Span, Timeline } from '../../../src/deploy/timeline.ts';
import { systemClock } from '../../../src/model/clock.ts';
import { VirtualClock } from '../../simulation/world/clock.ts';

describe('levels', () => {
  const levels = (graph: Record<string, string[]>) =>
    dependencyLevels(Object.entries(graph).map(([name, dependsOn]) => ({ name, dependsOn })));

  test('each service stands above all it depends on, and as low as that allows', () => {
    expect(levels({ web: ['api', 'cache'], api: ['db'], cache: [], db: [], lone: [] })).toEqual([
      ['cache', 'db', 'lone'],
      ['api'],
      ['web'],
    ]);
  });

  test('what is not among them counts as fulfilled', () => {
    expect(levels({ web: ['elsewhere'] })).toEqual([['web']]);
    expect(levels({})).toEqual([]);
  });

  test('the order holds for every graph without a circle', () => {
    const graph = fc.array(fc.array(fc.nat(20), { maxLength: 4 }), { maxLength: 12 });
    fc.assert(
      fc.property(graph, (edges) => {
        const services = edges.map((to, at) => ({
          name: `s${at}`,
          dependsOn: to.filter((one) => one < at).map((one) => `s${one}`),
        }));
        const sorted = dependencyLevels(services);
        const heightOf = (name: string) => sorted.findIndex((names) => names.includes(name));
        expect(sorted.flat().sort()).toEqual(services.map(({ name }) => name).sort());
        for (const { name, dependsOn } of services)
          expect(heightOf(name)).toBe(Math.max(-1, ...dependsOn.map(heightOf)) + 1);
      }),
      { seed: 3, numRuns: 100 },
    );
  });
});

describe('placement', () => {
  const all = ['a', 'b', 'c', 'd', 'e'];

  test('keeps the order of the servers, and takes no more than there are', () => {
    expect(place('api', 9, all, [])).toEqual(all);
    expect(place('api', 0, all, [])).toEqual([]);
  });

  test('different services lie on different servers', () => {
    const chosen = ['api', 'web', 'cache', 'db', 'mail', 'cron'].map((name) => place(name, 1, all, [])[0]);
    expect(new Set(chosen).size).toBeGreaterThan(2);
  });

  test('a copy stays where it is, whatever comes or goes, as long as its server is there', () => {
    const subset = fc.subarray(all, { minLength: 1 });
    fc.assert(
      fc.property(subset, subset, fc.nat(5), fc.nat(5), (before, after, many, few) => {
        const first = place('api', many, before, []);
        const second = place('api', few, after, first);
        const kept = first.filter((server) => after.includes(server));
        expect(second).toHaveLength(Math.min(few, after.length));
        expect(second.filter((server) => kept.includes(server))).toHaveLength(Math.min(few, kept.length));
      }),
      { seed: 3 },
    );
  });
});

describe('times', () => {
  test.each([
    ['the parts add up', { startPeriodMs: 30_000, retries: 3, intervalMs: 1000, timeoutMs: 2000 }, 39_000],
    [
      'ten minutes are ten minutes',
      { startPeriodMs: 600_000, retries: 1, intervalMs: 1_000, timeoutMs: 1_000 },
      602_000,
    ],
  ])('how long a container may take: %s', (_name, healthcheck, ms) => {
    expect(allowedMs(healthcheck)).toBe(ms);
  });

  test('a timeline tells each span as it ends, also of what failed', async () => {
    const told: Span[] = [];
    const clock = new VirtualClock();
    const timeline = new Timeline(clock, (span) => told.push(span));
    const result = await timeline.measure({ phase: 'start', service: 'api', server: 'a' }, async () => {
      await clock.pass(250);
      return 'started';
    });
    const failing = timeline.measure({ phase: 'switch' }, async () => {
      await clock.pass(50);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(result).toBe('started');
    expect(timeline.elapsedMs()).toBe(300);
    expect(told).toEqual(timeline.spans);
    expect(told.map(describeSpan)).toEqual(['api on a: start (0.25 s)', 'switch failed (0.05 s)']);
    expect(timeline.durationMs('start', 'api', 'a')).toBe(250);
    expect(timeline.durationMs('start', 'api', 'b')).toBeUndefined();
  });

  test('the clock of this machine never goes back in it', async () => {
    const timeline = new Timeline(systemClock);
    await timeline.measure({ phase: 'observe' }, async () => undefined);
    expect(timeline.elapsedMs()).toBeGreaterThanOrEqual(0);
    expect(timeline.spans).toHaveLength(1);
  });
});

describe('the progress of a pull', () => {
  test('layers and bytes, as the engine tells of them', () => {
    const meter = new PullMeter();
    expect(meter.summary()).toBe('0 of 0 layers, 0.0 of 0.0 MB');
    meter.add({ status: 'Pulling from library/redis', id: '7' });
    for (const id of ['one', 'two', 'old']) meter.add({ id, status: 'Pulling fs layer' });
    meter.add({ id: 'old', status: 'Already exists' });
    meter.add({ id: 'one', status: 'Downloading', progressDetail: { current: 5e6, total: 10e6 } });
    meter.add({ id: 'two', status: 'Downloading', progressDetail: { current: 1e6, total: 2e6 } });
    expect(meter.summary()).toBe('1 of 3 layers, 6.0 of 12.0 MB');
    meter.add({ id: 'one', status: 'Download complete' });
    meter.add({ id: 'one', status: 'Extracting', progressDetail: { current: 1, total: 10 } });
    meter.add({ id: 'one', status: 'Pull complete' });
    meter.add({ status: 'Digest: sha256:0' });
    expect(meter.summary()).toBe('2 of 3 layers, 11.0 of 12.0 MB');
  });
});
