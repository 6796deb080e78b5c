import { describe, expect, test } from '@jest/globals';
import { isGivenBuilt, keptImages } from '../../../src/commands/built-images.ts';
import { loadEnvironment } from '../../../src/config/resolve.ts';

const project = loadEnvironment(
  `project: shop
registry: ghcr.io/acme
environments: { local: { provider: local } }
services:
  api: { build: ./api, port: 1 }
  web: { build: ./web, port: 1 }
  named: { build: ./named, image: "ghcr.io/acme/named:1", port: 1 }
  cache: { image: "redis:7" }
`,
  'switchyard.yml',
  {},
  'local',
);

describe('a service that is built', () => {
  test('keeps the image that serves, when a run has others', () => {
    expect(keptImages(project, { images: { api: 'ghcr.io/acme/api:1' } })).toEqual(['web', 'named']);
  });

  test('is nobody’s matter in a run for others, or one that brings no versions', () => {
    expect(keptImages(project, { images: {}, service: ['cache'] })).toEqual([]);
    expect(keptImages(project, {})).toEqual([]);
  });
});

test('a run builds, unless it was given the image of a service that is built', () => {
  expect(isGivenBuilt(project, {})).toBe(false);
  expect(isGivenBuilt(project, { cache: 'redis:8' })).toBe(false);
  expect(isGivenBuilt(project, { named: 'ghcr.io/acme/named:2' })).toBe(true);
});
