import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import ssh2 from 'ssh2';
import { dockerList, mustRun } from './command.ts';
import { attachLab, type Lab, type LabServer, startLab } from './lab.ts';
import { startRelay } from './relay.ts';

const ping = 'GET /_ping HTTP/1.0\r\n\r\n';
let lab: Lab;

beforeAll(async () => {
  lab = await startLab({ name: 'selftest', servers: 2, log: console.log });
}, 600_000);

afterAll(async () => lab?.down(), 60_000);

describe('a server lets in', () => {
  test.each(['deploy', 'root', 'norights', 'noforward', 'nostreamlocal'])(
    '%s with the deploy key',
    async (user) => {
      for (const server of lab.servers) {
        await using session = await login(server, user);
        expect(await session.output('whoami')).toBe(`${user}\n`);
        expect(server.hostKeys).toContain(session.hostKey);
      }
    },
  );

  test('nobody with another key', async () => {
    await expect(login(lab.servers[0]!, 'deploy', lab.keys.other)).rejects.toThrow('authentication');
  });

  test('nobody who takes it for another server', async () => {
    const [first, second] = lab.servers as [LabServer, LabServer];
    expect(new Set([...first.hostKeys, ...second.hostKeys]).size).toBe(4);
  });
});

describe('the engine is reached', () => {
  test.each(['deploy', 'root'])('by %s through its socket', async (user) => {
    for (const server of lab.servers) {
      await using session = await login(server, user);
      expect(await session.throughSocket('/var/run/docker.sock', ping)).toMatch(/OK$/);
    }
  });

  test('not by norights', async () => {
    await using session = await login(lab.servers[0]!, 'norights');
    await expect(session.throughSocket('/var/run/docker.sock', ping)).rejects.toThrow();
  });

  test('not by noforward, who may not forward anything', async () => {
    await using session = await login(lab.servers[0]!, 'noforward');
    await expect(session.throughSocket('/var/run/docker.sock', ping)).rejects.toThrow();
    await expect(session.throughPort('127.0.0.1', 22, '')).rejects.toThrow();
    expect(await session.output('docker ps --quiet')).toBe('');
  });

  test('by nostreamlocal only through dial-stdio, and ports are open to it', async () => {
    for (const server of lab.servers) {
      await using session = await login(server, 'nostreamlocal');
      await expect(session.throughSocket('/var/run/docker.sock', ping)).rejects.toThrow();
      expect(await session.output('docker system dial-stdio', ping)).toMatch(/OK$/);
      expect(await session.throughPort('127.0.0.1', 22, 'x\r\n')).toMatch(/^SSH-/);
    }
  });
});

describe('the registry', () => {
  test('has the images, and the servers have them from the start', async () => {
    for (const server of lab.servers) {
      const present = (await server.docker('images', '--format', '{{.Repository}}:{{.Tag}}')).split('\n');
      const expected = ['v1', 'v2', 'v3'].map(lab.images.web);
      expect(present).toEqual(expect.arrayContaining([...expected, lab.images.nginx, lab.images.redis]));
    }
  });

  test('serves what buildWeb makes to every server', async () => {
    const image = await lab.buildWeb('v9', { HEALTH: 'ok', GREETING: 'a "quoted" $value' });
    expect(image).toBe(lab.images.web('v9'));
    await Promise.all(
      lab.servers.map(async (server) => {
        await server.docker('pull', '--quiet', image);
        expect(await server.docker('run', '--rm', image, 'printenv', 'VERSION', 'GREETING')).toBe(
          'v9\na "quoted" $value',
        );
      }),
    );
  });
});

describe('a server', () => {
  test('serves an app on its private address to the servers of its zone', async () => {
    const [first, second] = lab.servers as [LabServer, LabServer];
    await startWeb(first);
    const script = 'exec 3<>"/dev/tcp/$0/8000"; printf "GET /version HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3';
    const { stdout } = await second.exec(['bash', '-c', script, first.privateIp]);
    expect(stdout).toContain('v1');
  }, 20_000);

  test.each(['stop', 'kill'] as const)(
    'comes back after %s, and its containers with it',
    async (end) => {
      await Promise.all(
        lab.servers.map(async (server) => {
          await startWeb(server);
          await server[end]();
          await expect(version(server)).rejects.toThrow();
          await server.start();
          await eventually(() => version(server));
          expect(await version(server)).toContain('v1');
        }),
      );
    },
    60_000,
  );

  test.each([0, 1])(
    '%i keeps sshd while its engine is stopped',
    async (i) => {
      const server = lab.servers[i]!;
      await server.stopEngine();
      await using session = await login(server, 'deploy');
      await expect(session.throughSocket('/var/run/docker.sock', ping)).rejects.toThrow();
      await server.startEngine();
      expect(await session.throughSocket('/var/run/docker.sock', ping)).toMatch(/OK$/);
    },
    60_000,
  );

  test('freezes with all its containers when it is paused', async () => {
    const server = lab.servers[0]!;
    await startWeb(server);
    await server.pause();
    await expect(version(server)).rejects.toThrow('timeout');
    await server.unpause();
    expect(await version(server)).toContain('v1');
  }, 20_000);
});

test('a new repository has a remote that another clone sees', async () => {
  const { dir, origin } = await lab.newRepository({ 'switchyard.yml': 'project: shop\n', 'api/a.txt': 'a' });
  expect(await mustRun(['git', 'ls-tree', '-r', '--name-only', 'origin/main'], { cwd: dir })).toBe(
    'api/a.txt\nswitchyard.yml',
  );
  expect((await lab.newRepository({})).origin).not.toBe(origin);
});

test('another process can attach', async () => {
  const attached = await attachLab('selftest');
  expect(attached.servers.map((server) => server.hostKeys)).toEqual(
    lab.servers.map((server) => server.hostKeys),
  );
  expect(await attached.servers[1]!.docker('version', '--format', '{{.Server.Version}}')).toMatch(/^20\.10/);
  await expect(attachLab('nowhere')).rejects.toThrow('There is no lab named nowhere');
});

test('a lab that was cut off comes up again, and down leaves nothing', async () => {
  const containers = await dockerList(['ps', '--quiet', '--filter', 'label=switchyard.lab=selftest']);
  await mustRun(['docker', 'kill', ...containers.slice(0, 2)]);
  await mustRun(['docker', 'rm', containers[0]!]);
  lab = await startLab({ name: 'selftest', servers: [{ suite: 'bookworm' }] });
  expect(await lab.servers[0]!.docker('ps', '--quiet')).toBe('');
  await lab.down();
  const left = await Promise.all(
    [
      ['ps', '--all'],
      ['network', 'ls'],
      ['volume', 'ls'],
    ].map((list) => dockerList([...list, '--quiet', '--filter', 'label=switchyard.lab=selftest'])),
  );
  expect(left.flat()).toEqual([]);
  await expect(attachLab('selftest')).rejects.toThrow();
});

test('the relay delays both ways, and keeps order and half-closed connections', async () => {
  const echo = createServer({ allowHalfOpen: true }, (socket) => {
    // Answers only after the other side has finished: lost half-closing would hang.
    text(socket).then((all) => socket.end(`${all.length} ${all.slice(-5)}`));
  });
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  const { port } = echo.address() as { port: number };
  const relay = await startRelay({ target: { host: '127.0.0.1', port }, delayMs: 25 });
  const started = performance.now();
  const { connect } = await import('node:net');
  const socket = connect({ host: relay.host, port: relay.port, allowHalfOpen: true });
  for (let i = 0; i < 20_000; i++) socket.write(`${i}\n`.padStart(6, '0'));
  socket.end();
  expect(await text(socket)).toBe('120000 9999\n');
  const took = performance.now() - started;
  expect(took).toBeGreaterThanOrEqual(50);
  expect(took).toBeLessThan(1000);
  await relay.close();
  echo.close();
});

/** A logged-in user of a server. */
interface Session extends AsyncDisposable {
  /** The key the server showed, as known_hosts has it. */
  hostKey: string;
  output(command: string, input?: string): Promise<string>;
  throughSocket(path: string, request: string): Promise<string>;
  throughPort(host: string, port: number, request: string): Promise<string>;
}

async function login(server: LabServer, username: string, privateKey = lab.keys.deploy): Promise<Session> {
  const client = new ssh2.Client();
  let hostKey = '';
  await new Promise<void>((resolve, reject) => {
    client.once('ready', resolve).once('error', reject);
    client.connect({
      host: server.host,
      port: server.port,
      username,
      privateKey,
      hostVerifier: (key: Buffer) => {
        const nameLength = key.readUInt32BE(0);
        hostKey = `${key.subarray(4, 4 + nameLength)} ${key.toString('base64')}`;
        return server.hostKeys.includes(hostKey);
      },
    });
  });
  const talk = (channel: ssh2.ClientChannel, request: string) => {
    channel.end(request);
    return text(channel);
  };
  const opened = (open: (done: (error: Error | undefined, channel: ssh2.ClientChannel) => void) => void) =>
    new Promise<ssh2.ClientChannel>((resolve, reject) =>
      open((error, channel) => (error ? reject(error) : resolve(channel))),
    );
  return {
    hostKey,
    output: async (command, input = '') =>
      talk(await opened((done) => client.exec(command, done as ssh2.ClientCallback)), input),
    throughSocket: async (path, request) =>
      talk(await opened((done) => client.openssh_forwardOutStreamLocal(path, done)), request),
    throughPort: async (host, port, request) =>
      talk(await opened((done) => client.forwardOut('127.0.0.1', 0, host, port, done)), request),
    [Symbol.asyncDispose]: async () => {
      client.destroy();
    },
  };
}

/** startWeb runs the app's v1 on port 8000 of the server's private address, unless it runs there already. */
async function startWeb(server: LabServer): Promise<void> {
  if ((await server.docker('ps', '--quiet', '--filter', 'name=web')) === '') {
    await server.docker(
      ...['run', '--detach', '--init', '--restart', 'always', '--name', 'web'],
      ...['--publish', `${server.privateIp}:8000:3000`, lab.images.web('v1')],
    );
  }
  await eventually(() => version(server));
}

async function version(server: LabServer): Promise<string> {
  const response = await fetch(`http://${server.privateIp}:8000/version`, {
    signal: AbortSignal.timeout(1000),
  });
  return response.text();
}

/** eventually repeats a try until it succeeds, for 15 s at most. */
async function eventually(attempt: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + 15_000;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(100);
    }
  }
}
