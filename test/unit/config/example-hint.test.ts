import { describe, expect, test } from '@jest/globals';
import { parseDocument } from 'yaml';
import { documentedSchema, type SchemaNode } from '../../../scripts/json-schema.ts';
import { exampleHint } from '../../../src/config/example-hint.ts';
import { errorsOf, indented, localFile, resolveText } from './files.ts';

/** What is wrong with a service `api` that has these keys: below which path, and the hint. */
const wrong = (keys: string): [path: string, hint: string | undefined][] =>
  errorsOf(() => resolveText(localFile(`api:\n  image: a\n${indented(keys, 2)}`))).map(
    ({ message, hint }) => [message.split(': ')[0]!.replace('services.api.', ''), hint],
  );

const isList = ({ type, anyOf = [], oneOf = [] }: SchemaNode): boolean =>
  type === 'array' || [...anyOf, ...oneOf].some(isList);
/** Keys of a service that take a list. */
const LISTS = Object.entries(documentedSchema().$defs?.service?.properties ?? {})
  .filter(([, node]) => isList(node))
  .map(([name]) => name);

test('there are some twenty lists', () => {
  expect(LISTS.length).toBeGreaterThan(20);
});

describe.each(LISTS)('an entry of %s that is none', (name) => {
  test.each(['[a]', 'null'])('%s: the hint shows one that is', (entry) => {
    expect(wrong(`${name}: [${entry}]`)).toEqual([
      [`${name}[0]`, expect.stringMatching(/An entry looks like this: ["{\w]|For example: \w+: /)],
    ]);
  });
});

test.each([
  ['configs: [1]', 'loki, or { source: loki, target: /etc/loki/loki.yml, mode: 0440 }'],
  [
    'configs: [null]',
    'Write one after the dash, or leave the entry out. An entry looks like this: loki, or { source',
  ],
  ['secrets: [1]', 'api_token, or { source: api_token, target: token, uid: 1000, gid: 1000, mode: 0440 }'],
  ['env_file: [true]', 'common.env, or { path: local.env, required: false }'],
  [
    'volumes: [8080]',
    '"assets:/srv/assets:ro", or { type: volume, source: assets, target: /srv/assets, read_only: true }',
  ],
  ['devices: [1]', '"/dev/ttyUSB0:/dev/ttyUSB0", or { source: /dev/dri, target: /dev/dri, permissions: rw }'],
  ['environment: [{ LEVEL: info }]', '"LOG_LEVEL=info"'],
  ['labels: [{ team: shop }]', '"com.example.team=shop"'],
  ['depends_on: [{ db: {} }]', 'cache'],
])('%s', (keys, words) => {
  const [[path, hint] = []] = wrong(keys);
  expect(path).toBe(`${keys.split(':')[0]}[0]`);
  expect(hint).toContain(words);
});

test('an entry that has become a map by the blank after its colon is shown how it looks', () => {
  expect(wrong('volumes: [data: /var/lib/app]')).toContainEqual([
    'volumes[0].data',
    expect.stringContaining('An entry looks like this: "assets:/srv/assets:ro", or'),
  ]);
});

test.each([
  ['configs: loki', 'For example: configs: [loki]'],
  ['volumes: { data: /x }', 'For example: volumes: ["assets:/srv/assets:ro"'],
  ['ulimits: [nofile]', 'For example: ulimits: { nofile: 65536 }'],
  ['depends_on: cache', 'For example: depends_on: [cache]'],
  ['environment: LEVEL=info', 'For example: environment: ["LOG_LEVEL=info", "API_TOKEN"]'],
  ['extra_hosts: { printer: 1 }', 'For example: extra_hosts: ["host.docker.internal:host-gateway"]'],
  ['healthcheck: /up', 'For example: healthcheck: { test: pg_isready -h 127.0.0.1 }'],
  ['deploy: 3', 'For example: deploy: { resources: { limits: { cpus: "0.5" } } }'],
  ['drain: 10s', 'For example: drain: { timeout: 60s }'],
  ['drain:', 'Write one after the colon, or leave the key out. For example: drain: { timeout: 60s }'],
  ['restart: true', 'For example: restart: on-failure:3'],
])('what takes another form is shown whole: %s', (keys, words) => {
  expect(wrong(keys)).toEqual([[expect.any(String), expect.stringContaining(words)]]);
});

test.each([
  ['services: { api: nginx }', 'For example: api: { image: ghcr.io/acme/api:1.2.3 }'],
  ['configs: [app]', 'For example: configs: { loki: { file: ./loki.yml } }'],
  ['secrets: { token: TOKEN }', 'For example: secrets: { api_token: { environment: PROD_API_TOKEN } }'],
  ['environments: { local: local }', 'For example: local: { provider: static }'],
  [
    'environments: { local: { provider: static, user: a, servers: web-1 } }',
    'For example: servers: [{ host: 203',
  ],
  [
    'environments: { local: { provider: static, user: a, servers: [web-1] } }',
    'like this: { host: 203.0.113.10',
  ],
])('above the services, too: %s', (keys, words) => {
  const [key] = keys.split(':');
  const others = { project: 'project: shop', environments: 'environments: { local: { provider: local } }' };
  const text = [keys, ...Object.entries(others).flatMap(([name, line]) => (name === key ? [] : [line]))].join(
    '\n',
  );
  expect(errorsOf(() => resolveText(text))).toEqual([
    expect.objectContaining({ hint: expect.stringContaining(words) }),
  ]);
});

test('every example that is shown is YAML', () => {
  const shown = Object.keys(documentedSchema().$defs?.service?.properties ?? {}).flatMap(
    (name) => exampleHint(['services', 'api', name])?.replace('For example: ', '') ?? [],
  );
  expect(shown.length).toBeGreaterThan(80);
  for (const yaml of shown) expect(parseDocument(yaml).errors).toEqual([]);
});

test('a number where text is meant is put in quotes, which says more', () => {
  expect(wrong('labels: [1]')).toEqual([['labels[0]', 'Put it in quotes: "1".']]);
});
