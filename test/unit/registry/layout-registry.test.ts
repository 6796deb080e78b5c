import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type LayoutImage, platformOf } from '../../../src/registry/layout.ts';
import { LayoutRegistry } from '../../../src/registry/layout-registry.ts';
import { digestOf, keptImage } from './layouts.ts';

let tcp: Server;
let registry: LayoutRegistry;
let image: LayoutImage;
let origin: string;
let name: string;

/** Connections come to the registry as they come from a server: as streams. */
beforeEach(async () => {
  const { store, digest } = await keptImage(['base', 'of this version '.repeat(1000)]);
  image = (await store.find(digest))!;
  registry = new LayoutRegistry(image, 'shop-production-api');
  tcp = createServer((stream) => registry.accept(stream));
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(tcp.address() as AddressInfo).port}`;
  name = `${registry.token}/shop-production-api`;
});

afterEach(() => {
  registry.close();
  tcp.close();
});

const ask = (path: string, options: RequestInit = {}) => fetch(`${origin}${path}`, options);
const layerOf = () => platformOf(image).layers[1]!;
const blob = (digest = layerOf().digest) => `/v2/${name}/blobs/${digest}`;
const manifest = (digest = image.digest) => `/v2/${name}/manifests/${digest}`;

test('it says that it is a registry', async () => {
  const { status, headers } = await ask('/v2/');
  expect([status, headers.get('docker-distribution-api-version')]).toEqual([200, 'registry/2.0']);
});

test('a manifest is had by its digest, as it is', async () => {
  const answer = await ask(manifest());
  expect(answer.headers.get('content-type')).toBe('application/vnd.oci.image.manifest.v1+json');
  expect(answer.headers.get('docker-content-digest')).toBe(image.digest);
  expect(digestOf(await answer.text())).toBe(image.digest);
});

test('a blob is had whole, and what was sent of it is counted', async () => {
  const { digest, size } = layerOf();
  const answer = await ask(blob());
  expect(digestOf(Buffer.from(await answer.arrayBuffer()))).toBe(digest);
  expect(registry.sentBytes).toBe(size);
});

test('HEAD says how large it is, and sends nothing', async () => {
  const answer = await ask(blob(), { method: 'HEAD' });
  expect([answer.status, answer.headers.get('content-length')]).toEqual([200, String(layerOf().size)]);
  expect(registry.sentBytes).toBe(0);
});

test('who has a part asks for the rest', async () => {
  const { path, size } = layerOf();
  const answer = await ask(blob(), { headers: { range: 'bytes=10-' } });
  expect([answer.status, answer.headers.get('content-range')]).toEqual([206, `bytes 10-${size - 1}/${size}`]);
  expect(Buffer.from(await answer.arrayBuffer())).toEqual((await readFile(path)).subarray(10));
  expect(registry.sentBytes).toBe(size - 10);
});

test('a range beyond the end is refused', async () => {
  const { status, headers } = await ask(blob(), { headers: { range: `bytes=${layerOf().size}-` } });
  expect([status, headers.get('content-range')]).toEqual([416, `bytes */${layerOf().size}`]);
});

describe('nothing can be changed:', () => {
  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('%s', async (method) => {
    for (const path of [`/v2/${name}/blobs/uploads/`, manifest(), blob()]) {
      const answer = await ask(path, { method });
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
      expect(await answer.json()).toMatchObject({ errors: [{ code: 'UNSUPPORTED' }] });
    }
  });
});

describe('who does not know the name sees nothing:', () => {
  const other = () => '0'.repeat(registry.token.length);

  test.each([
    ['another token', () => manifest().replace(registry.token, other())],
    ['no token', () => `/v2/shop-production-api/manifests/${image.digest}`],
    ['the token alone', () => `/v2/${registry.token}/manifests/${image.digest}`],
    ['another image behind it', () => `/v2/${registry.token}/other/blobs/${layerOf().digest}`],
    ['the list of all', () => '/v2/_catalog'],
    ['nothing', () => '/'],
    ['a path out of it', () => `/v2/${name}/blobs/..%2f..%2fetc%2fpasswd`],
  ])('%s', async (_what, path) => {
    const answer = await ask(path());
    expect(answer.status).toBe(404);
    expect(await answer.text()).not.toMatch(registry.token);
    expect(registry.sentBytes).toBe(0);
  });
});

test.each([
  ['a tag', () => `/v2/${name}/manifests/latest`, 'MANIFEST_UNKNOWN'],
  ['the list of tags', () => `/v2/${name}/tags/list`, 'NAME_UNKNOWN'],
  ['a manifest that is none of its own', () => manifest(digestOf('other')), 'MANIFEST_UNKNOWN'],
  ['a layer for a manifest', () => manifest(layerOf().digest), 'MANIFEST_UNKNOWN'],
  ['a blob that is none of its own', () => blob(digestOf('other')), 'BLOB_UNKNOWN'],
])('it does not have %s', async (_what, path, code) => {
  const answer = await ask(path());
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({ errors: [{ code }] });
});

test('two of them have names that have nothing in common', () => {
  const tokens = new Set(Array.from({ length: 20 }, () => new LayoutRegistry(image, 'a').token));
  expect(tokens.size).toBe(20);
  for (const token of tokens) expect(token).toMatch(/^[0-9a-f]{32}$/);
});

test('what is no HTTP, as an engine tries it first, is refused and harms nobody', async () => {
  await expect(fetch(origin.replace('http:', 'https:'))).rejects.toThrow();
  expect((await ask('/v2/')).status).toBe(200);
});

test('closed, it ends the connections that engines keep', async () => {
  await (await ask('/v2/')).text();
  registry.close();
  const left = await new Promise<number>((resolve) => tcp.getConnections((_error, count) => resolve(count)));
  expect(left).toBe(0);
});

test('a part that is in no file is had like any other', async () => {
  const content = Buffer.from('{"of":"a beginning"}');
  const text = { mediaType: 'a/manifest', digest: digestOf(content), size: content.length, content };
  const served = { manifests: new Map([[text.digest, text]]), blobs: new Map() };
  const other = new LayoutRegistry(served, 'api');
  tcp.removeAllListeners('connection').on('connection', (stream: Socket) => other.accept(stream));
  const path = `/v2/${other.token}/api/manifests/${text.digest}`;
  expect(await (await ask(path)).text()).toBe(content.toString());
  const part = await ask(path, { headers: { range: 'bytes=1-4' } });
  expect([part.status, await part.text()]).toEqual([206, '"of"']);
  other.close();
});
