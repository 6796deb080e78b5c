import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { renewFolder } from '../../../src/build/cache-folder.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-layers-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** keep writes a layer, as a builder does. */
function keep(place: string, layer: string): string {
  mkdirSync(join(folder, place), { recursive: true });
  writeFileSync(join(folder, place, layer), '');
  return join(folder, place);
}

test('a build’s layers take the place of those before it', async () => {
  const read = keep('api', 'old');
  await renewFolder({ written: keep('api.next', 'new'), read });
  expect(readdirSync(read)).toEqual(['new']);
  expect(readdirSync(folder)).toEqual(['api']);
});

test('a build that has kept none leaves those before it', async () => {
  const read = keep('api', 'old');
  await renewFolder({ written: join(folder, 'api.next'), read });
  expect(existsSync(join(read, 'old'))).toBe(true);
});
