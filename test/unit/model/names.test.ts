import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { UserError } from '../../../src/model/errors.ts';
import {
  checkName,
  checkNames,
  containerName,
  EDGE_NETWORK,
  NAMES_TOTAL_MAX,
  networkName,
  sidecarName,
  sidecarVolumeName,
  variableName,
  volumeName,
} from '../../../src/model/names.ts';
import { otherSide } from '../../../src/model/side.ts';

const SHOP = { project: 'shop', environment: 'production' };

test('names of an environment', () => {
  expect(containerName(SHOP, 'api', 'base')).toBe('shop_production_api');
  expect(containerName(SHOP, 'api', 'secondary')).toBe('shop_production_api_secondary');
  expect(networkName(SHOP)).toBe('shop_production_network');
  expect(sidecarName(SHOP)).toBe('shop_production_nginx');
  expect(sidecarVolumeName(SHOP)).toBe('shop_production_nginx');
  expect(volumeName(SHOP, 'cache-data')).toBe('shop_production_cache-data');
  expect(variableName('my-db')).toBe('MY_DB');
  expect(otherSide('base')).toBe('secondary');
  expect(otherSide('secondary')).toBe('base');
});

describe('checkName', () => {
  test.each(['a', 'api', 'my-api', 'web2', 'a-1-b'])('takes %j', (name) => {
    expect(() => checkName('service', name)).not.toThrow();
  });

  test.each([
    '',
    'Api',
    'a_b',
    '-a',
    'a-',
    '1a',
    'a.b',
    'a b',
    'ä',
    'a/b',
    'a\n',
    '$(x)',
    'api_secondary',
    'x_v15',
  ])('refuses %j with the rule', (name) => {
    const check = (): void => checkName('service', name);
    expect(check).toThrow(UserError);
    expect(check).toThrow(`service name ${JSON.stringify(name)} is not allowed`);
  });

  test('names of our own containers are reserved', () => {
    expect(() => checkName('service', 'nginx')).toThrow('reserved');
    expect(() => checkName('project', 'switchyard')).toThrow('reserved');
    expect(() => checkName('project', 'nginx')).not.toThrow();
    expect(() => checkName('environment', 'switchyard')).not.toThrow();
  });
});

test('the three names together fit into a DNS label', () => {
  const service = 'x'.repeat(NAMES_TOTAL_MAX - 'shopproduction'.length);
  expect(() => checkNames(SHOP, service)).not.toThrow();
  expect(containerName(SHOP, service, 'secondary')).toHaveLength(63);
  expect(() => checkNames(SHOP, `${service}x`)).toThrow('52 characters together, at most 51 fit');
});

const name = fc.stringMatching(/^[a-z]([a-z0-9-]{0,12}[a-z0-9])?$/).filter((text) => text !== 'nginx');
const place = fc.record({
  project: name,
  environment: name,
  service: name,
  side: fc.constantFrom('base' as const, 'secondary' as const),
});

test('a container name has one reading only', () => {
  fc.assert(
    fc.property(place, place, (a, b) => {
      const isSame = JSON.stringify(Object.values(a)) === JSON.stringify(Object.values(b));
      expect(containerName(a, a.service, a.side) === containerName(b, b.service, b.side)).toBe(isSame);
    }),
  );
  // Names that are near to each other, which random ones never are.
  const near = fc.constantFrom('a', 'b', 'a-b', 'secondary', 'network');
  const nearPlace = fc.record({
    project: near,
    environment: near,
    service: near,
    side: fc.constantFrom('base' as const, 'secondary' as const),
  });
  fc.assert(
    fc.property(nearPlace, nearPlace, (a, b) => {
      const isSame = JSON.stringify(Object.values(a)) === JSON.stringify(Object.values(b));
      expect(containerName(a, a.service, a.side) === containerName(b, b.service, b.side)).toBe(isSame);
      expect(containerName(a, a.service, a.side)).not.toBe(sidecarName(b));
    }),
    { numRuns: 2000 },
  );
});

test("the edge's network sorts before that of every project", () => {
  fc.assert(fc.property(place, (scope) => expect(EDGE_NETWORK < networkName(scope)).toBe(true)));
});
