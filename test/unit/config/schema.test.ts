import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { documentedSchema, editorSchema, type SchemaNode } from '../../../scripts/json-schema.ts';
import { presetsPage } from '../../../scripts/presets-page.ts';
import { referencePage } from '../../../scripts/reference.ts';
import { DEFAULTS } from '../../../src/config/defaults.ts';
import { messagesOf, resolveOne, SHOP } from './files.ts';

const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(editorSchema());
const service = documentedSchema().$defs?.service?.properties ?? {};

describe('the JSON Schema', () => {
  test('takes the file that issue 3 asks for', () => {
    validate(parse(SHOP));
    expect(validate.errors).toBeNull();
  });

  test.each([
    ['an unknown key', { services: { api: { imag: 'x' } } }],
    ['a wrong name', { services: { A: {} } }],
    ['a wrong strategy', { services: { api: { strategy: 'rolling' } } }],
    ['servers of a local environment', { environments: { local: { provider: 'local', servers: [] } } }],
  ])('refuses %s', (_what, change) => {
    expect(validate({ ...(parse(SHOP) as object), ...change })).toBe(false);
  });

  test('takes extension keys at the top and in services', () => {
    expect(validate({ ...(parse(SHOP) as object), 'x-a': 1, services: { api: { 'x-b': [] } } })).toBe(true);
  });

  test('has a meaning for every key', () => {
    const silent: string[] = [];
    const walk = (node: SchemaNode, path: string): void => {
      for (const [name, property] of Object.entries(node.properties ?? {})) {
        if (!property.description) silent.push(`${path}.${name}`);
        walk(property, `${path}.${name}`);
      }
      for (const inner of [
        node.items,
        node.additionalProperties,
        ...(node.anyOf ?? []),
        ...(node.oneOf ?? []),
      ]) {
        if (typeof inner === 'object') walk(inner, path);
      }
    };
    for (const [name, node] of Object.entries(documentedSchema().$defs ?? {})) walk(node, name);
    expect(silent).toEqual([]);
  });
});

describe('every example of the reference is right', () => {
  const snippets = (keys: Record<string, SchemaNode>, around: (yaml: string) => string): [string, string][] =>
    Object.values(keys).flatMap(({ short, long, example }) =>
      [short, long, example].flatMap((yaml): [string, string][] =>
        yaml === undefined ? [] : [[yaml, around(yaml)]],
      ),
    );
  const below = (path: string[]) => (yaml: string) =>
    [
      ...path.map((key, depth) => `${'  '.repeat(depth)}${key}:`),
      yaml.replaceAll(/^/gm, '  '.repeat(path.length)),
    ].join('\n');
  const propertiesAt = (path: string[]): Record<string, SchemaNode> =>
    path.reduce<Record<string, SchemaNode>>((keys, key) => keys[key]?.properties ?? {}, service);
  const all = [
    [],
    ['healthcheck'],
    ['drain'],
    ['logging'],
    ['deploy', 'resources', 'limits'],
    ['deploy', 'resources', 'reservations'],
  ].flatMap((path) => snippets(propertiesAt(path), below(path)));

  test('there are many', () => expect(all.length).toBeGreaterThan(40));

  test.each(all)('%s', (_yaml, keys) => {
    // Some name another service, a zone or several servers, which one service alone has not, or are for workers or databases.
    const rest = messagesOf(() => resolveOne(keys)).filter(
      (message) => !/there is no|servers are wanted|is for workers|speak http|is no database/.test(message),
    );
    expect(rest).toEqual([]);
  });
});

test('the defaults that are shown are those that hold', () => {
  const { policy, placement, route, container } = resolveOne('');
  expect(placement.servers).toBe(DEFAULTS.servers);
  expect(service.idle_timeout?.fallback).toEqual({ value: '24h' });
  expect(route.idleTimeoutMs).toBe(86_400_000);
  expect(service.drain?.properties?.timeout?.fallback).toEqual({ value: '120s' });
  expect(policy.drainTimeoutMs).toBe(120_000);
  expect(service.restart?.fallback).toEqual({ value: container.restart.name });
});

test.each([
  ['schema/switchyard.schema.json', () => `${JSON.stringify(editorSchema(), null, 2)}\n`],
  ['docs/reference/configuration.md', referencePage],
  ['docs/reference/presets.md', presetsPage],
])('%s is what scripts/generate.ts writes', (path, content) => {
  expect(readFileSync(path, 'utf8')).toBe(content());
});
