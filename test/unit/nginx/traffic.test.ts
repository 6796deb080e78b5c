import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { answersOf, parseFigures, quantile, sumOfAnswers, trafficOf } from '../../../src/nginx/traffic.ts';

const SHOP = { project: 'shop', environment: 'production' };
const API = 'project="shop",environment="production",service="api",zone="lon1"';
const BASE = `${API},copy="shop_production_api",side="base",server="a"`;

/** figures returns what an edge says at a time, with these requests to the base copy in these buckets. */
function figures(
  at: number,
  counts: { ok: number; bad?: number; le?: Record<string, number>; more?: string },
) {
  const { ok, bad = 0, le = {}, more = '' } = counts;
  const buckets = Object.entries(le).map(
    ([edge, count]) => `switchyard_request_duration_seconds_bucket{${BASE},le="${edge}"} ${count}\n`,
  );
  return `# HELP switchyard_requests_total Requests.
# TYPE switchyard_requests_total counter
switchyard_requests_total{${BASE},code="200"} ${ok}
switchyard_requests_total{${BASE},code="502"} ${bad}
${buckets.join('')}${more}switchyard_updated_timestamp_seconds ${at}
`;
}

describe('what an edge has counted', () => {
  test('is read as samples, without what is none', () => {
    expect(parseFigures('# TYPE a counter\na{b="c",d="e f"} 12\nx 1.5\nno sample\n\n')).toEqual([
      { name: 'a', labels: { b: 'c', d: 'e f' }, value: 12 },
      { name: 'x', labels: {}, value: 1.5 },
    ]);
  });

  test('is what came between two looks, a second too', () => {
    const before = figures(1_000, { ok: 100, bad: 1 });
    const now = figures(1_300, { ok: 370, bad: 31 });
    expect(trafficOf(SHOP, [{ before, now }]).get('api')).toMatchObject({
      seconds: 300,
      requests: 300,
      requestsPerSecond: 1,
      errors: 30,
      copies: [{ server: 'a', side: 'base', container: 'shop_production_api', requests: 300 }],
    });
  });

  test('is what came since, where the edge has begun anew', () => {
    const edge = { before: figures(1_000, { ok: 100, bad: 1 }), now: figures(1_300, { ok: 20, bad: 0 }) };
    expect(trafficOf(SHOP, [edge]).get('api')).toMatchObject({ requests: 20, errors: 0 });
  });

  test('is put together from the edges of several servers', () => {
    const le = { '0.1': 90, '0.5': 100, '+Inf': 100 };
    const quick = { before: figures(0, { ok: 0 }), now: figures(100, { ok: 100, le }) };
    const none = { '0.1': 0, '0.5': 100, '+Inf': 100 };
    const slow = { before: figures(0, { ok: 0 }), now: figures(100, { ok: 100, le: none }) };
    const { latencyMs, ...seen } = trafficOf(SHOP, [quick, slow]).get('api')!;
    expect(seen).toMatchObject({ requests: 200, requestsPerSecond: 2 });
    // Of 200, 90 took up to 100 ms and the others up to 500 ms: the 100th is the 10th of 110 there.
    expect(latencyMs).toEqual({ p50: 136, p95: 464, p99: 493 });
  });

  test('tells of a copy that nobody knew as long as it answers, and no longer', () => {
    const nobody = (count: number) =>
      `switchyard_requests_total{${API},copy="unknown",code="200"} ${count}\n`;
    const copiesOf = (before: number, now: number) =>
      trafficOf(SHOP, [
        {
          before: figures(1_000, { ok: 1, more: nobody(before) }),
          now: figures(1_300, { ok: 2, more: nobody(now) }),
        },
      ])
        .get('api')!
        .copies.map(({ container }) => container);
    expect(copiesOf(1, 3)).toEqual(['shop_production_api', 'unknown']);
    expect(copiesOf(3, 3)).toEqual(['shop_production_api']);
  });

  test('open connections are those of now', () => {
    const more = `switchyard_upstream_connections{${BASE},state="draining"} 4\n`;
    const edge = { before: figures(0, { ok: 1, more }), now: figures(300, { ok: 2, more }) };
    expect(trafficOf(SHOP, [edge]).get('api')!.connections).toEqual({ active: 0, draining: 4 });
  });

  test('of other environments nothing is told', () => {
    const edge = { before: figures(0, { ok: 0 }), now: figures(1, { ok: 5 }) };
    expect(trafficOf({ project: 'blog', environment: 'production' }, [edge]).size).toBe(0);
    expect(trafficOf({ project: 'shop', environment: 'staging' }, [edge]).size).toBe(0);
  });
});

describe('a quantile', () => {
  const EDGES = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, Number.POSITIVE_INFINITY];
  const bucketsOf = (times: readonly number[]) =>
    EDGES.map((edge) => [edge, times.filter((time) => time <= edge).length] as const);

  test('of nothing is none', () => {
    expect(quantile(0.5, [])).toBeUndefined();
    expect(quantile(0.5, bucketsOf([]))).toBeUndefined();
  });

  test('beyond the last edge is that edge', () => {
    expect(quantile(0.99, bucketsOf([100, 200]))).toBe(60);
  });

  test('lies in the bucket of the exact one, whatever the times are', () => {
    const time = fc.double({ min: 0.001, max: 59, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(time, { minLength: 1, maxLength: 200 }),
        fc.constantFrom(0.5, 0.95, 0.99),
        (times, share) => {
          const sorted = [...times].sort((a, b) => a - b);
          const exact = sorted[Math.ceil(share * sorted.length) - 1]!;
          const upper = EDGES.findIndex((edge) => exact <= edge);
          const found = quantile(share, bucketsOf(times))!;
          expect(found).toBeGreaterThan(EDGES[upper - 1] ?? 0);
          expect(found).toBeLessThanOrEqual(EDGES[upper]!);
        },
      ),
    );
  });
});

describe('how copies have answered', () => {
  const counted = (
    copy: string,
    server: string,
    { fails = 0, le = {} as Record<string, number>, codes = {} as Record<string, number> },
  ) => {
    const labels = `${API},copy="${copy}",side="base",server="${server}"`;
    const all = le['+Inf'] ?? 0;
    return [
      ...Object.entries(codes).map(
        ([code, count]) => `switchyard_requests_total{${labels},code="${code}"} ${count}`,
      ),
      ...Object.entries(le).map(
        ([edge, count]) => `switchyard_upstream_duration_seconds_bucket{${labels},le="${edge}"} ${count}`,
      ),
      `switchyard_upstream_duration_seconds_count{${labels}} ${all}`,
      `switchyard_upstream_failures_total{${labels}} ${fails}`,
    ].join('\n');
  };
  const asked = {
    ...{ scope: SHOP, service: 'api', latencyMs: 300 },
    isWatched: (server: string, copy: string) => server === 'a' && copy === 'new',
  };
  const text = [
    counted('new', 'a', {
      fails: 3,
      codes: { 200: 90, 500: 7, 502: 2, 504: 1 },
      le: { '0.25': 80, '0.5': 95, '+Inf': 97 },
    }),
    counted('new', 'b', { codes: { 200: 10 }, le: { '0.25': 10, '0.5': 10, '+Inf': 10 } }),
    counted('old', 'a', { codes: { 200: 40, 503: 1 }, le: { '0.25': 0, '0.5': 1, '+Inf': 41 } }),
  ].join('\n');

  test('is told of each try: what a copy did not answer is one, and what nginx said then is no second one', () => {
    expect(answersOf(text, asked).watched).toEqual({ tries: 100, failures: 10, slow: 2 });
  });

  test('is told of all others together', () => {
    expect(answersOf(text, asked).others).toEqual({ tries: 51, failures: 1, slow: 40 });
  });

  test('is nothing of another service or environment', () => {
    const nothing = { tries: 0, failures: 0, slow: 0 };
    expect(answersOf(text, { ...asked, service: 'web' })).toEqual({ watched: nothing, others: nothing });
    expect(answersOf(text, { ...asked, scope: { ...SHOP, environment: 'staging' } }).watched).toEqual(
      nothing,
    );
  });

  test('takes the next edge of the histogram, and finds nothing slow beyond its last one', () => {
    const slow = (latencyMs: number) => answersOf(text, { ...asked, latencyMs }).watched.slow;
    expect([slow(100), slow(250), slow(251), slow(10_000)]).toEqual([17, 17, 2, 0]);
  });

  test('adds up over edges', () => {
    const { watched, others } = answersOf(text, asked);
    expect(sumOfAnswers([watched, others])).toEqual({ tries: 151, failures: 11, slow: 42 });
  });
});
