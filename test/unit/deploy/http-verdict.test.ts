import { describe, expect, test } from '@jest/globals';
import { checkWithImage } from '../../../src/deploy/steps/examination.ts';
import { complaintAbout } from '../../../src/deploy/steps/http-verdict.ts';
import type { Healthcheck } from '../../../src/model/spec.ts';

type Expected = Pick<Healthcheck, 'path' | 'expect'>;

const ASKED = { path: '/health', host: 'shop.example.com' };
const PATH: Expected = { path: '/health' };
const OK_JSON: Expected = { ...PATH, expect: { json: { status: 'ok', database: { connected: true } } } };

const complaint = (expected: Expected, status: number, body = '', headers: Record<string, string> = {}) =>
  complaintAbout({ status, headers, body }, ASKED, expected);

describe('what is healthy', () => {
  test.each<[string, Expected, number[], number[]]>([
    ['a path', PATH, [200, 204, 301, 399], [199, 400, 401, 404, 500, 503]],
    ['no path', {}, [200, 302, 401, 404, 499], [500, 503]],
    [
      'statuses that are named',
      {
        ...PATH,
        expect: {
          status: [
            [200, 200],
            [401, 403],
          ],
        },
      },
      [200, 401, 403],
      [204, 302, 404],
    ],
  ])('with %s', (_what, expected, good, bad) => {
    for (const status of good) expect(complaint(expected, status)).toBeUndefined();
    for (const status of bad) expect(complaint(expected, status)?.why).toContain(`answered ${status}`);
  });

  test('JSON that has at least what is expected', () => {
    const body = { status: 'ok', uptime: 3, database: { connected: true, pool: [1, 2] } };
    expect(complaint(OK_JSON, 200, JSON.stringify(body))).toBeUndefined();
    const lists: Expected = { expect: { json: { database: { pool: [1, 2] } } } };
    expect(complaint(lists, 200, JSON.stringify(body))).toBeUndefined();
    expect(complaint({ expect: { json: {} } }, 200, '{"any":1}')).toBeUndefined();
  });
});

describe('what is not is told apart, with what to do', () => {
  const https = { location: 'https://shop.example.com/health' };
  test.each<[string, Expected, [number, string?, Record<string, string>?], string, RegExp | undefined]>([
    [
      'a redirect to https',
      { expect: { status: [[200, 200]] } },
      [301, '', https],
      'GET /health answered 301, a redirect to https://shop.example.com/health',
      /X-Forwarded-Proto: https/,
    ],
    [
      'another redirect',
      { expect: { status: [[200, 200]] } },
      [302, '', { location: '/login' }],
      'GET /health answered 302, a redirect to /login',
      /not followed: set "path" to where it leads/,
    ],
    [
      'a login',
      PATH,
      [401],
      'GET /health answered 401: the app wants to know who asks',
      /expect: \{ status: 401 \}/,
    ],
    ['no right', PATH, [403], 'GET /health answered 403: the app wants to know who asks', /without a login/],
    [
      'a host that it does not take',
      PATH,
      [400],
      'GET /health answered 400 to the host shop.example.com',
      /ALLOWED_HOSTS .* headers: \{ Host: … \}/,
    ],
    ['a path that is not there', PATH, [404], 'GET /health answered 404', /Is "path"/],
    [
      'a good answer that nobody named',
      { expect: { status: [[200, 200]] } },
      [204],
      'GET /health answered 204, which "expect" does not name',
      /status: \[204, …\]/,
    ],
    ['an app that is ill', PATH, [503], 'GET /health answered 503', undefined],
    [
      'no content where JSON is expected',
      OK_JSON,
      [204],
      'GET /health answered 204 without any content, and JSON is expected',
      /status alone counts/,
    ],
    [
      'something else than JSON',
      OK_JSON,
      [200, '<!doctype html>'],
      'GET /health answered 200 with what is no JSON: "<!doctype html>"',
      /status alone counts/,
    ],
    ['a list', OK_JSON, [200, '[]'], 'GET /health answered 200, and its JSON is no map', undefined],
    [
      'another value',
      OK_JSON,
      [200, '{"status":"starting"}'],
      'GET /health answered 200, and "status" is "starting", not "ok"',
      undefined,
    ],
    [
      'a value of another type',
      { expect: { json: { ready: true } } },
      [200, '{"ready":"true"}'],
      'GET /health answered 200, and "ready" is "true", not true',
      undefined,
    ],
    [
      'a member that is missing, far inside',
      OK_JSON,
      [200, '{"status":"ok","database":{}}'],
      'GET /health answered 200, and its JSON has no "database.connected"',
      undefined,
    ],
    [
      'a value where a map is expected',
      OK_JSON,
      [200, '{"status":"ok","database":1}'],
      'GET /health answered 200, and "database" is no map',
      undefined,
    ],
  ])('%s', (_what, expected, [status, body, headers], why, advice) => {
    const found = complaint(expected, status, body, headers);
    expect(found?.why).toBe(why);
    if (advice === undefined) expect(found?.advice).toBeUndefined();
    else expect(found?.advice).toMatch(advice);
  });

  test('what an app says at length is shown in part', () => {
    expect(complaint(OK_JSON, 200, 'x'.repeat(10_000))?.why.length).toBeLessThan(150);
  });
});

describe("an image's own HEALTHCHECK", () => {
  const said: Healthcheck = {
    kind: 'default',
    intervalMs: 1_000,
    timeoutMs: 5_000,
    retries: 3,
    startPeriodMs: 10_000,
    unsaid: ['intervalMs', 'timeoutMs', 'startPeriodMs'],
  };
  const image = { test: ['CMD', 'ready'], intervalMs: 30_000, retries: 9, startPeriodMs: 120_000 };

  test('brings its times, where neither the file nor the image is silent', () => {
    expect(checkWithImage(said, image)).toMatchObject({
      intervalMs: 30_000,
      timeoutMs: 5_000,
      retries: 3,
      startPeriodMs: 120_000,
    });
  });

  test.each<[string, Healthcheck, string[]]>([
    ['another check is said', { ...said, kind: 'http' }, ['CMD', 'ready']],
    ['there is none', said, []],
    ['there shall be none', said, ['NONE']],
  ])('brings nothing where %s', (_why, healthcheck, words) => {
    expect(checkWithImage(healthcheck, { ...image, test: words })).toEqual(healthcheck);
  });
});
