import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import ssh2 from 'ssh2';

const { Server, utils } = ssh2;

/** A key as SSH has it: the private one, and what of it everybody may know. */
export interface TestKey {
  private: string;
  public: Buffer;
}

/** newKey makes a key pair. */
export function newKey(): TestKey {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const parsed = utils.parseKey(privateKey);
  if (parsed instanceof Error) throw parsed;
  return { private: privateKey, public: parsed.getPublicSSH() };
}

/** A git server over SSH, which lets one key in and knows one command: git's own upload-pack. */
export class GitSshServer {
  /** Commands that it was asked for. */
  readonly commands: string[] = [];
  readonly hostKey = newKey();
  readonly #server: InstanceType<typeof Server>;

  constructor(user: TestKey) {
    this.#server = new Server({ hostKeys: [this.hostKey.private] }, (client) => {
      client.on('error', () => undefined);
      client.on('authentication', (context) => {
        if (context.method === 'publickey' && context.key.data.equals(user.public)) context.accept();
        else context.reject(['publickey']);
      });
      client.on('session', (acceptSession) => {
        const session = acceptSession();
        session.on('env', (accept) => accept?.());
        session.on('exec', (acceptExec, reject, { command }) => {
          this.commands.push(command);
          const [, path] = /^git-upload-pack '([^']+)'$/.exec(command) ?? [];
          if (path === undefined) return reject();
          const channel = acceptExec();
          const child = spawn('git', ['upload-pack', path]);
          channel.pipe(child.stdin);
          child.stdin.on('error', () => undefined);
          child.stdout.pipe(channel, { end: false });
          child.stderr.pipe(channel.stderr, { end: false });
          child.on('close', (code) => {
            channel.exit(code ?? 1);
            channel.end();
          });
        });
      });
    });
  }

  /** Returns its port. */
  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
