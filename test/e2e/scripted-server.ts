import { once } from 'node:events';
import { createServer as createEngine, type Server as Engine } from 'node:http';
import { type AddressInfo, connect, createServer as createListener, type Server as Listener } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, { type AuthContext, type Connection, type Session } from 'ssh2';
import type { KeyPair } from '../lab/keys.ts';

/** What is wrong with a server. */
export interface Script {
  /** Default: it answers, and may be used. */
  docker?: 'missing' | 'stopped' | 'not for this user' | 'too old';
  /** What sshd forbids. */
  forbids?: 'forwarding' | 'forwarding to sockets';
  /** Connections are taken, and not a word is said. */
  isMute?: boolean;
}

const SOCKET = '/var/run/docker.sock';
const DIAGNOSIS = `ls -l ${SOCKET}; id -nG`;

/**
 * ScriptedServer is an SSH server of this process at a loopback address, with an engine that answers nothing but a
 * ping: the protocol is real, and what is wrong with the server is a script. It shows what a run says of servers
 * that it cannot use; of one that it can use it would learn nothing.
 */
export class ScriptedServer {
  readonly host: string;
  readonly hostKey: string;
  /** What the engine was asked. */
  readonly asked: string[] = [];
  port = 0;
  readonly #script: Script;
  readonly #engine: Engine;
  readonly #door: Listener | InstanceType<typeof ssh2.Server>;
  readonly #open = new Set<{ end(): unknown }>();

  private constructor(host: string, keys: { host: KeyPair; user: KeyPair }, script: Script) {
    this.host = host;
    this.hostKey = keys.host.publicKey;
    this.#script = script;
    this.#engine = createEngine(({ method, url }, answer) => {
      this.asked.push(`${method} ${url}`);
      answer.setHeader('Api-Version', script.docker === 'too old' ? '1.40' : '1.45');
      answer.statusCode = url === '/_ping' ? 200 : 501;
      answer.end('{}');
    });
    this.#door = script.isMute
      ? createListener((socket) => this.#open.add(socket.on('error', () => undefined)))
      : new ssh2.Server({ hostKeys: [keys.host.privateKey] }, (client) => this.#welcome(client, keys.user));
  }

  /** start starts a server at a loopback address, 127.0.0.2 and so on; it lets the user's key in, under every name. */
  static async start(
    host: string,
    keys: { host: KeyPair; user: KeyPair },
    script: Script = {},
  ): Promise<ScriptedServer> {
    const server = new ScriptedServer(host, keys, script);
    server.#engine.listen(0, '127.0.0.1');
    server.#door.listen(0, host);
    await Promise.all([once(server.#engine, 'listening'), once(server.#door, 'listening')]);
    server.port = (server.#door.address() as AddressInfo).port;
    return server;
  }

  /** inFile returns the server as an entry of the file. */
  get inFile(): Record<string, unknown> {
    return {
      host: this.host,
      port: this.port,
      private_ip: `10.0.0.${this.host.split('.')[3]}`,
      host_key: this.hostKey,
    };
  }

  /** stop ends its connections and the server. */
  stop(): void {
    for (const connection of this.#open) connection.end();
    this.#door.close();
    this.#engine.close();
  }

  #welcome(client: Connection, user: KeyPair): void {
    this.#open.add(client);
    client.on('error', () => undefined);
    client.on('authentication', (login) => letIn(login, user));
    client.on('session', (accept) => this.#serve(accept()));
    // Without a listener ssh2 answers "administratively prohibited", as sshd does where it is.
    if (this.#script.forbids === 'forwarding') return;
    client.on('tcpip', (accept, reject, { destIP, destPort }) => {
      const target = connect(destPort, destIP);
      target.once('connect', () => join(accept(), target));
      target.once('error', () => reject());
    });
    if (this.#script.forbids !== undefined) return;
    client.on('openssh.streamlocal' as 'tcpip', (accept, reject) => {
      if (this.#isEngineClosed) reject();
      else join(accept(), this.#dialEngine());
    });
  }

  #serve(session: Session): void {
    session.on('exec', (accept, _reject, { command }) => {
      const channel = accept();
      if (command === 'docker system dial-stdio' && !this.#isEngineClosed) {
        join(channel, this.#dialEngine());
        return;
      }
      const [stdout, stderr, code] =
        command === DIAGNOSIS ? this.#diagnosis : ['', `${command}: failed\n`, 1];
      channel.stderr.write(stderr);
      channel.write(stdout);
      channel.exit(code);
      channel.end();
    });
  }

  get #isEngineClosed(): boolean {
    return ['missing', 'stopped', 'not for this user'].includes(this.#script.docker ?? '');
  }

  /** What `ls` and `id` say on such a server. */
  get #diagnosis(): [stdout: string, stderr: string, code: number] {
    if (this.#script.docker === 'missing') {
      return ['deploy\n', `ls: cannot access '${SOCKET}': No such file or directory\n`, 0];
    }
    const groups = this.#script.docker === 'not for this user' ? 'deploy' : 'deploy docker';
    return [`srw-rw---- 1 root docker 0 Nov 29 10:00 ${SOCKET}\n${groups}\n`, '', 0];
  }

  #dialEngine(): Duplex {
    return connect((this.#engine.address() as AddressInfo).port, '127.0.0.1');
  }
}

function letIn(login: AuthContext, { publicKey }: KeyPair): void {
  const [, blob] = publicKey.split(' ');
  if (login.method === 'publickey' && login.key.data.toString('base64') === blob) login.accept();
  else login.reject(['publickey']);
}

function join(one: Duplex, other: Duplex): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.on('error', () => to.destroy());
    from.pipe(to);
  }
}
