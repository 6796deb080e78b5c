import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Server } from '../../src/fleet/server.ts';
import { staticProvider } from '../../src/fleet/static.ts';
import { normalisePrivateKey } from '../../src/ssh/keys.ts';
import type { LabServer } from '../lab/lab.ts';
import { borrow, type LentServers } from './fleet.ts';

jest.setTimeout(120_000);

/** These tests end all logins of a server, so it is theirs alone. */
describe('a connection to a server', () => {
  let lab: LentServers;
  let machine: LabServer;
  let server: Server;

  beforeAll(async () => {
    lab = await borrow(1);
    machine = lab.servers[0]!;
    server = await connect(lab.keys.deploy, 'deploy');
  });

  afterAll(async () => {
    await server?.close();
    lab?.giveBack();
  });

  test('is made again, once, when it was dropped while nobody used it', async () => {
    await server.engine.info();
    await dropSessions();
    await expect(server.engine.info()).resolves.toHaveProperty('ServerVersion');
    await dropSessions();
    await expect(server.engine.info()).resolves.toHaveProperty('ServerVersion');
  });

  test('is made again by one of fifty calls that find it dropped: sshd refuses a crowd of logins', async () => {
    await dropSessions();
    const answers = await Promise.all(Array.from({ length: 50 }, () => server.engine.info()));
    expect(answers).toHaveLength(50);
  });

  test('carries fifty calls at once over one login', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => server.engine.info()));
    expect(new Set(answers.map(({ ID }) => ID)).size).toBe(1);
  });

  test('keeps answering after more commands than there are streams', async () => {
    const [edge] = await server.engine.listContainers({ label: ['switchyard.role=edge'] });
    const id = edge?.Id ?? (await startSomething());
    for (let count = 0; count < 40; count++) {
      expect((await server.engine.exec(id, ['cat', '/etc/hostname'])).exitCode).toBe(0);
    }
  });

  test('reaches the engine through Docker itself where sshd forbids forwarding its socket', async () => {
    const other = await connect(lab.keys.deploy, 'nostreamlocal');
    const answers = await Promise.all(Array.from({ length: 20 }, () => other.engine.info()));
    expect(answers).toHaveLength(20);
    await other.close();
  });

  async function connect(key: string, user: string): Promise<Server> {
    return await staticProvider([], normalisePrivateKey(key)).connect({
      name: machine.host,
      host: machine.host,
      port: machine.port,
      user,
      zone: 'default',
      hostKeys: [machine.hostKeys[0]!],
    });
  }

  /** Ends the sshd processes that serve logged-in users, as a firewall that forgets a connection would. */
  async function dropSessions(): Promise<void> {
    await machine.exec(['pkill', '-KILL', '-u', 'deploy', 'sshd']);
  }

  async function startSomething(): Promise<string> {
    const id = await server.engine.createContainer('something', { Image: lab.images.nginx });
    await server.engine.startContainer(id);
    return id;
  }
});
