import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { examine } from '../../../src/build/examine.ts';
import type { FetchedSource } from '../../../src/git/sources.ts';
import type { BuildSpec } from '../../../src/model/build.ts';
import { buildSpec } from './specs.ts';

const URL = 'https://github.com/acme/other.git';
/** Another repository, which lies beside. */
const OTHER: Omit<FetchedSource, 'root' | 'url'> = {
  commit: 'd',
  committedAt: 2,
  version: 'branch main',
  isCached: false,
};

let root: string;

const write = (path: string, text: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};

/** look examines a build of the repository, of which these files are not committed. */
const look = (changes: Partial<BuildSpec> = {}, changed: string[] = []) =>
  examine(buildSpec(changes), {
    folder: root,
    workspace: root,
    checkout: { root, commit: 'c', committedAt: 1, changed },
    platform: 'linux/amd64',
    fetch: async ({ url }) => ({
      ...OTHER,
      url,
      root: realpathSync(join(root, '..', `${basename(root)}-other`)),
    }),
    digestOf: async (image) => `digest of ${image}`,
  });

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'switchyard-examine-')));
  write('api/Dockerfile', 'FROM node:24\nCOPY . /app\n');
  write('api/server.mjs', '1');
});

describe('the content of a build', () => {
  test('is that of its context, without what is ignored', async () => {
    const { hash } = await look();
    write('elsewhere', 'x');
    expect((await look()).hash).toBe(hash);
    write('api/new', 'x');
    expect((await look()).hash).not.toBe(hash);
    write('api/.dockerignore', 'new\n.dockerignore\n');
    expect((await look()).hash).toBe(hash);
  });

  test('goes by the ignore rules of the Dockerfile where it has some', async () => {
    write('api/.dockerignore', 'server.mjs');
    write('api/Dockerfile.dockerignore', '*');
    const { hash } = await look();
    write('api/other', 'x');
    expect((await look()).hash).toBe(hash);
  });

  test('has a folder that it copies from by name', async () => {
    write('shared/a', '1');
    const contexts = { shared: './shared', tools: 'docker-image://tools:1' };
    const { hash, contexts: places } = await look({ contexts });
    expect(places).toEqual({ shared: join(root, 'shared'), tools: 'docker-image://tools:1' });
    write('shared/a', '2');
    expect((await look({ contexts })).hash).not.toBe(hash);
  });
});

describe('a folder without a Dockerfile', () => {
  const dockerfile = { template: { name: 'auto' } } as const;

  beforeEach(() => {
    rmSync(join(root, 'api/Dockerfile'));
    write('api/package.json', '{ "main": "server.mjs" }');
  });

  test('has one made, without what no image needs', async () => {
    const { hash, template, dockerfile: made } = await look({ dockerfile });
    expect(template?.found).toContain('node server.mjs (main in package.json)');
    expect(made).toEqual({ text: expect.stringContaining('CMD ["node", "server.mjs"]') });
    write('api/.env', 'TOKEN=x');
    write('api/node_modules/a/index.js', 'x');
    expect((await look({ dockerfile })).hash).toBe(hash);
  });

  test('has its own ignore rules where it has some', async () => {
    write('api/.dockerignore', '*.md');
    const { hash, template } = await look({ dockerfile });
    expect(template?.ignore).toBeUndefined();
    write('api/a.md', '1');
    expect((await look({ dockerfile })).hash).toBe(hash);
    write('api/.env', 'TOKEN=x');
    expect((await look({ dockerfile })).hash).not.toBe(hash);
  });

  test('is another image when another Dockerfile is made for it', async () => {
    const { hash } = await look({ dockerfile });
    expect((await look({ dockerfile: { template: { name: 'auto', version: '22' } } })).hash).not.toBe(hash);
  });

  test('says with its service what is missing', async () => {
    write('api/package.json', '{');
    await expect(look({ dockerfile })).rejects.toThrow('api: package.json cannot be read');
  });

  test('does not read what a link leads to', async () => {
    symlinkSync('/etc/hostname', join(root, 'api', '.nvmrc'));
    expect((await look({ dockerfile })).template?.found).toContain(
      'Node 24 (the one with long-term support, since the folder names none)',
    );
  });
});

test('what is not committed counts where it would be in the image', async () => {
  write('api/.dockerignore', '*.md');
  const { changed } = await look({}, ['api/server.mjs', 'api/a.md', 'web/x', 'api/gone', 'README']);
  expect(changed).toEqual(['api/server.mjs', 'api/gone']);
});

describe('a build is refused', () => {
  test.each<[string, Partial<BuildSpec>, RegExp]>([
    ['of a folder that is not there', { context: './nothing' }, /there is no folder \.\/nothing/],
    ['of a file', { context: './api/Dockerfile' }, /is no folder/],
    [
      'without its Dockerfile',
      { dockerfile: { path: 'api/Nothing' } },
      /there is no Dockerfile api\/Nothing/,
    ],
    ['of what is outside of the repository', { context: '..' }, /is outside of the repository/],
    ['with a Dockerfile outside of it', { dockerfile: { path: '../../etc/passwd' } }, /Dockerfile|outside/],
  ])('%s', async (_what, changes, message) => {
    await expect(look(changes)).rejects.toThrow(message);
  });

  test('of a link that leaves the repository', async () => {
    symlinkSync(tmpdir(), join(root, 'out'));
    await expect(look({ context: './out' })).rejects.toThrow(/is outside of the repository/);
  });

  test('with ignore rules that are none', async () => {
    write('api/.dockerignore', '[');
    await expect(look()).rejects.toThrow(/^api: \.dockerignore: a \.dockerignore has a pattern that is none/);
  });
});

test('a link within a context stays one, wherever it leads', async () => {
  symlinkSync('/etc/shadow', join(root, 'api', 'link'));
  const { hash } = await look();
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
});

describe('another repository', () => {
  const writeThere = (path: string, text: string) => write(`../${basename(root)}-other/${path}`, text);
  const git = { url: URL };

  beforeEach(() => {
    writeThere('services/api/Dockerfile', 'FROM node:24\nCOPY . /app\n');
    writeThere('services/api/server.mjs', '1');
  });

  const there: Partial<BuildSpec> = {
    git,
    context: 'services/api',
    dockerfile: { path: 'services/api/Dockerfile' },
  };

  test('has the context and the Dockerfile, and this one changes nothing', async () => {
    const { source, context, file, changed } = await look(there, ['services/api/server.mjs']);
    expect([source?.commit, context, file, changed]).toEqual([
      'd',
      join(`${root}-other`, 'services/api'),
      undefined,
      [],
    ]);
  });

  test('counts by its files, and not by where they are from', async () => {
    const { hash } = await look(there);
    write('api/Dockerfile', 'FROM node:24\nCOPY . /app\n');
    expect((await look()).hash).toBe(hash);
    writeThere('services/api/server.mjs', '2');
    expect((await look(there)).hash).not.toBe(hash);
  });

  test('gives a folder to copy from, beside one of this repository', async () => {
    write('shared/a', '1');
    const contexts = { other: { ...git, folder: 'services' }, shared: './shared' };
    const {
      hash,
      contexts: places,
      changed,
      copiedFrom,
    } = await look({ contexts }, ['shared/a', 'services/api']);
    expect(places).toEqual({ other: join(`${root}-other`, 'services'), shared: join(root, 'shared') });
    expect([changed, copiedFrom.map(({ url }) => url)]).toEqual([['shared/a'], [URL]]);
    expect((await look({ contexts: { ...contexts, other: { ...contexts.other, ref: 'v1' } } })).hash).toBe(
      hash,
    );
    writeThere('services/api/more', 'x');
    expect((await look({ contexts })).hash).not.toBe(hash);
  });

  test('is refused without the folder or the Dockerfile that are named', async () => {
    await expect(look({ ...there, context: 'nothing' })).rejects.toThrow(
      `api: there is no folder nothing in ${URL}`,
    );
    await expect(look({ ...there, dockerfile: { path: 'Dockerfile' } })).rejects.toThrow(
      `api: there is no Dockerfile Dockerfile in ${URL}`,
    );
  });

  test.each(['services/api/Dockerfile', 'services/api/.dockerignore', 'out'])(
    'is refused where %s leaves it',
    async (path) => {
      writeThere(path, '');
      rmSync(join(`${root}-other`, path));
      write('api/.dockerignore', '*');
      symlinkSync(join(root, path === 'out' ? 'api' : 'api/.dockerignore'), join(`${root}-other`, path));
      const changes = path === 'out' ? { context: 'out', dockerfile: { path: 'out/Dockerfile' } } : {};
      await expect(look({ ...there, ...changes })).rejects.toThrow(/is outside of the repository/);
    },
  );
});
