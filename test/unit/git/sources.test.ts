import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { selfSigned } from '../../../src/acme/certificate.ts';
import { basic } from '../../../src/git/remote.ts';
import { type FetchedSource, withSources } from '../../../src/git/sources.ts';
import { GitHttpServer } from '../state/git-http-server.ts';
import { Published } from './published.ts';

const TOKEN = 'a-token-of-many-letters';

let folder: string;
let temporary: string;
let server: GitHttpServer;
/** All that a test has started. */
let servers: GitHttpServer[];
let address: string;
let api: Published;
let warnings: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-sources-test-'));
  temporary = join(folder, 'temporary');
  servers = [];
  server = serve(basic('x-access-token', TOKEN));
  address = await server.start();
  api = new Published(folder, 'api');
  warnings = [];
});

afterEach(async () => {
  for (const one of servers) await one.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** serve makes a server of the same repositories. */
function serve(...asked: [authorization?: string, tls?: { cert: string; key: string }]): GitHttpServer {
  const one = new GitHttpServer(folder, ...asked);
  servers.push(one);
  return one;
}

interface Asked {
  url?: string;
  ref?: string;
  token?: string;
}

/** read fetches a version as a run does, and returns what `look` finds there. */
async function read<T>(
  { url = `${address}/api.git`, ref, token = TOKEN }: Asked,
  look: (source: FetchedSource) => T,
) {
  const tokens = new Map(token === '' ? [] : [[new URL(address).host, token]]);
  return await withSources(
    {
      credentials: { tokens, sshKey: undefined, knownHosts: undefined },
      env: {
        ...process.env,
        HOME: folder,
        XDG_CACHE_HOME: '',
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_SSL_CAINFO: undefined,
      },
      temporary,
      signal: new AbortController().signal,
      warn: (message) => warnings.push(message),
    },
    async (fetch) => look(await fetch({ url, ...(ref !== undefined && { ref }) })),
  );
}

const text = (path: string) => (source: FetchedSource) => readFileSync(join(source.root, path), 'utf8');
const commitOf = ({ commit }: FetchedSource) => commit;
const howOf = ({ isCached }: FetchedSource) => (isCached ? 'cached' : 'fetched');
const filesIn = (place: string) =>
  readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name));

describe('a version is', () => {
  test('a branch, as it is now', async () => {
    const commit = api.commit({ Dockerfile: 'FROM scratch\n', 'src/a': '1' });
    const found = await read({ ref: 'main' }, (source) => ({
      ...source,
      files: readdirSync(source.root).sort(),
    }));
    expect(found).toMatchObject({ commit, version: 'branch main', files: ['Dockerfile', 'src'] });
    api.commit({ 'src/a': '2' });
    expect(await read({ ref: 'main' }, text('src/a'))).toBe('2');
  });

  test('a branch with all that git allows in its name', async () => {
    for (const name of ['feature/x', 'quote\'$(id)`id`";#', 'ž🐎@b']) {
      const commit = api.commit({ a: name }, name);
      expect([await read({ ref: name }, commitOf), await read({ ref: name }, text('a'))]).toEqual([
        commit,
        name,
      ]);
    }
  });

  test('a tag, with and without a message of its own', async () => {
    const commit = api.commit({ a: '1' });
    api.tag('v1');
    api.tag('v1-signed', '--annotate', '--message', 'The first');
    api.commit({ a: '2' });
    expect([await read({ ref: 'v1' }, commitOf), await read({ ref: 'v1-signed' }, commitOf)]).toEqual([
      commit,
      commit,
    ]);
  });

  test('a commit of long ago', async () => {
    const commit = api.commit({ a: '1' });
    api.commit({ a: '2' });
    expect(await read({ ref: commit }, text('a'))).toBe('1');
  });

  test('a commit of long ago, of a server that only gives branches and tags', async () => {
    const commit = api.commit({ a: '1' });
    api.commit({ a: '2' });
    server.isOld = true;
    expect(await read({ ref: commit }, text('a'))).toBe('1');
    expect(await read({ ref: 'main' }, text('a'))).toBe('2');
  });

  test('what the repository shows first', async () => {
    const commit = api.commit({ a: '1' });
    api.commit({ a: '2' }, 'next');
    expect(await read({}, commitOf)).toBe(commit);
  });
});

describe('between runs', () => {
  test('a version that was read is there', async () => {
    const commit = api.commit({ a: '1' });
    expect(await read({ ref: 'main' }, howOf)).toBe('fetched');
    expect(await read({ ref: 'main' }, howOf)).toBe('cached');
    await server.stop();
    expect(await read({ ref: commit }, howOf)).toBe('cached');
  });

  test('only what is new is sent, and the earlier version is not needed', async () => {
    const large = Array.from({ length: 50_000 }, () => Math.random()).join('\n');
    api.commit({ large, a: '1' });
    await read({ ref: 'main' }, commitOf);
    server.sentBytes = 0;
    const commit = api.commit({ a: '2' });
    await read({ ref: 'main' }, commitOf);
    expect(server.sentBytes).toBeLessThan(10_000);
    const [kept = ''] = readdirSync(join(folder, '.cache/switchyard/git'));
    for (const id of readdirSync(join(folder, '.cache/switchyard/git', kept))) {
      if (id !== commit) rmSync(join(folder, '.cache/switchyard/git', kept, id), { recursive: true });
    }
    expect(await read({ ref: commit }, text('large'))).toBe(large);
  });

  test('what has come to harm is fetched again', async () => {
    api.commit({ a: '1' });
    await read({ ref: 'main' }, howOf);
    for (const file of filesIn(join(folder, '.cache'))) {
      if (!file.endsWith('.pack')) continue;
      chmodSync(file, 0o600);
      truncateSync(file, 20);
    }
    expect([await read({ ref: 'main' }, howOf), await read({ ref: 'main' }, text('a'))]).toEqual([
      'fetched',
      '1',
    ]);
  });

  test('neither token nor address is kept', async () => {
    api.commit({ a: '1' });
    await read({ ref: 'main' }, commitOf);
    api.commit({ a: '2' });
    await read({ ref: 'main' }, commitOf);
    expect(readdirSync(temporary)).toEqual([]);
    const secret = Buffer.from(`x-access-token:${TOKEN}`).toString('base64');
    for (const file of filesIn(join(folder, '.cache'))) {
      const content = readFileSync(file, 'latin1');
      expect([file, content.includes(TOKEN), content.includes(secret), content.includes(address)]).toEqual([
        file,
        false,
        false,
        false,
      ]);
    }
  });
});

describe('files are', () => {
  test('as git has them, with links as links, and nothing of git beside them', async () => {
    api.commit({
      'run.sh': { program: '#!/bin/sh\n' },
      out: { link: '/etc/passwd' },
      'a file; $(touch x) "q" \'s\' ž': 'x',
      '.gitattributes': '* text=auto filter=lfs\n',
      windows: 'a\r\nb\r\n',
      pointer: 'version https://git-lfs.github.com/spec/v1\n',
    });
    const found = await read({ ref: 'main' }, ({ root }) => ({
      names: readdirSync(root).sort(),
      isExecutable: (lstatSync(join(root, 'run.sh')).mode & 0o111) !== 0,
      link: readlinkSync(join(root, 'out')),
      pointer: readFileSync(join(root, 'pointer'), 'utf8'),
    }));
    expect(found).toEqual({
      names: ['.gitattributes', 'a file; $(touch x) "q" \'s\' ž', 'out', 'pointer', 'run.sh', 'windows'],
      isExecutable: true,
      link: '/etc/passwd',
      pointer: 'version https://git-lfs.github.com/spec/v1\n',
    });
  });

  test('of LFS what stands for them, of which people are warned', async () => {
    api.commit({ '.gitattributes': '*.bin filter=lfs diff=lfs\n', 'a.bin': 'version 1\n' });
    expect(await read({ ref: 'main' }, text('a.bin'))).toBe('version 1\n');
    expect(warnings).toContainEqual(expect.stringContaining('has files in LFS, which are not read'));
  });

  test.each(['.git', '.GIT', '..'])('refused where one of them is called %s', async (name) => {
    api.commitRaw(name);
    await expect(read({ ref: 'main' }, commitOf)).rejects.toThrow(
      /could not be checked out: error: invalid path/,
    );
    expect(readdirSync(temporary)).toEqual([]);
  });
});

describe('submodules', () => {
  test('are read with the token of the same host, also where they are written for SSH', async () => {
    const library = new Published(folder, 'library');
    const deeper = new Published(folder, 'deeper');
    const ids = { deeper: deeper.commit({ c: 'deep' }), library: '' };
    library.commit({ b: 'below' });
    ids.library = library.embed('inner', '../deeper.git', ids.deeper);
    api.commit({ a: '1' });
    api.embed('vendor/library', `git@127.0.0.1:library.git`, ids.library);
    expect(await read({ ref: 'main' }, text('vendor/library/b'))).toBe('below');
    expect(await read({ ref: 'main' }, text('vendor/library/inner/c'))).toBe('deep');
  });

  test('of another host get no token', async () => {
    const elsewhere = serve();
    const other = await elsewhere.start();
    const library = new Published(folder, 'library');
    api.embed('library', `${other}/library.git`, library.commit({ b: 'there' }));
    expect(await read({ ref: 'main' }, text('library/b'))).toBe('there');
    expect(elsewhere.requests.flatMap(({ authorization }) => authorization)).toEqual([]);
  });

  test.each([
    [
      'an address that runs a command',
      'library',
      'ext::sh -c touch% /tmp/pwned',
      /is no address of a repository/,
    ],
    ['a path of the machine', 'library', '/etc', /is no address of a repository/],
    ['an option', 'library', '--upload-pack=touch /tmp/pwned', /is no address of a repository/],
    ['a folder of git', '.git/hooks', '../library.git', /is no place for one|invalid path/],
    ['a folder outside', '../x', '../library.git', /is no place for one|invalid path/],
  ])('are refused with %s', async (_what, path, url, message) => {
    const library = new Published(folder, 'library');
    const id = library.commit({ b: '1' });
    api.embed(path, url, id);
    await expect(read({ ref: 'main' }, commitOf)).rejects.toThrow(message);
  });

  test('never lie behind a link that leaves', async () => {
    const outside = mkdtempSync(join(folder, 'outside-'));
    const library = new Published(folder, 'library');
    const id = library.commit({ b: '1' });
    api.commit({ out: { link: outside } });
    api.embed('out/library', '../library.git', id);
    await read({ ref: 'main' }, commitOf).catch(() => undefined);
    expect(readdirSync(outside)).toEqual([]);
  });
});

describe('what goes wrong is said', () => {
  beforeEach(() => {
    api.commit({ a: '1' });
  });

  test('of a ref that is not there', async () => {
    await expect(read({ ref: 'mian' }, commitOf)).rejects.toThrow(
      `${address}/api.git has neither a branch nor a tag mian`,
    );
    await expect(read({ ref: 'abcdef12' }, commitOf)).rejects.toMatchObject({
      hint: expect.stringContaining('all of its 40 digits'),
    });
    const id = '0123456789'.repeat(4);
    await expect(read({ ref: id }, commitOf)).rejects.toThrow(`${address}/api.git has no commit ${id}`);
  });

  test('of a name that is both a branch and a tag', async () => {
    api.tag('both');
    api.commit({ a: '2' }, 'both');
    await expect(read({ ref: 'both' }, commitOf)).rejects.toThrow(/has both a branch and a tag both/);
    expect(await read({ ref: 'refs/tags/both' }, text('a'))).toBe('1');
    expect(await read({ ref: 'refs/heads/both' }, text('a'))).toBe('2');
  });

  test('of a wrong token, without the token', async () => {
    const failed = read({ ref: 'main', token: 'a-wrong-token' }, commitOf);
    await expect(failed).rejects.toThrow(`${address}/api.git could not be read: the token is not accepted`);
    await expect(failed).rejects.not.toThrow('a-wrong-token');
  });

  test('of a token that is missing', async () => {
    await expect(read({ ref: 'main', token: '' }, commitOf)).rejects.toThrow(
      'could not be read: it wants a token',
    );
  });

  test('of a repository that is not there', async () => {
    await expect(read({ url: `${address}/nothing.git` }, commitOf)).rejects.toThrow(
      'could not be read: there is no repository',
    );
  });

  test('of one without a commit', async () => {
    new Published(folder, 'empty');
    await expect(read({ url: `${address}/empty.git` }, commitOf)).rejects.toThrow(
      'has nothing that it shows first',
    );
  });

  test('of a server that is away', async () => {
    await server.stop();
    await expect(read({ ref: 'main' }, commitOf)).rejects.toThrow('could not be read: it cannot be reached');
  });

  test('of one that leads elsewhere, where the token is not sent', async () => {
    const elsewhere = serve();
    server.movedTo = await elsewhere.start();
    await expect(read({ ref: 'main' }, commitOf)).rejects.toThrow(
      'it answers from another address, to which no token is sent',
    );
    expect(elsewhere.requests).toEqual([]);
  });

  test('of reading without encryption', async () => {
    await read({ ref: 'main' }, commitOf);
    expect(warnings).toEqual([
      `${address}/api.git is read without encryption: somebody on the way can change what is built`,
    ]);
  });
});

test('over https a token is sent to who shows a certificate that the machine trusts', async () => {
  const { chain, privateKey } = await selfSigned(['localhost'], { days: 1 });
  const secure = serve(basic('x-access-token', TOKEN), { cert: chain, key: privateKey });
  address = await secure.start();
  api.commit({ a: '1' });
  await expect(read({ ref: 'main' }, commitOf)).rejects.toThrow(
    /the certificate of localhost:\d+ cannot be checked/,
  );
  expect(secure.requests).toEqual([]);
  writeFileSync(join(folder, 'ca.pem'), chain);
  execFileSync('git', [
    'config',
    '--file',
    join(folder, '.gitconfig'),
    'http.sslCAInfo',
    join(folder, 'ca.pem'),
  ]);
  expect(await read({ ref: 'main' }, text('a'))).toBe('1');
  expect(warnings).toEqual([]);
});

test('a cancelled run ends git, and leaves nothing behind', async () => {
  api.commit({ a: '1' });
  const controller = new AbortController();
  server.onRequest = () => controller.abort(new Error('cancelled'));
  const reading = withSources(
    {
      credentials: { tokens: new Map(), sshKey: undefined, knownHosts: undefined },
      env: { ...process.env, HOME: folder, XDG_CACHE_HOME: '' },
      temporary,
      signal: controller.signal,
      warn: () => undefined,
    },
    (fetch) => fetch({ url: `${address}/api.git` }),
  );
  await expect(reading).rejects.toThrow('cancelled');
  expect(readdirSync(temporary)).toEqual([]);
});

test('the configuration of the machine runs nothing', async () => {
  api.commit({ '.gitattributes': '* filter=evil\n', a: '1' });
  const marker = join(folder, 'pwned');
  execFileSync('git', [
    'config',
    '--file',
    join(folder, '.gitconfig'),
    'filter.evil.smudge',
    `touch ${marker}; cat`,
  ]);
  expect(await read({ ref: 'main' }, text('a'))).toBe('1');
  expect(readdirSync(folder)).not.toContain('pwned');
});
