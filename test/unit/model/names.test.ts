import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SLOTS, type Slot } from '../../../src/model/copy.ts';
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

const SHOP = { project: 'shop', environment: 'production' };

test('names of an environment', () => {
  expect(containerName(SHOP, 'api', 'base')).toBe('shop_production_api');
  expect(containerName(SHOP, 'api', 'secondary')).toBe('shop_production_api_secondary');
  expect(containerName(SHOP, 'api', '3')).toBe('shop_production_api_3');
  expect(networkName(SHOP)).toBe('shop_production_network');
  expect(sidecarName(SHOP)).toBe('shop_production_nginx');
  expect(sidecarVolumeName(SHOP)).toBe('shop_production_nginx');
  expect(volumeName(SHOP, 'cache-data')).toBe('shop_production_cache-data');
  expect(variableName('my-db')).toBe('MY_DB');
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
  });

  test('what every map has is no name', () => {
    expect(() => checkName('service', 'constructor')).toThrow('JavaScript');
    expect(() => checkName('project', 'nginx')).not.toThrow();
    expect(() => checkName('environment', 'switchyard')).not.toThrow();
  });
});

test('the three names together fit into a DNS label', () => {
  const service = 'x'.repeat(NAMES_TOTAL_MAX - 'shopproduction'.length);
  expect(() => checkNames(SHOP, service)).not.toThrow();
  for (const slot of SLOTS) expect(containerName(SHOP, service, slot).length).toBeLessThanOrEqual(63);
  expect(() => checkNames(SHOP, `${service}x`)).toThrow('52 characters together, at most 51 fit');
});

const name = fc.stringMatching(/^[a-z]([a-z0-9-]{0,12}[a-z0-9])?$/).filter((text) => text !== 'nginx');
const place = fc.record({
  project: name,
  environment: name,
  service: name,
  slot: fc.constantFrom<Slot>(...SLOTS),
});

test('a container name has one reading only', () => {
  fc.assert(
    fc.property(place, place, (a, b) => {
      const isSame = JSON.stringify(Object.values(a)) === JSON.stringify(Object.values(b));
      expect(containerName(a, a.service, a.slot) === containerName(b, b.service, b.slot)).toBe(isSame);
    }),
  );
  // Names that are near to each other, which random ones never are.
  const near = fc.constantFrom('a', 'b', 'a-b', 'secondary', 'network');
  const nearPlace = fc.record({
    project: near,
    environment: near,
    service: near,
    slot: fc.constantFrom<Slot>(...SLOTS),
  });
  fc.assert(
    fc.property(nearPlace, nearPlace, (a, b) => {
      const isSame = JSON.stringify(Object.values(a)) === JSON.stringify(Object.values(b));
      expect(containerName(a, a.service, a.slot) === containerName(b, b.service, b.slot)).toBe(isSame);
      expect(containerName(a, a.service, a.slot)).not.toBe(sidecarName(b));
    }),
    { numRuns: 2000 },
  );
});

test("the edge's network sorts before that of every project", () => {
  fc.assert(fc.property(place, (scope) => expect(EDGE_NETWORK < networkName(scope)).toBe(true)));
});
