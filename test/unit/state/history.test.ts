import { describe, expect, test } from '@jest/globals';
import { formatMessage, historyMessage, type ServiceChange } from '../../../src/state/history.ts';

const scope = { project: 'shop', environment: 'production' };
const SHIPPED = { image: 'ghcr.io/acme/api:1.2.3', domains: ['api.example.com'] };
const WORDS = 'ghcr.io/acme/api:1.2.3 at api.example.com';
const released = (service: string, from: number, to: number, servers = 2): ServiceChange => ({
  service,
  kind: 'released',
  from,
  to,
  servers,
  ...SHIPPED,
});

describe('the subject', () => {
  test.each<[ServiceChange[], string]>([
    [[released('api', 7, 8)], 'shop production: api 7 → 8 (1.2.3, 2 servers)'],
    [
      [{ ...released('api', 7, 8), restores: 5 } as ServiceChange],
      'shop production: api 7 → 8 (5 restored, 1.2.3, 2 servers)',
    ],
    [[released('api', 0, 1, 1)], 'shop production: api → 1 (1.2.3, 1 server)'],
    [
      [{ service: 'api', kind: 'begun', from: 7, to: 8, ...SHIPPED }],
      'shop production: begin api 7 → 8 (1.2.3)',
    ],
    [
      [{ service: 'api', kind: 'failed', from: 7, to: 8, ...SHIPPED }],
      'shop production: api 7 → 8 (1.2.3) not deployed',
    ],
    [
      [released('api', 7, 8), { service: 'web', kind: 'removed', from: 3 }],
      'shop production: api 7 → 8 (1.2.3, 2 servers), web removed (was 3)',
    ],
    [
      [
        { service: 'api', kind: 'routed' },
        { service: 'web', kind: 'policy' },
        { service: 'db', kind: 'recorded' },
      ],
      'shop production: api routes, web policy, db recorded',
    ],
    [[], 'shop production: recorded'],
  ])('%j', (changes, subject) => {
    expect(historyMessage(scope, changes).subject).toBe(subject);
  });

  test('names as many as fit, and the body all', () => {
    const changes = ['alpha', 'bravo', 'charlie', 'delta'].map((name) => released(name, 1, 2));
    const { subject, body } = historyMessage(scope, changes);
    expect(subject).toBe('shop production: alpha 1 → 2 (1.2.3, 2 servers) and 3 more');
    expect(subject.length).toBeLessThanOrEqual(72);
    expect(body?.split('\n')).toEqual(
      ['alpha', 'bravo', 'charlie', 'delta'].map((name) => `- ${name} 1 → 2 (1.2.3, 2 servers): ${WORDS}`),
    );
  });

  test('has whole images and domains below it, where there are any', () => {
    const routed: ServiceChange = { service: 'web', kind: 'routed' };
    expect(historyMessage(scope, [released('api', 7, 8), routed]).body).toBe(
      `- api 7 → 8 (1.2.3, 2 servers): ${WORDS}\n- web routes`,
    );
    expect(historyMessage(scope, [routed]).body).toBeUndefined();
  });

  test.each([
    ['api', 'latest'],
    ['localhost:5000/api', 'latest'],
    ['api:v1.2', 'v1.2'],
    ['api:v1.2@sha256:0123456789abcdef', 'v1.2'],
    ['api@sha256:0123456789abcdef', 'sha256:0123456789ab'],
    ['api:0123456789abcdef0123456789abcdef01234567', '0123456789ab…'],
  ])('calls %s %s', (image, version) => {
    const { subject } = historyMessage(scope, [{ ...released('api', 0, 1), image } as ServiceChange]);
    expect(subject).toBe(`shop production: api → 1 (${version}, 2 servers)`);
  });

  test('always names the first, however long', () => {
    const long = 'a'.repeat(80);
    expect(historyMessage(scope, [released(long, 1, 2), released('b', 1, 2)]).subject).toBe(
      `shop production: ${long} 1 → 2 (1.2.3, 2 servers) and 1 more`,
    );
  });
});

test('a message has its trailers at the end, one line each, without blank ones', () => {
  expect(
    formatMessage({
      subject: 'a\nb',
      body: '- x',
      trailers: { Run: 'r\nEvil: 1', Actor: '', Commit: undefined },
    }),
  ).toBe('a b\n\n- x\n\nRun: r Evil: 1\n');
  expect(formatMessage({ subject: 'a', trailers: {} })).toBe('a\n');
});
