import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  checkName,
  containerName,
  EDGE_LOCK_NAME,
  EDGE_NAME,
  sidecarName,
} from '../../../src/model/names.ts';
import {
  isVersionedName,
  VERSIONED_NAMES_TOTAL_MAX,
  versionedName,
  versionOf,
} from '../../../src/model/version-name.ts';

const SHOP = { project: 'shop', environment: 'production' };
const NOW = new Date('2026-11-26T17:10:42Z');
const NONE = new Set<string>();
const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

describe('the version of an image', () => {
  test.each([
    ['api:15.2', '15_2'],
    ['api:v15.2', '15_2'],
    ['ghcr.io/acme/api:V1.0.0-RC.1', '1_0_0_rc_1'],
    ['api:vision', 'vision'],
    ['api:2026-11-26__7', '2026_11_26_7'],
    ['api:_edge_', 'edge'],
    ['api', 'latest'],
    ['localhost:5000/api', 'latest'],
    ['localhost:5000/api:7', '7'],
    [`api@${DIGEST}`, '0123456789ab'],
    [`api:7@${DIGEST}`, '7'],
    ['api:4f1c9d0a8b7e6f5d4c3b2a1908f7e6d5c4b3a291', '4f1c9d0a8b7e6f5d4c3b2a1908f7e6d5c4b3a291'],
  ])('%s is %s', (image, version) => {
    expect(versionOf(image)).toBe(version);
  });
});

describe('a name with a version', () => {
  test('is that of the service and the version', () => {
    expect(versionedName(SHOP, 'api', 'api:v15.2', NONE, NOW)).toBe('shop_production_api_v15_2');
  });

  test('has the time where another container has the name', () => {
    const taken = new Set(['shop_production_api_v15_2']);
    expect(versionedName(SHOP, 'api', 'api:15.2', taken, NOW)).toBe(
      'shop_production_api_v15_2_20261126t1710',
    );
    expect(versionedName(SHOP, 'api', 'api:15.3', taken, NOW)).toBe('shop_production_api_v15_3');
  });

  const part = fc
    .stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/)
    .filter((name) => name !== 'nginx' && name !== 'switchyard');
  const near = fc.constantFrom('a', 'b', 'a-b', 'secondary', 'v1', 'v15-2');
  const names = fc.oneof(part, near);
  const place = fc.record({
    project: names,
    environment: names,
    service: names,
    tag: fc.oneof(
      fc.constantFrom('1', 'v1', 'secondary', '15.2', 'network'),
      fc.stringMatching(/^\w[\w.-]{0,127}$/),
    ),
  });

  test('has one reading only, is nobody else’s, and fits into a DNS label with the time too', () => {
    fc.assert(
      fc.property(place, place, (a, b) => {
        const name = versionedName(a, a.service, `x:${a.tag}`, NONE, NOW);
        const later = versionedName(a, a.service, `x:${a.tag}`, new Set([name]), NOW);
        const isFitting =
          a.project.length + a.environment.length + a.service.length <= VERSIONED_NAMES_TOTAL_MAX;
        const isSame = (['project', 'environment', 'service'] as const).every((key) => a[key] === b[key]);
        for (const one of [name, later]) {
          if (isFitting) expect(one).toMatch(/^[a-z0-9_-]{1,63}$/);
          expect(isVersionedName(a, a.service, one)).toBe(true);
          expect(isVersionedName(b, b.service, one)).toBe(isSame);
          for (const side of ['base', 'secondary'] as const) {
            expect(containerName(b, b.service, side)).not.toBe(one);
            expect(isVersionedName(a, a.service, containerName(b, b.service, side))).toBe(false);
          }
          expect([sidecarName(b), EDGE_NAME, EDGE_LOCK_NAME]).not.toContain(one);
        }
      }),
      { seed: 3, numRuns: 500 },
    );
  });

  test('the longest names leave eight characters to the version', () => {
    const service = 'x'.repeat(VERSIONED_NAMES_TOTAL_MAX - 'shopproduction'.length);
    const name = versionedName(SHOP, service, 'api:1234567890', NONE, NOW);
    expect(name).toBe(`shop_production_${service}_v12345678`);
    expect(versionedName(SHOP, service, 'api:1234567890', new Set([name]), NOW)).toHaveLength(63);
  });
});

test.each(['api_secondary', 'api_v15', 'a_b', 'api_v15_2_20261126t1710'])(
  'no service can be called %s',
  (name) => {
    expect(() => checkName('service', name)).toThrow('is not allowed');
  },
);
