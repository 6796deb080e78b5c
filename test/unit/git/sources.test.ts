import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { basic } from '../../../src/git/remote.ts';
import { type FetchedSource, withSources } from '../../../src/git/sources.ts';
import { GitHttpServer } from '../state/git-http-server.ts';
import { Published } from './published.ts';

const TOKEN = 'a-token-of-many-letters';
let folder: string;
let server: GitHttpServer;
let address: string;
let api: Published;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-sources-test-'));
  server = new GitHttpServer(folder, basic('x-access-token', TOKEN));
  address = await server.start();
  api = new Published(folder, 'api');
});

afterEach(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Asked {
  ref?: string;
  token?: string | undefined;
}

/** read fetches a version, and tells of it what `look` finds. */
async function read<T>({ ref, token = TOKEN }: Asked, look: (source: FetchedSource) => T): Promise<T> {
  const tokens = new Map([[new URL(address).host, token]]);
  return await withSources(
    {
      credentials: { tokens, sshKey: undefined, knownHosts: undefined },
      env: { ...process.env, HOME: folder, XDG_CACHE_HOME: '' },
      temporary: join(folder, 'temporary'),
      signal: new AbortController().signal,
      warn: () => undefined,
    },
    async (fetch) => look(await fetch({ url: `${address}/api.git`, ...(ref !== undefined && { ref }) })),
  );
}

test('a branch is read with a token, and gone afterwards', async () => {
  const commit = api.commit({ Dockerfile: 'FROM scratch\n', 'src/a': '1' });
  const found = await read({ ref: 'main' }, (source) => ({
    ...source,
    files: readdirSync(source.root).sort(),
    a: readFileSync(join(source.root, 'src/a'), 'utf8'),
  }));
  expect(found).toMatchObject({ commit, version: 'branch main', isCached: false, files: ['Dockerfile', 'src'], a: '1' });
  expect(readdirSync(join(folder, 'temporary'))).toEqual([]);
});
