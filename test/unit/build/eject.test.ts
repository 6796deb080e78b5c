import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from '@jest/globals';
import { ejectDockerfiles } from '../../../src/build/eject.ts';
import type { BuildSpec } from '../../../src/model/build.ts';
import { buildSpec } from './specs.ts';

let root: string;
let told: string[];

const eject = (changes: Partial<BuildSpec> = {}) =>
  ejectDockerfiles([buildSpec({ dockerfile: { template: { name: 'node' } }, ...changes })], {
    folder: root,
    workspace: root,
    checkout: undefined,
    log: { info: (line) => told.push(line) },
  });
const read = (path: string) => readFileSync(join(root, 'api', path), 'utf8');

beforeEach(() => {
  told = [];
  root = realpathSync(mkdtempSync(join(tmpdir(), 'switchyard-eject-')));
  mkdirSync(join(root, 'api'));
  writeFileSync(join(root, 'api/package.json'), '{ "scripts": { "start": "node server.js" } }');
});

test('what is made is written down, with its ignore rules', async () => {
  expect(await eject()).toEqual([{ service: 'api', files: ['api/Dockerfile', 'api/.dockerignore'] }]);
  expect(read('Dockerfile')).toMatch('CMD ["node", "server.js"]');
  expect(read('.dockerignore')).toMatch('**/.env\n');
  expect(told.join('\n')).toMatch(read('Dockerfile'));
});

test('ignore rules that are there stay as they are', async () => {
  writeFileSync(join(root, 'api/.dockerignore'), '*.md');
  expect(await eject()).toEqual([{ service: 'api', files: ['api/Dockerfile'] }]);
  expect(read('.dockerignore')).toBe('*.md');
});

test('a Dockerfile that is there is never overwritten', async () => {
  writeFileSync(join(root, 'api/Dockerfile'), 'FROM mine:1');
  await expect(eject()).rejects.toThrow('api: api/Dockerfile is there already, and is left as it is');
  expect(read('Dockerfile')).toBe('FROM mine:1');
  expect(existsSync(join(root, 'api/.dockerignore'))).toBe(false);
});

test('there has to be a template', async () => {
  await expect(eject({ dockerfile: { path: 'api/Dockerfile' } })).rejects.toThrow('no build has a template');
});
