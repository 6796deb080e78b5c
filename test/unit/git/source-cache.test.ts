import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { SourceCache } from '../../../src/git/source-cache.ts';

const URL = 'https://github.com/acme/api.git';
const HOUR_MS = 60 * 60 * 1000;
const now = new Date();

let folder: string;
let cache: SourceCache;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-cache-test-'));
  cache = new SourceCache(folder);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** keep puts a version there that was used so many hours ago. */
async function keep(id: string, hoursAgo: number, url = URL): Promise<string> {
  const place = await cache.keep(url, id, await cache.begin(url));
  const usedAt = new Date(now.getTime() - hoursAgo * HOUR_MS);
  utimesSync(place, usedAt, usedAt);
  return place;
}

const versions = () =>
  readdirSync(folder)
    .flatMap((name) => readdirSync(join(folder, name)))
    .sort();

test('the last three versions of a repository stay, and what may be in use', async () => {
  for (const [id, hoursAgo] of Object.entries({ a: 9, b: 5, c: 4, d: 3, e: 0 })) await keep(id, hoursAgo);
  await keep('f', 9, 'https://github.com/acme/web.git');
  await cache.sweep(now);
  expect(versions()).toEqual(['c', 'd', 'e', 'f']);
  for (const id of ['g', 'h', 'i']) await keep(id, 0);
  await cache.sweep(now);
  expect(versions()).toEqual(['e', 'f', 'g', 'h', 'i']);
});

test('what nobody has used for a month goes', async () => {
  await keep('a', 31 * 24);
  await keep('b', 29 * 24);
  await cache.sweep(now);
  expect(versions()).toEqual(['b']);
});

test('what is used stays', async () => {
  for (const id of ['a', 'b', 'c', 'd']) await keep(id, 40 * 24);
  expect(await cache.find(URL, 'a')).toBeDefined();
  await cache.sweep(now);
  expect(versions()).toEqual(['a']);
  expect(await cache.newest(URL)).toMatchObject({ id: 'a' });
});

test('what a killed run has begun goes, and what another one begins does not', async () => {
  const old = await cache.begin(URL);
  utimesSync(old, now, new Date(now.getTime() - 2 * HOUR_MS));
  await cache.begin(URL);
  await cache.sweep(now);
  expect(versions()).toEqual([expect.stringMatching(/^\.new-/)]);
});

test('of two runs that fetch the same the first one’s stays', async () => {
  const [first, second] = [await cache.begin(URL), await cache.begin(URL)];
  for (const [place, text] of [
    [first, '1'],
    [second, '2'],
  ] as const)
    writeFileSync(join(place, 'a'), text);
  const kept = await cache.keep(URL, 'id', first);
  expect(await cache.keep(URL, 'id', second)).toBe(kept);
  expect(versions()).toEqual(['id']);
});

test('one that cannot be written is said by an error', async () => {
  rmSync(folder, { recursive: true });
  writeFileSync(folder, '');
  await expect(cache.begin(URL)).rejects.toThrow();
  expect([await cache.find(URL, 'a'), await cache.newest(URL)]).toEqual([undefined, undefined]);
  await cache.sweep(now);
  rmSync(folder);
  mkdirSync(folder);
});
