import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { withSources } from '../../../src/git/sources.ts';
import { hostKeyLine } from '../../../src/ssh/keys.ts';
import { GitSshServer, newKey, type TestKey } from './git-ssh-server.ts';
import { Published } from './published.ts';

const key = newKey();
let folder: string;
let temporary: string;
let server: GitSshServer;
let port: number;
let api: Published;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-sources-ssh-'));
  // All that SSH, or the shell by which git runs it, could take for something else.
  temporary = join(folder, `a b's $HOME %h "q" ~`);
  mkdirSync(temporary);
  server = new GitSshServer(key);
  port = await server.start();
  api = new Published(folder, 'api');
  api.commit({ a: '1' });
});

afterEach(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** read fetches a version, and returns what is in the file `a`. */
async function read(given: { sshKey?: TestKey | undefined; hostKey?: TestKey | undefined }): Promise<string> {
  const { sshKey, hostKey } = { sshKey: key, hostKey: server.hostKey, ...given };
  return await withSources(
    {
      credentials: {
        tokens: new Map(),
        sshKey: sshKey?.private.trim(),
        knownHosts: hostKey && `[127.0.0.1]:${port} ${hostKeyLine(hostKey.public)}\r\n`,
      },
      env: { ...process.env, HOME: folder, XDG_CACHE_HOME: '', SSH_AUTH_SOCK: '' },
      temporary,
      signal: new AbortController().signal,
      warn: () => undefined,
    },
    async (fetch) => {
      const { root } = await fetch({ url: `ssh://git@127.0.0.1:${port}${api.bare}`, ref: 'main' });
      return readFileSync(join(root, 'a'), 'utf8');
    },
  );
}

test('a repository is read over SSH with a key, which is gone afterwards', async () => {
  expect(await read({})).toBe('1');
  expect(server.commands[0]).toBe(`git-upload-pack '${api.bare}'`);
  expect(readdirSync(temporary)).toEqual([]);
});

test('an unknown host key is refused, and what to do is said', async () => {
  const failed = read({ hostKey: undefined });
  await expect(failed).rejects.toThrow(`could not be read: the host key of 127.0.0.1:${port} is not known`);
  await expect(failed).rejects.toMatchObject({
    hint: expect.stringContaining(`ssh-keyscan -p ${port} 127.0.0.1`),
  });
  expect(server.commands).toEqual([]);
});

test('so is another host key than the known one', async () => {
  await expect(read({ hostKey: newKey() })).rejects.toThrow(`the host key of 127.0.0.1:${port} is not`);
  expect(server.commands).toEqual([]);
});

test('a key that may not read it is said, and leaves nothing', async () => {
  await expect(read({ sshKey: newKey() })).rejects.toThrow('could not be read: the key is not accepted');
  expect(readdirSync(temporary)).toEqual([]);
});

test('so is a key that is missing', async () => {
  await expect(read({ sshKey: undefined })).rejects.toThrow('could not be read: it wants a key');
});
