import { generateKeyPairSync } from 'node:crypto';
import { type AddressInfo, connect as connectTcp, createServer, type Server as TcpServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import ssh2, { type Connection } from 'ssh2';
import { ForwardingRefused, SshConnection } from '../../../src/ssh/connection.ts';
import { hostKeyLine } from '../../../src/ssh/keys.ts';

const { Server, utils } = ssh2;
/** RSA in PKCS#1, which ssh2 reads without help. */
const newKey = () =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  }).privateKey;

const hostKey = newKey();
const userKey = newKey();
const hostLine = hostKeyLine(publicBlob(hostKey));

function publicBlob(key: string): Buffer {
  const parsed = utils.parseKey(key);
  if (parsed instanceof Error) throw parsed;
  return parsed.getPublicSSH();
}

/** An SSH server that lets one key in, forwards TCP streams and knows one command. */
const clients = new Set<Connection>();
/** So many logins it ends as soon as they have succeeded. */
let hangUps = 0;
/** It listens for nobody. */
let isStrict = false;
/** Ports that lead to a client, while they do. */
const forwards = new Map<number, TcpServer>();
const sshd = new Server({ hostKeys: [hostKey] }, (client) => {
  clients.add(client);
  client.on('error', () => undefined);
  client.on('close', () => clients.delete(client));
  client.on('authentication', (context) => {
    const isKnown = context.method === 'publickey' && context.key.data.equals(publicBlob(userKey));
    if (isKnown) context.accept();
    else context.reject(['publickey']);
  });
  client.on('ready', () => {
    if (hangUps-- > 0) client.end();
  });
  client.on('tcpip', (accept, reject, { destIP, destPort }) => {
    const socket = connectTcp(destPort, destIP);
    socket.once('connect', () => {
      const channel = accept();
      socket.pipe(channel).pipe(socket);
      channel.on('error', () => socket.destroy());
    });
    socket.once('error', () => reject());
  });
  // As sshd does it with "AllowTcpForwarding yes": a port of its own 127.0.0.1 leads to the client.
  client.on(
    'request',
    (accept, reject, name, { bindAddr, bindPort }: { bindAddr: string; bindPort: number }) => {
      if (isStrict) return reject?.();
      if (name === 'cancel-tcpip-forward') {
        forwards.get(bindPort)?.close();
        return accept?.();
      }
      const forward = createServer({ allowHalfOpen: true }, (socket) => {
        const { remoteAddress = '', remotePort = 0 } = socket;
        client.forwardOut(bindAddr, portOf(forward), remoteAddress, remotePort, (error, channel) => {
          if (error) socket.destroy();
          else socket.pipe(channel).pipe(socket);
        });
      });
      forward.listen(bindPort, bindAddr, () => {
        forwards.set(portOf(forward), forward);
        accept?.(portOf(forward));
      });
      client.once('close', () => forward.close());
    },
  );
  client.on('session', (acceptSession) => {
    acceptSession().on('exec', (acceptExec, _reject, { command }) => {
      const channel = acceptExec();
      channel.write(`ran ${command}`);
      channel.exit(0);
      channel.end();
    });
  });
});
const echo: TcpServer = createServer({ allowHalfOpen: true }, (socket) =>
  socket.pipe(socket).on('error', () => undefined),
);
const open: SshConnection[] = [];
const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;

async function connect(
  changes: { hostKeys?: string[]; key?: string; port?: number } = {},
): Promise<SshConnection> {
  const { hostKeys = [hostLine], key = userKey, port = portOf(sshd) } = changes;
  const connection = await SshConnection.open(
    { name: 'web-1', host: '127.0.0.1', port, user: 'deploy', hostKeys },
    key,
  );
  open.push(connection);
  return connection;
}

beforeAll(async () => {
  await new Promise<void>((resolve) => sshd.listen(0, '127.0.0.1', resolve));
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((connection) => connection.close()));
});
afterAll(() => {
  sshd.close();
  echo.close();
});

describe('a port of the server that leads here', () => {
  afterEach(() => {
    isStrict = false;
  });

  const say = async (port: number, words: string) => {
    const socket = connectTcp(port, '127.0.0.1');
    socket.end(words);
    return await text(socket);
  };

  test('has each connection as a stream', async () => {
    const connection = await connect();
    const { port, close } = await connection.listen((stream) => stream.pipe(stream));
    expect(await Promise.all(['one', 'two'].map((words) => say(port, words)))).toEqual(['one', 'two']);
    await close();
    await expect(say(port, 'late')).rejects.toThrow('ECONNREFUSED');
  });

  test('is one of several, each of which leads to its own', async () => {
    const connection = await connect();
    const listeners = await Promise.all(
      ['a', 'b'].map((name) => connection.listen((stream) => stream.resume().end(name))),
    );
    expect(await Promise.all(listeners.map(({ port }) => say(port, 'who?')))).toEqual(['a', 'b']);
  });

  test('is refused by an sshd that does not do that', async () => {
    isStrict = true;
    const connection = await connect();
    await expect(connection.listen(() => undefined)).rejects.toThrow(ForwardingRefused);
  });

  test('goes with the connection, and giving it back then is fine', async () => {
    const connection = await connect();
    const { close } = await connection.listen(() => undefined);
    await connection.close();
    await expect(close()).resolves.toBeUndefined();
  });
});

describe('who is let in', () => {
  test('the right host key and the right key', async () => {
    const connection = await connect();
    expect(await connection.run('hostname')).toMatchObject({ code: 0, stdout: 'ran hostname' });
  });

  test('one of several host keys', async () => {
    await expect(connect({ hostKeys: [hostKeyLine(publicBlob(userKey)), hostLine] })).resolves.toBeDefined();
  });

  test('another host key is refused before the login', async () => {
    const other = hostKeyLine(publicBlob(userKey));
    await expect(connect({ hostKeys: [other] })).rejects.toThrow('the host key is not the configured one');
  });

  test('no host key: refused with the line to add', async () => {
    await expect(connect({ hostKeys: [] })).rejects.toMatchObject({
      hint: expect.stringContaining(hostLine),
    });
  });

  test('a type of host key that the server has not', async () => {
    const ed25519 = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
    await expect(connect({ hostKeys: [ed25519] })).rejects.toThrow('no host key of the types given');
  });

  test('another key is not accepted', async () => {
    await expect(connect({ key: newKey() })).rejects.toThrow('the server did not accept the SSH key');
  });

  test('a port where nobody listens', async () => {
    await expect(connect({ port: 1 })).rejects.toThrow('the connection was refused');
  });
});

describe('streams through the connection', () => {
  test('what is sent comes back, and an end is an end', async () => {
    const stream = await (await connect()).dialTcp('127.0.0.1', portOf(echo));
    stream.end('as it was sent');
    expect(await text(stream)).toBe('as it was sent');
  });

  test('what came before the other end closed is still read, whatever is written meanwhile', async () => {
    // More than is read ahead: the end of the channel comes behind it.
    const lastWords = Buffer.alloc(300_000, 'x');
    const curt = createServer((socket) => socket.end(lastWords).on('error', () => undefined));
    await new Promise<void>((resolve) => curt.listen(0, '127.0.0.1', resolve));
    const stream = await (await connect()).dialTcp('127.0.0.1', portOf(curt));
    const closed = new Promise<void>((resolve) => curt.once('close', resolve));
    curt.close();
    await closed;
    for (let turn = 0; turn < 50; turn++) {
      if (stream.writable) stream.write(Buffer.alloc(1000));
      await new Promise(setImmediate);
    }
    expect(await text(stream)).toHaveLength(lastWords.length);
  });

  test('where nobody listens, the server says so', async () => {
    const connection = await connect();
    await expect(connection.dialTcp('127.0.0.1', 1)).rejects.toMatchObject({ reason: expect.any(Number) });
  });

  test('a connection that breaks is no end of the stream: the error says whose fault it was', async () => {
    const stream = await (await connect()).dialTcp('127.0.0.1', portOf(echo));
    const broken = new Promise<unknown>((resolve) => stream.once('error', resolve));
    for (const client of clients) client.end();
    expect(await broken).toMatchObject({ isTunnelBroken: true });
  });

  test('a connection that was dropped while idle is opened again, once it is needed', async () => {
    const connection = await connect();
    const stream = await connection.dialTcp('127.0.0.1', portOf(echo));
    const broken = new Promise((resolve) => stream.once('error', resolve));
    for (const client of clients) client.end();
    await broken;
    expect(await connection.run('again')).toMatchObject({ stdout: 'ran again' });
  });

  test.each([0, 1, 2, 4])(
    'a connection that ends with its login, found so %d turns later, is opened again',
    async (turns) => {
      hangUps = 1;
      const connection = await connect();
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      const stream = await connection.dialTcp('127.0.0.1', portOf(echo));
      stream.end('as it was sent');
      expect(await text(stream)).toBe('as it was sent');
    },
  );
});
