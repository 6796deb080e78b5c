import { describe, expect, test } from '@jest/globals';
import { checkBuilt, keptImages } from '../../../src/commands/built-images.ts';
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
const none = { images: {}, service: undefined };
const some = { images: { api: 'ghcr.io/acme/api:1' }, service: undefined };

describe('a service of which a run has no image', () => {
  test('keeps the one that serves, when the run has others', () => {
    expect(keptImages(project, some)).toEqual(['web', 'named']);
    expect(() => checkBuilt(project, some)).not.toThrow();
  });

  test('is told of when it has none at all, on its line', () => {
    expect(() => checkBuilt(project, none)).toThrow(
      'services.api.build: its image is built, and this run was given none\nservices.web.build: its image is built, and this run was given none',
    );
  });

  test('has the one that the file names, then', () => {
    expect(keptImages(project, none)).toEqual(['api', 'web']);
    expect(() => checkBuilt(project, { ...none, service: ['named', 'cache'] })).not.toThrow();
  });

  test('is nobody’s matter in a run for others, or one that brings no versions', () => {
    expect(keptImages(project, { ...some, service: ['cache'] })).toEqual([]);
    expect(keptImages(project, { images: undefined, service: undefined })).toEqual([]);
    expect(() => checkBuilt(project, { images: undefined, service: undefined })).not.toThrow();
  });
});
