import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { basic } from '../../../src/git/remote.ts';
import { GitHttpServer } from './git-http-server.ts';
import { GitWorld, message, withService } from './git-world.ts';

const TOKEN = 'ghs_SecretToken123';
const HEADER = basic('x-access-token', TOKEN);

let world: GitWorld;
let server: GitHttpServer;
let serverUrl: string;
let trace: string;
beforeEach(async () => {
  world = new GitWorld();
  server = new GitHttpServer(world.directory, HEADER);
  serverUrl = await server.start();
  world.atRemote('config', 'http.receivepack', 'true');
  world.inWorkspace('remote', 'set-url', 'origin', `${serverUrl}/origin.git`);
  trace = join(world.directory, 'trace.json');
});
afterEach(async () => {
  await world.remove();
  await server.stop();
});

async function deploy(token: string | undefined): Promise<void> {
  const store = await world.store({
    ...(token !== undefined && { token }),
    run: { actor: 'alice', run: 'local', serverUrl },
    env: { ...world.env, GIT_TRACE2_EVENT: trace },
  });
  await store.acquire();
  await store.commit({ state: withService('api', 1), message: message('one'), lease: 'release' });
  await store.close();
}

/** What every git process, ours and those that git itself starts, had on its command line. */
function commandLines(): string {
  return readFileSync(trace, 'utf8')
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as { argv?: string[] }]))
    .flatMap(({ argv }) => argv ?? [])
    .join('\n');
}

/** Every file under `folder`, with its content as text. */
function everything(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => `${path}\n${readFileSync(path, 'latin1')}`)
    .join('\n');
}

test('the token travels in one header, and is on no command line and in no file', async () => {
  // What actions/checkout leaves behind: version 4 in the file itself, version 6 in an included one.
  world.inWorkspace('config', `http.${serverUrl}/.extraheader`, 'AUTHORIZATION: basic b2xkOm9sZA==');
  const included = join(world.directory, 'credentials.config');
  writeFileSync(included, `[http "${serverUrl}/"]\n\textraheader = AUTHORIZATION: basic b2xkOm9sZA==\n`);
  world.inWorkspace('config', `includeIf.gitdir:${world.workspace}/.git.path`, included);
  await deploy(TOKEN);
  expect(world.atRemote('log', '--format=%s', 'switchyard-state').trim()).toBe('one');
  expect(server.requests.length).toBeGreaterThan(5);
  for (const request of server.requests) expect(request.authorization).toEqual([HEADER]);
  expect(commandLines()).toContain('remote-http');
  for (const secret of [TOKEN, HEADER.slice('basic '.length)]) {
    expect(commandLines()).not.toContain(secret);
    expect(everything(world.directory)).not.toContain(secret);
  }
});

test('without a token, the header that the workspace is configured with is used, once', async () => {
  const included = join(world.directory, 'credentials.config');
  writeFileSync(included, `[http "${serverUrl}/"]\n\textraheader = Authorization: ${HEADER}\n`);
  world.inWorkspace('config', `includeIf.gitdir:${world.workspace}/.git.path`, included);
  await deploy(undefined);
  for (const request of server.requests) expect(request.authorization).toEqual([HEADER]);
});

test('a header in the configuration of the person is not sent twice', async () => {
  writeFileSync(join(world.directory, '.gitconfig'), `[http]\n\textraHeader = Authorization: ${HEADER}\n`);
  await deploy(undefined);
  for (const request of server.requests) expect(request.authorization).toEqual([HEADER]);
});

test('a credential helper of the workspace is used', async () => {
  const helper = `!f() { echo username=x-access-token; echo password=${TOKEN}; }; f`;
  world.inWorkspace('config', 'credential.helper', helper);
  server = await replaceServer(`Basic ${HEADER.slice('basic '.length)}`);
  await deploy(undefined);
  expect(world.atRemote('log', '--format=%s', 'switchyard-state').trim()).toBe('one');
});

test('a password in the address, or put there by insteadOf, stays off the command line', async () => {
  const host = new URL(serverUrl).host;
  world.inWorkspace('config', `url.http://x-access-token:${TOKEN}@${host}/.insteadOf`, 'gh:');
  world.inWorkspace('remote', 'set-url', 'origin', 'gh:origin.git');
  await deploy(undefined);
  expect(world.atRemote('log', '--format=%s', 'switchyard-state').trim()).toBe('one');
  expect(commandLines()).not.toContain(TOKEN);
});

test('the ssh command of the workspace is used', async () => {
  const ssh = join(world.directory, 'fake-ssh');
  writeFileSync(ssh, '#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n', { mode: 0o755 });
  world.inWorkspace('config', 'core.sshCommand', ssh);
  world.inWorkspace('remote', 'set-url', 'origin', `git@git.example.com:${world.remote}`);
  await deploy(TOKEN);
  expect(world.atRemote('log', '--format=%s', 'switchyard-state').trim()).toBe('one');
  expect(commandLines()).not.toContain(TOKEN);
});

test('a token is sent to its own server only', async () => {
  const store = await world.store({
    token: TOKEN,
    run: { actor: 'a', run: 'local', serverUrl: 'https://github.com' },
  });
  await expect(store.read()).rejects.toMatchObject({
    message: expect.stringContaining('the credentials were not accepted'),
    hint: expect.stringContaining('github-token'),
  });
  for (const request of server.requests) expect(request.authorization).toEqual([]);
});

test('without the permission to push, the error names it and no token', async () => {
  server.refusePushes = 403;
  const error = await deploy(TOKEN).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    name: 'UserError',
    message: expect.stringContaining('permission was denied'),
    hint: expect.stringContaining('contents: write'),
  });
  expect(String(error)).not.toContain(TOKEN);
});

async function replaceServer(authorization: string): Promise<GitHttpServer> {
  await server.stop();
  const other = new GitHttpServer(world.directory, authorization);
  serverUrl = await other.start();
  world.inWorkspace('remote', 'set-url', 'origin', `${serverUrl}/origin.git`);
  return other;
}
