import { describe, expect, test } from '@jest/globals';
import { namesOf, versionText } from '../../../src/model/image-name.ts';
import {
  isNameInTransfer,
  isTransferred,
  nameInTransfer,
  transferredDigest,
  transferredName,
} from '../../../src/model/transferred-image.ts';
import { versionOf } from '../../../src/model/version-name.ts';

const HEX = '0123456789abcdef'.repeat(4);
const NAME = `shop-production-api:sha256-${HEX}`;

test('an image of no registry is named on servers by its digest, and has it from its name', () => {
  expect(transferredName(`shop-production-api@sha256:${HEX}`)).toBe(NAME);
  expect(transferredDigest(NAME)).toBe(`shop-production-api@sha256:${HEX}`);
  expect(transferredDigest(transferredName(`acme/api:edge@sha256:${HEX}`)!)).toBe(`acme/api@sha256:${HEX}`);
});

test.each([
  'api',
  'api:1',
  `api@sha256:${HEX}`,
  `api:sha256-${HEX}.sig`,
  `api:sha256-${HEX.slice(1)}`,
  `api:sha256-${HEX.toUpperCase()}`,
])('%s is one of a registry', (image) => {
  expect(isTransferred(image)).toBe(false);
});

test('a name without a digest cannot say it', () => {
  expect(transferredName('api:1')).toBeUndefined();
});

describe('people, and names of containers, know it by the beginning of the digest', () => {
  test.each([
    ['a log', versionText(NAME), 'sha256:0123456789ab'],
    ['a container', versionOf(NAME), '0123456789ab'],
    ['retention', namesOf(NAME), [NAME]],
  ])('in %s', (_where, told, expected) => {
    expect(told).toEqual(expected);
  });
});

test('the name that it has on its way is told from all others', () => {
  const token = '0f'.repeat(16);
  const name = `${nameInTransfer(40123, { token, name: 'acme/api' })}@sha256:${HEX}`;
  expect(name).toBe(`127.0.0.1:40123/${token}/acme/api@sha256:${HEX}`);
  expect(isNameInTransfer(name)).toBe(true);
  for (const other of [NAME, '127.0.0.1:5000/acme/api:1', `registry.example.com:1/${token}/api:1`])
    expect(isNameInTransfer(other)).toBe(false);
});
