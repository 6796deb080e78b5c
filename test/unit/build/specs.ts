import type { BuildSpec } from '../../../src/model/build.ts';

/** buildSpec returns the build of `api`, with changes. */
export function buildSpec(changes: Partial<BuildSpec> = {}): BuildSpec {
  return {
    service: 'api',
    repository: 'ghcr.io/acme/shop-production-api',
    tags: [],
    context: './api',
    dockerfile: { path: 'api/Dockerfile' },
    args: {},
    secrets: {},
    labels: {},
    platforms: [],
    ssh: [],
    cacheFrom: [],
    cacheTo: [],
    contexts: {},
    extraHosts: [],
    ulimits: {},
    entitlements: [],
    noCache: false,
    pull: false,
    ...changes,
  };
}
