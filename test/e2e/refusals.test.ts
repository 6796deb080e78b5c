import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type KeyPair, makeKey } from '../lab/keys.ts';
import { newRepository } from '../lab/repositories.ts';
import { type Inputs, Project } from './project.ts';
import { expectPlainRefusal, said } from './said.ts';
import { type Script, ScriptedServer } from './scripted-server.ts';

jest.setTimeout(60_000);

/**
 * Case 10: what is wrong on the way to a server is said, each in its own words, before anything changes. The servers
 * are scripted; unreachable-servers.test.ts shows of real ones what only they can show.
 */
describe('A run that cannot use a server', () => {
  let folder: string;
  let user: KeyPair;
  let stranger: KeyPair;
  let hostKeys: KeyPair[];
  let servers: ScriptedServer[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-refusals-'));
    mkdirSync(join(folder, 'git'));
    [user, stranger, ...hostKeys] = (await Promise.all(
      ['ed25519', 'ed25519', 'ed25519', 'ecdsa', 'ed25519'].map((type) => makeKey(type as 'ed25519')),
    )) as [KeyPair, KeyPair, ...KeyPair[]];
  });

  afterEach(() => {
    for (const server of servers) server.stop();
    servers = [];
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  /** Starts a server for each script; the first one is at 127.0.0.11. */
  async function start(...scripts: Script[]): Promise<ScriptedServer[]> {
    servers = await Promise.all(
      scripts.map((script, index) =>
        ScriptedServer.start(`127.0.0.${11 + index}`, { host: hostKeys[index]!, user }, script),
      ),
    );
    return servers;
  }

  /** A shop on servers as the file has them. */
  function shopOn(...inFile: Record<string, unknown>[]): Promise<Project> {
    return Project.create(
      {
        servers: [],
        images: { nginx: 'nginx:1.30', redis: '', node: '', web: (version) => `acme/web:${version}` },
        keys: { deploy: user.privateKey, other: stranger.privateKey },
        newRepository: (files) => newRepository(join(folder, 'git'), files),
      },
      {
        project: 'unreachable',
        environments: { production: { provider: 'static', user: 'deploy', servers: inFile } },
        services: { api: { image: 'acme/web:v1', port: 3000, servers: inFile.length } },
      },
    );
  }

  /** Deploys, wants the refusal, and that no server was asked for more than a sign of life; returns what was said. */
  async function refused(shop: Project, inputs: Inputs = {}): Promise<string> {
    const failed = await shop.failToDeploy(inputs);
    expectPlainRefusal(failed);
    for (const { asked } of servers) expect(asked.filter((call) => call !== 'GET /_ping')).toEqual([]);
    expect(await shop.recordId()).toBeUndefined();
    const lease = await shop.lease();
    if (lease !== undefined) expect(lease).toMatchObject({ released: true });
    return said(failed);
  }

  test('another host key than the configured one', async () => {
    const [first, second] = await start({}, {});
    const shop = await shopOn({ ...first!.inFile, host_key: hostKeys[2]!.publicKey }, second!.inFile);
    const failed = await refused(shop);
    expect(failed).toMatch(
      /127\.0\.0\.11:\d+: the host key is not the configured one: host_key says SHA256:\S+, the server shows SHA256:\S+/,
    );
    expect(failed).toMatch('Somebody may be in between');
    expect(failed).not.toMatch('127.0.0.12:');
  });

  test('a host key of a type that the server has not', async () => {
    const [first] = await start({});
    // An RSA key of 512 bits: only its type matters.
    const rsa = `ssh-rsa ${Buffer.concat([sized('ssh-rsa'), sized('\x01\x00\x01'), sized('A'.repeat(64))]).toString('base64')}`;
    const failed = await refused(await shopOn({ ...first!.inFile, host_key: rsa }));
    expect(failed).toMatch('the server has no host key of the types given in host_key');
  });

  test('an SSH key that the servers do not know', async () => {
    const both = await start({}, {});
    const shop = await shopOn(...both.map(({ inFile }) => inFile));
    const failed = await refused(shop, { 'ssh-private-key': stranger.privateKey });
    for (const { host, port } of both) {
      expect(failed).toMatch(`deploy@${host}:${port}: the server did not accept the SSH key`);
    }
  });

  test('no SSH key', async () => {
    const [first] = await start({});
    const failed = await refused(await shopOn(first!.inFile), { 'ssh-private-key': ' ' });
    expect(failed).toMatch('the SSH private key is empty');
  });

  test('a host name that does not resolve, and a port where nothing listens: both are named', async () => {
    const [first, second] = await start({}, {});
    const shop = await shopOn(
      { ...first!.inFile, host: 'no-such-server.invalid', port: 22 },
      { ...second!.inFile, port: 1 },
    );
    const failed = await refused(shop);
    expect(failed).toMatch('deploy@no-such-server.invalid:22: the host name does not resolve');
    expect(failed).toMatch('deploy@127.0.0.12:1: the connection was refused');
  });

  test('a server that takes the connection and says nothing', async () => {
    const [first, second] = await start({}, { isMute: true });
    const failed = await refused(await shopOn(first!.inFile, second!.inFile));
    expect(failed).toMatch(`deploy@127.0.0.12:${second!.port}: the SSH handshake took too long`);
    expect(failed).not.toMatch('127.0.0.11:');
  });

  const behind = (first: ScriptedServer, second: ScriptedServer, jump: Record<string, unknown> = {}) => ({
    ...second.inFile,
    jump: { host: first.host, port: first.port, user: 'deploy', host_key: first.hostKey, ...jump },
  });

  test('a jump host that forbids forwarding', async () => {
    const [first, second] = await start({ forbids: 'forwarding' }, {});
    const failed = await refused(await shopOn(behind(first!, second!)));
    expect(failed).toMatch('through 127.0.0.11: sshd of 127.0.0.11 forbids TCP forwarding');
  });

  test('a jump host that is not who it should be', async () => {
    const [first, second] = await start({}, {});
    const failed = await refused(await shopOn(behind(first!, second!, { host_key: hostKeys[2]!.publicKey })));
    expect(failed).toMatch(`127.0.0.11:${first!.port}: the host key is not the configured one`);
  });

  test('a jump host from which the server is not reached', async () => {
    const [first, second] = await start({}, {});
    const failed = await refused(await shopOn({ ...behind(first!, second!), port: 1 }));
    expect(failed).toMatch('deploy@127.0.0.12:1 through 127.0.0.11:');
  });

  test('an sshd that forbids forwarding', async () => {
    const [first] = await start({ forbids: 'forwarding' });
    const failed = await refused(await shopOn(first!.inFile));
    expect(failed).toMatch('127.0.0.11: sshd forbids TCP forwarding');
    expect(failed).toMatch('AllowTcpForwarding');
  });

  test.each<[NonNullable<Script['docker']>, string]>([
    ['missing', 'Docker is not installed there, or does not run'],
    ['stopped', 'the Docker engine does not answer'],
    ['not for this user', 'the user deploy may not use Docker'],
    ['too old', 'Docker is too old (its API is 1.40)'],
  ])('Docker is %s', async (docker, sentence) => {
    const [first, second] = await start({}, { docker });
    const failed = await refused(await shopOn(first!.inFile, second!.inFile));
    expect(failed).toMatch(`127.0.0.12: ${sentence}`);
    expect(failed).not.toMatch('127.0.0.11:');
  });

  test('each server for its own reason: all are named', async () => {
    const [first, second, third] = await start({}, { docker: 'missing' }, { forbids: 'forwarding' });
    const failed = await refused(
      await shopOn({ ...first!.inFile, host_key: hostKeys[2]!.publicKey }, second!.inFile, third!.inFile),
    );
    expect(failed).toMatch(`127.0.0.11:${first!.port}: the host key is not the configured one`);
    expect(failed).toMatch('127.0.0.12: Docker is not installed there, or does not run');
    expect(failed).toMatch('127.0.0.13: sshd forbids TCP forwarding');
  });
});

/** A field of an SSH key: its length in four bytes, and its content (RFC 4251 §5). */
function sized(content: string): Buffer {
  const bytes = Buffer.from(content, 'latin1');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
