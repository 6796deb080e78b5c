import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import { NodeSSH } from 'node-ssh';
import type { Client, ClientChannel } from 'ssh2';
import { ChannelStream } from './channel-stream.ts';
import { explainConnectFailure } from './explain.ts';
import { joinWrites } from './joined-writes.ts';
import { parseHostKey, signatureAlgorithms } from './keys.ts';
import type { SshTarget } from './target.ts';

/** Time for the TCP connection, and for the SSH handshake and login after it, in ms. */
const CONNECT_TIMEOUT_MS = 8_000;
/** A NAT forgets an idle connection after minutes; an unanswered probe three times ends it. */
const KEEPALIVE_INTERVAL_MS = 5_000;

/** Of the server: nobody but who is logged in there reaches it. */
const LOOPBACK = '127.0.0.1';

/** A port of a server that leads here. */
export interface Listener {
  port: number;
  /** close gives the port back; connections that are open go on. */
  close(): Promise<void>;
}

/** sshd does not listen for this user (`AllowTcpForwarding`, `PermitListen`, `DisableForwarding`); it does not say why. */
export class ForwardingRefused extends Error {
  constructor(cause: unknown) {
    super('sshd refuses to listen for this user', { cause });
    this.name = 'ForwardingRefused';
  }
}

/**
 * SshConnection is one SSH connection to a server. It carries any number of forwarded streams, and
 * connects again once when it was dropped while idle.
 */
export class SshConnection {
  readonly target: SshTarget;
  readonly #privateKey: string;
  #current: Promise<Session>;
  #closed = false;

  private constructor(target: SshTarget, privateKey: string, first: Promise<Session>) {
    this.target = target;
    this.#privateKey = privateKey;
    this.#current = first;
  }

  /**
   * open connects and logs in; `privateKey` is a normalised private key (see normalisePrivateKey).
   * It throws a UserError that says which of address, host key, login or network was wrong.
   */
  static async open(target: SshTarget, privateKey: string): Promise<SshConnection> {
    const first = openSession(target, privateKey);
    await first;
    return new SshConnection(target, privateKey, first);
  }

  /** dialSocket opens a stream to a Unix socket on the server (stream-local forwarding). */
  async dialSocket(path: string): Promise<Duplex> {
    return await this.#dialStream((client) =>
      callback((done) => client.openssh_forwardOutStreamLocal(path, done)),
    );
  }

  /** dialTcp opens a stream to an address as the server sees it (direct-tcpip). */
  async dialTcp(host: string, port: number): Promise<Duplex> {
    return await this.#dialStream((client) =>
      callback((done) => client.forwardOut('127.0.0.1', 0, host, port, done)),
    );
  }

  /**
   * listen has sshd listen on a free port of the server's own 127.0.0.1, and hands every connection to it over as a
   * stream. It throws a ForwardingRefused where sshd does not do that. With the connection to the server it ends.
   */
  async listen(accept: (stream: Duplex) => void): Promise<Listener> {
    const { client, listeners } = await this.#session();
    const port = await callback<number>((done) =>
      client.forwardIn(LOOPBACK, 0, (error, bound) => {
        if (!error) listeners.set(bound, accept);
        done(error, bound);
      }),
    ).catch((error: Error) => {
      throw /unable to bind/i.test(error.message) ? new ForwardingRefused(error) : error;
    });
    return {
      port,
      close: async () => {
        listeners.delete(port);
        // Where the connection has gone, so has the port.
        await callback<undefined>((done) =>
          client.unforwardIn(LOOPBACK, port, (error) => done(error, undefined)),
        ).catch(() => undefined);
      },
    };
  }

  /** dialCommand runs a fixed command line and returns its input and output as one stream. */
  async dialCommand(command: string): Promise<ClientChannel> {
    return (await this.#dial((client) => callback((done) => client.exec(command, done)))).channel;
  }

  /** run runs a fixed command line, without any value put into it, with `input` on stdin, and returns what it printed. */
  async run(command: string, input = ''): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const { ssh } = await this.#session();
    return await ssh.execCommand(command, { stdin: input });
  }

  /** close ends the connection and everything on it. */
  async close(): Promise<void> {
    this.#closed = true;
    const session = await this.#current.catch(() => undefined);
    session?.close();
  }

  async #dialStream(open: (client: Client) => Promise<ClientChannel>): Promise<Duplex> {
    const { channel, session } = await this.#dial(open);
    return new ChannelStream(channel, () => session.dropped);
  }

  async #dial(
    open: (client: Client) => Promise<ClientChannel>,
  ): Promise<{ channel: ClientChannel; session: Session }> {
    const session = await this.#session();
    try {
      return { channel: await open(session.client), session };
    } catch (error) {
      // The other end has hung up, and the event that says so has not come yet.
      session.dropped ||= error instanceof Error && error.message === 'Not connected';
      if (!session.dropped || this.#closed) throw error;
      const again = await this.#session();
      return { channel: await open(again.client), session: again };
    }
  }

  async #session(): Promise<Session> {
    const current = this.#current;
    const session = await current;
    if (!session.dropped || this.#closed) return session;
    // Of many that find it dropped one connects again: sshd refuses a crowd of logins (MaxStartups).
    if (this.#current === current) this.#current = openSession(this.target, this.#privateKey);
    return await this.#current;
  }
}

interface Session {
  ssh: NodeSSH;
  client: Client;
  dropped: boolean;
  /** Who takes connections to a port of the server, by that port. */
  listeners: Map<number, (stream: Duplex) => void>;
  close(): void;
}

async function openSession(target: SshTarget, privateKey: string): Promise<Session> {
  const jump = target.jump && (await openSession({ ...target.jump, name: target.jump.host }, privateKey));
  const seen: { hostKey?: Buffer } = {};
  try {
    const sock = await (jump ? dialThrough(jump.client, target) : dialDirectly(target));
    const keys = target.hostKeys.map(parseHostKey);
    const ssh = new NodeSSH();
    await ssh.connect({
      sock: sock as never,
      username: target.user,
      privateKey,
      // ssh2 would ask first whether one may come in without anything: a round trip.
      authHandler: ['publickey'],
      readyTimeout: CONNECT_TIMEOUT_MS,
      keepaliveInterval: KEEPALIVE_INTERVAL_MS,
      hostVerifier: (key: Buffer) => {
        seen.hostKey = key;
        return keys.some(({ blob }) => blob.equals(key));
      },
      // Only the given types are negotiated: else a server with several keys might show another one.
      ...(keys.length > 0 && {
        algorithms: { serverHostKey: keys.flatMap(({ type }) => signatureAlgorithms(type)) as never },
      }),
    });
    const client = ssh.connection as Client;
    // Nagle's algorithm holds small packets back for 40 ms.
    client.setNoDelay(true);
    const session: Session = {
      ssh,
      client,
      dropped: false,
      listeners: new Map(),
      close: () => {
        ssh.dispose();
        jump?.close();
      },
    };
    client.on('tcp connection', ({ destPort }, accept, reject) => {
      const take = session.listeners.get(destPort);
      if (take === undefined) reject();
      else take(new ChannelStream(accept(), () => session.dropped));
    });
    client.on('close', () => {
      session.dropped = true;
      jump?.close();
    });
    client.on('error', () => {
      session.dropped = true;
    });
    return session;
  } catch (error) {
    jump?.close();
    throw explainConnectFailure(target, error, seen.hostKey);
  }
}

function dialDirectly(target: SshTarget): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host: target.host, port: target.port, noDelay: true });
    const timer = setTimeout(() => {
      socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }));
    }, CONNECT_TIMEOUT_MS);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', reject);
      resolve(joinWrites(socket));
    });
    socket.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}

function dialThrough(client: Client, target: SshTarget): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    // The jump host would go on trying for two minutes.
    const timer = setTimeout(
      () => reject(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
      CONNECT_TIMEOUT_MS,
    );
    client.forwardOut('127.0.0.1', 0, target.host, target.port, (error, channel) => {
      clearTimeout(timer);
      if (error) reject(error);
      else resolve(channel);
    });
  });
}

function callback<T>(
  start: (done: (error: Error | null | undefined, result: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, result) => (error ? reject(error) : resolve(result)));
  });
}
