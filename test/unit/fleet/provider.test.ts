import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server as HttpServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { localProvider } from '../../../src/fleet/local.ts';
import { providerOf } from '../../../src/fleet/provider.ts';
import type { ServerSpec } from '../../../src/model/spec.ts';

const LOCALHOST: ServerSpec = {
  name: 'localhost',
  host: 'localhost',
  port: 0,
  user: '',
  zone: 'default',
  hostKeys: [],
};
const WEB: ServerSpec = { ...LOCALHOST, name: 'web-1', host: '127.0.0.1', port: 1, user: 'deploy' };
const sshPrivateKey = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
}).privateKey;

describe('the provider of an environment', () => {
  test.each([
    ['static', [WEB, { ...WEB, name: 'web-2' }], { sshPrivateKey }],
    ['local', [LOCALHOST], {}],
  ] as const)(
    '%s: its servers are those of the file, and nothing has to be made',
    async (provider, servers, credentials) => {
      const found = providerOf({ provider, servers: [...servers] }, credentials);
      expect(await found.servers()).toEqual(servers);
      expect(await found.ensure()).toEqual(servers);
    },
  );

  test.each([
    [undefined, 'the SSH private key is empty'],
    ['', 'the SSH private key is empty'],
    ['ssh-ed25519 AAAA', 'the SSH private key is the public half of one'],
    ['-----BEGIN', 'the SSH private key is not in PEM or OpenSSH format'],
  ])('static with the key %j is refused before any server is asked', (key, message) => {
    expect(() => providerOf({ provider: 'static', servers: [WEB] }, { sshPrivateKey: key })).toThrow(message);
  });

  test('a key that a secret has mangled is mended', async () => {
    const mangled = `  ${sshPrivateKey.replaceAll('\n', '\r\n').trim()}`;
    const { connect } = providerOf({ provider: 'static', servers: [WEB] }, { sshPrivateKey: mangled });
    await expect(connect(WEB)).rejects.toThrow('web-1 (deploy@127.0.0.1:1): the connection was refused');
  });
});

describe('the engine of this machine', () => {
  let folder: string;
  let apiVersion = '1.45';
  const engine: HttpServer = createServer((_request, response) => {
    response.writeHead(200, { 'api-version': apiVersion }).end('OK');
  });
  const socket = (): string => join(folder, 'docker.sock');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'switchyard-local-'));
    await new Promise<void>((resolve) => engine.listen(socket(), resolve));
  });
  afterAll(async () => {
    engine.close();
    await rm(folder, { recursive: true });
  });

  test('is the server localhost', async () => {
    const server = await localProvider([LOCALHOST], socket()).connect(LOCALHOST);
    expect([server.name, server.spec]).toEqual(['localhost', LOCALHOST]);
    await server.close();
  });

  test('is too old', async () => {
    apiVersion = '1.40';
    await expect(localProvider([LOCALHOST], socket()).connect(LOCALHOST)).rejects.toThrow(
      'localhost: Docker is too old (its API is 1.40)',
    );
  });

  test('is not there', async () => {
    const nowhere = join(folder, 'nothing.sock');
    await expect(localProvider([LOCALHOST], nowhere).connect(LOCALHOST)).rejects.toThrow(
      `no Docker engine answers at ${nowhere}`,
    );
  });
});
