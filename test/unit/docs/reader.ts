import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server as WebServer } from 'node:http';
import type { AddressInfo, Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import ssh2, { type AuthContext, type ServerChannel, type Session } from 'ssh2';

const { Server, utils } = ssh2;

/** The address that the documents use for a server. */
const ADDRESS = '203.0.113.10';
const REPOSITORY = 'https://github.com/OWNER/switchyard';

const PREPARATION = `
  for name in root host; do ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$name"; done
  export GIT_AUTHOR_NAME=Lab GIT_AUTHOR_EMAIL=lab@example.com GIT_COMMITTER_NAME=Lab GIT_COMMITTER_EMAIL=lab@example.com
  git init --quiet switchyard
  git -C switchyard commit --quiet --allow-empty --message 'A release'
  git -C switchyard tag v0.1.0
  git init --quiet --bare origin.git
  git clone --quiet origin.git clone 2>/dev/null
  git -C clone checkout --quiet -b main
  git -C clone commit --quiet --allow-empty --message 'The app'
  git -C clone push --quiet --set-upstream origin main
  git -C clone commit --quiet --allow-empty --message 'Switchyard deploys it'
  git -C switchyard rev-parse HEAD`;

/**
 * Reader is somebody who types what the documents say, with the real bash, ssh, ssh-keygen, ssh-keyscan, curl and git. The
 * server of the documents is this process: its sshd lets in root, and the user `deploy` with the keys that root was told
 * to write down; its port 80 answers. Only `gh` is a stand-in, which takes what `gh help secret set` says.
 */
export class Reader {
  readonly folder = mkdtempSync(join(tmpdir(), 'switchyard-reader-'));
  /** The server's host key, as its `.pub` file has it. */
  readonly hostKey: string;
  /** The commit that has the tag v0.1.0 in Switchyard's repository. */
  readonly released: string;
  readonly #sshd: InstanceType<typeof Server>;
  readonly #web: WebServer;

  /** has tells whether this machine has a program. */
  static has(tool: string): boolean {
    return real(tool) !== tool;
  }

  /** open prepares home and server of a reader. */
  static async open(): Promise<Reader> {
    const reader = new Reader();
    await Promise.all([listening(reader.#sshd), listening(reader.#web)]);
    reader.#prepareTools();
    return reader;
  }

  private constructor() {
    for (const path of ['home/.ssh', 'deploy/.ssh', 'bin']) {
      mkdirSync(join(this.folder, path), { recursive: true, mode: 0o700 });
    }
    this.released = this.#prepareFiles();
    this.hostKey = this.read('host.pub').split(' ').slice(0, 2).join(' ');
    this.#sshd = new Server({ hostKeys: [this.read('host')] }, (client) => {
      let user = '';
      client.on('error', () => undefined);
      client.on('authentication', (context) => {
        user = context.username;
        if (this.#letsIn(context)) context.accept();
        else context.reject(['publickey']);
      });
      client.on('session', (accept) => this.#serve(accept(), () => user));
    });
    this.#web = createServer(({ headers: { host } }, answer) => {
      answer.writeHead(host === 'hello.example.com' ? 200 : 404).end(`Welcome to ${host}\n`);
    });
  }

  /** Where Reader's SSH server listens. */
  get sshPort(): number {
    return portOf(this.#sshd as unknown as TcpServer);
  }

  /** read returns a file of the reader's or the server's; it throws where there is none. */
  read(path: string): string {
    return readFileSync(join(this.folder, path), 'utf8');
  }

  /** type types lines into bash, in a clone of the reader's own repository; it throws with what failed. */
  async type(lines: string): Promise<string> {
    const { code, stdout, stderr } = await program('bash', ['--norc', '-euo', 'pipefail', '-c', lines], {
      cwd: join(this.folder, 'clone'),
      env: {
        ...process.env,
        HOME: join(this.folder, 'home'),
        PATH: `${join(this.folder, 'bin')}:${process.env.PATH}`,
        GIT_CONFIG_COUNT: '1',
        GIT_CONFIG_KEY_0: `url.${join(this.folder, 'switchyard')}.insteadOf`,
        GIT_CONFIG_VALUE_0: REPOSITORY,
      },
    });
    if (code !== 0) throw new Error(`${lines}\nended with ${code}: ${stderr}`);
    return stdout;
  }

  /** close ends the server and removes what the reader made. */
  close(): void {
    this.#sshd.close();
    this.#web.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Each tool finds the server of the documents at the address that they say. */
  #prepareTools(): void {
    const webPort = portOf(this.#web);
    writeFileSync(join(this.folder, 'known_hosts'), `${ADDRESS} ${this.hostKey}\n`);
    const settings = [
      `HostName 127.0.0.1`,
      `Port ${this.sshPort}`,
      `HostKeyAlias ${ADDRESS}`,
      `UserKnownHostsFile ${join(this.folder, 'known_hosts')}`,
      'StrictHostKeyChecking yes',
      'BatchMode yes',
      'IdentitiesOnly yes',
    ];
    const config = [
      `Host ${ADDRESS}`,
      ...settings,
      `Match user root`,
      `IdentityFile ${join(this.folder, 'root')}`,
    ];
    writeFileSync(join(this.folder, 'ssh_config'), config.join('\n'));
    this.#tool('ssh', `exec ${real('ssh')} -F ${join(this.folder, 'ssh_config')} "$@"`);
    this.#tool('ssh-keyscan', `exec ${real('ssh-keyscan')} -p ${this.sshPort} "\${@/${ADDRESS}/127.0.0.1}"`);
    this.#tool('curl', `exec ${real('curl')} --silent --connect-to ${ADDRESS}:80:127.0.0.1:${webPort} "$@"`);
    this.#tool(
      'gh',
      `[[ $# == 3 && "$1 $2" == "secret set" && $3 =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || { echo "unknown: gh $*" >&2; exit 1; }
       cat > ${this.folder}/secret-$3`,
    );
  }

  #tool(name: string, script: string): void {
    const path = join(this.folder, 'bin', name);
    writeFileSync(path, `#!/bin/bash\n${script}\n`);
    chmodSync(path, 0o755);
  }

  /** Keys, Switchyard's repository with a release, and the reader's own with a remote. Returns the release's commit. */
  #prepareFiles(): string {
    return execFileSync('bash', ['-euc', PREPARATION], { cwd: this.folder, encoding: 'utf8' }).trim();
  }

  #letsIn(context: AuthContext): boolean {
    if (context.method !== 'publickey') return false;
    const file = context.username === 'root' ? 'root.pub' : `${context.username}/.ssh/authorized_keys`;
    if (!existsSync(join(this.folder, file))) return false;
    return this.read(file)
      .split('\n')
      .filter((line) => line !== '')
      .some((line) => {
        const key = utils.parseKey(line);
        if (key instanceof Error || !key.getPublicSSH().equals(context.key.data)) return false;
        return (
          context.signature === undefined ||
          key.verify(context.blob!, context.signature, context.hashAlgo) === true
        );
      });
  }

  #serve(session: Session, user: () => string): void {
    session.on('exec', (accept, _reject, { command }) => {
      const channel = accept();
      if (user() === 'root') void this.#runAsRoot(command, channel);
      else
        end(
          channel,
          command === 'docker version' ? 0 : 127,
          'Client:\n Version: 26.1\nServer:\n Version: 26.1\n',
        );
    });
  }

  async #runAsRoot(command: string, channel: ServerChannel): Promise<void> {
    const script = command.replaceAll('~deploy', join(this.folder, 'deploy'));
    const { code, stdout } = await program('bash', ['--norc', '-euc', script], { input: channel.stdin });
    end(channel, code, stdout);
  }
}

function end(channel: ServerChannel, code: number, said: string): void {
  channel.write(said);
  channel.exit(code);
  channel.end();
}

/** real returns where a program is, beside the stand-in of the same name; its name where it is nowhere. */
function real(tool: string): string {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, tool)).find((path) => existsSync(path)) ?? tool;
}

function portOf(server: Pick<TcpServer, 'address'>): number {
  return (server.address() as AddressInfo).port;
}

function listening(server: { listen(port: number, host: string, done: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
}

/** program runs one beside this process, which has its server in it. */
async function program(
  name: string,
  args: string[],
  { input, ...options }: { cwd?: string; env?: NodeJS.ProcessEnv; input?: NodeJS.ReadableStream },
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(name, args, {
    ...options,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  if (child.stdin !== null) input?.pipe(child.stdin);
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout!), text(child.stderr!)]);
  return { code, stdout, stderr };
}
