import { expect, test } from '@jest/globals';
import {
  type BuildContent,
  contentLabel,
  contentParts,
  contentHash as hashOfParts,
  whyBuilt,
} from '../../../src/build/content-hash.ts';
import { buildSpec } from './specs.ts';

const content = (changes: Partial<BuildContent> = {}): BuildContent => ({
  spec: buildSpec({ args: { A: '1', B: '2' } }),
  dockerfile: 'FROM node:24',
  context: [{ path: 'a', kind: 'file', sha256: '1', isExecutable: false }],
  contexts: {},
  images: { 'node:24': 'sha256:1' },
  platform: 'linux/amd64',
  ...changes,
});
const contentHash = (one: BuildContent) => hashOfParts(contentParts(one));
const own = contentHash(content());

test('the same content has the same hash, in whatever order it was said', () => {
  expect(own).toMatch(/^[0-9a-f]{64}$/);
  expect(contentHash(content({ spec: buildSpec({ args: { B: '2', A: '1' } }) }))).toBe(own);
});

test.each<[string, Partial<BuildContent>]>([
  ['the Dockerfile', { dockerfile: 'FROM node:24 AS x' }],
  ['a file', { context: [{ path: 'a', kind: 'file', sha256: '2', isExecutable: false }] }],
  ['whether a file can be run', { context: [{ path: 'a', kind: 'file', sha256: '1', isExecutable: true }] }],
  ['where a link leads', { context: [{ path: 'a', kind: 'link', to: 'b' }] }],
  ['a base image', { images: { 'node:24': 'sha256:2' } }],
  ['an argument', { spec: buildSpec({ args: { A: '1', B: '3' } }) }],
  ['the stage', { spec: buildSpec({ args: { A: '1', B: '2' }, target: 'x' }) }],
  ['the platform', { platform: 'linux/arm64' }],
  [
    'which secrets there are',
    { spec: buildSpec({ args: { A: '1', B: '2' }, secrets: { t: Buffer.from('a') } }) },
  ],
])('%s makes another one', (_what, changes) => {
  expect(contentHash(content(changes))).not.toBe(own);
});

test.each<[string, Partial<BuildContent['spec']>]>([
  ['tags', { tags: ['r/a:1'] }],
  ['caches', { cacheFrom: ['type=gha'], cacheTo: ['type=gha'] }],
  ['the name of the image', { repository: 'elsewhere/api' }],
])('%s do not', (_what, changes) => {
  expect(contentHash(content({ spec: buildSpec({ args: { A: '1', B: '2' }, ...changes }) }))).toBe(own);
});

test('neither does the value of a secret', () => {
  const withSecret = (value: string) =>
    contentHash(content({ spec: buildSpec({ secrets: { t: Buffer.from(value) } }) }));
  expect(withSecret('a')).toBe(withSecret('b'));
});

test('what has changed since the last image is told', () => {
  const label = contentLabel(contentParts(content()));
  const since = (changes: Partial<BuildContent>) => whyBuilt(contentParts(content(changes)), label);
  expect(since({ dockerfile: 'FROM x', images: {} })).toBe(
    'the Dockerfile has changed, an image that it builds on has changed',
  );
  expect(since({ context: [] })).toBe('files of the context have changed');
  expect(since({ platform: 'linux/arm64' })).toBe('how it is built has changed');
  expect(since({})).toBe('its image has left the registry');
  expect(whyBuilt(contentParts(content()), undefined)).toBe('there is no earlier image of it');
});
