import { stringify } from 'yaml';
import { loadConfig } from '../../../src/config/load.ts';
import { resolveEnvironment } from '../../../src/config/resolve.ts';
import { routeOf } from '../../../src/deploy/planning/planned-routes.ts';
import type { Directive } from '../../../src/model/directives.ts';
import type { RepositoryFiles } from '../../../src/model/repository-files.ts';
import { compose, firstFiles, scopeWish } from '../../../src/nginx/compose.ts';
import { parseConfiguration } from '../../../src/nginx/configuration.ts';
import { CONTROL_ACCESS_FILE, renderControlAccess, renderFlagAccess } from '../../../src/nginx/control.ts';
import { PROBE_ACCESS_FILE, renderProbeAccess } from '../../../src/nginx/edge-options.ts';
import { renderPointer } from '../../../src/nginx/main-file.ts';
import type { NginxKind } from '../../../src/nginx/routes.ts';
import { CONFIG_FOLDER, FLAG_ACCESS_FILE, parseTree } from '../../../src/nginx/tree.ts';

const HERE = { name: 'here', zone: 'default' };

/** What a configuration says, as objects; a text is meant as it is written. */
export type Said = Record<string, unknown>;

/**
 * edgeOf returns the files of an nginx, by their paths in its volume, that serves what a configuration says: from the text of
 * the file to what nginx reads, in the way that a deploy goes. It throws the UserErrors for a file that is refused.
 */
export function edgeOf(
  said: Said,
  pages: Readonly<Record<string, string>> = {},
  kind: NginxKind = 'edge',
): Map<string, string> {
  const repository: RepositoryFiles = {
    find: (path) => {
      const text = pages[path];
      if (text === undefined) return undefined;
      return { kind: 'file', file: { bytes: Buffer.from(text), isExecutable: false, isSecret: false } };
    },
  };
  const file = { project: 'shop', environments: { local: { provider: 'local' } }, ...said };
  const loaded = loadConfig(stringify(written(file)), 'switchyard.yml', {});
  const wanted = resolveEnvironment(loaded, 'local', { repository });
  const scope = { project: wanted.project, environment: wanted.environment };
  const routes = wanted.services.map(({ name, ...spec }, index) => {
    const extra = Object.keys(spec.extraPorts ?? {}).map(
      (port, further) => [port, { host: 8_500 + further, internal: 5_500 + further }] as const,
    );
    const ports = { host: 8_100 + index, internal: 5_100 + index, extra: Object.fromEntries(extra) };
    return routeOf({ name, ports }, spec, [{ server: HERE.name, slot: 'base', weight: 1 }]);
  });
  const settings = wanted.nginx;
  const first = firstFiles(kind, scope, settings);
  const facts = { scope, repository: 'example.com/shop', routes, settings, on: HERE, servers: [HERE] };
  const next = compose(kind, parseTree(first), scopeWish(kind, facts));
  return new Map([
    ...next.files,
    ['nginx.conf', renderPointer(next.folder)],
    [FLAG_ACCESS_FILE, renderFlagAccess('open')],
    [PROBE_ACCESS_FILE, renderProbeAccess('open')],
    [CONTROL_ACCESS_FILE, renderControlAccess('172.17.0.1')],
  ]);
}

/** directivesOf returns what nginx would read of these files, by the product's own parser. It throws for what nginx would refuse. */
export function directivesOf(files: ReadonlyMap<string, string>): Directive[] {
  const absolute = new Map([...files].map(([path, text]) => [`${CONFIG_FOLDER}/${path}`, text]));
  const { directives, mistake } = parseConfiguration(absolute, `${CONFIG_FOLDER}/nginx.conf`);
  if (mistake !== undefined) throw new Error(`nginx would not read it: ${mistake}`);
  return directives;
}

/** In values a dollar is written twice; keys are taken as they are. */
function written(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('$', '$$$$');
  if (Array.isArray(value)) return value.map(written);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, written(one)]));
}
