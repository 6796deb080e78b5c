import type { Duplex } from 'node:stream';
import type { Engine } from '../docker/engine.ts';
import { EngineClient } from '../docker/engine-client.ts';
import type { Dial } from '../docker/http.ts';
import { messageOf, UserError } from '../model/errors.ts';
import type { ServerSpec } from '../model/spec.ts';
import { ChannelStream } from '../ssh/channel-stream.ts';
import { SshConnection } from '../ssh/connection.ts';
import type { SshTarget } from '../ssh/target.ts';
import type { DialTcp } from './dial.ts';
import { DISK_COMMAND, parseFree } from './disk.ts';
import { checkEngine } from './engine-check.ts';
import { handshakeOver } from './handshake.ts';
import { HttpOver } from './http.ts';
import type { Provider } from './server.ts';

/** Where Docker listens on every distribution. */
const DOCKER_SOCKET = '/var/run/docker.sock';
/** The reason "administratively prohibited" of a refused channel (RFC 4254 §5.1). */
const PROHIBITED = 1;
/** sshd allows 10 commands at once on a connection (`MaxSessions`); forwarded streams are not limited. */
const MAX_COMMANDS = 8;
const MAX_STREAMS = 32;

/** staticProvider reaches servers that exist already over SSH; `privateKey` is a normalised private key. */
export function staticProvider(servers: readonly ServerSpec[], privateKey: string): Provider {
  return {
    servers: async () => [...servers],
    ensure: async () => [...servers],
    async connect(spec) {
      const ssh = await SshConnection.open(targetOf(spec), privateKey);
      try {
        const [engine] = await Promise.all([openEngine(ssh), checkForwarding(ssh)]);
        const dial: DialTcp = (address, port) => dialTcp(ssh, address, port);
        const http = new HttpOver(dial);
        return {
          spec,
          name: spec.name,
          engine,
          http,
          dial,
          listen: (accept) => ssh.listen(accept),
          handshake: handshakeOver(dial),
          freeBytes: async (folder) => {
            const { stdout } = await ssh.run(DISK_COMMAND, folder).catch(() => ({ stdout: '' }));
            return parseFree(stdout);
          },
          close: async () => {
            await Promise.all([http.close(), engine.close()]);
            await ssh.close();
          },
        };
      } catch (error) {
        await ssh.close();
        throw error;
      }
    },
  };
}

/** Fails now, before anything changes, where the health checks would fail later: nothing listens on port 1. */
async function checkForwarding(ssh: SshConnection): Promise<void> {
  try {
    (await dialTcp(ssh, '127.0.0.1', 1)).destroy();
  } catch (error) {
    if (error instanceof UserError) throw error;
  }
}

function targetOf(spec: ServerSpec): SshTarget {
  const { name, host, port, user, hostKeys, jump } = spec;
  return { name, host, port, user, hostKeys, ...(jump && { jump }) };
}

async function openEngine(ssh: SshConnection): Promise<Engine> {
  const { name } = ssh.target;
  const direct = new EngineClient(() => ssh.dialSocket(DOCKER_SOCKET), { connections: MAX_STREAMS });
  try {
    await checkEngine(direct, name);
    return direct;
  } catch (error) {
    await direct.close();
    if (error instanceof UserError) throw error;
    // sshd calls a forbidden socket "open failed", as it calls one where nobody listens; the command tells.
    if (reasonOf(error) === undefined) throw await explainEngineFailure(ssh, error);
  }
  const throughCommand = new EngineClient(dialStdio(ssh), { connections: MAX_COMMANDS });
  try {
    await checkEngine(throughCommand, name);
    return throughCommand;
  } catch (error) {
    await throughCommand.close();
    if (error instanceof UserError) throw error;
    throw await explainEngineFailure(ssh, error);
  }
}

/** Docker's own way to its socket, where sshd forbids forwarding it (AllowStreamLocalForwarding no). */
function dialStdio(ssh: SshConnection): Dial {
  return async () => {
    const channel = await ssh.dialCommand('docker system dial-stdio');
    const stream = new ChannelStream(channel);
    let complaint = '';
    channel.stderr.on('data', (chunk: Buffer) => {
      complaint += chunk;
    });
    channel.on('exit', (code: number | null) => {
      if (code !== 0)
        stream.destroy(new Error(complaint.trim() || `docker system dial-stdio ended with ${code}`));
    });
    return stream;
  };
}

async function dialTcp(ssh: SshConnection, address: string, port: number): Promise<Duplex> {
  try {
    return await ssh.dialTcp(address, port);
  } catch (error) {
    if (reasonOf(error) === PROHIBITED) {
      throw new UserError(
        `${ssh.target.name}: sshd forbids TCP forwarding, which the health checks and the proof need`,
        {
          hint: 'Set "AllowTcpForwarding local" (or "yes") for this user in sshd_config, and reload sshd.',
          cause: error,
        },
      );
    }
    throw error;
  }
}

/** A fixed line: says whether Docker is there and who may use its socket. */
const DIAGNOSIS = 'ls -l /var/run/docker.sock; id -nG';

async function explainEngineFailure(ssh: SshConnection, error: unknown): Promise<UserError> {
  const { stdout, stderr } = await ssh.run(DIAGNOSIS).catch(() => ({ stdout: '', stderr: '' }));
  const { name, user } = ssh.target;
  if (/No such file/.test(stderr)) {
    return new UserError(`${name}: Docker is not installed there, or does not run`, {
      hint: 'Install Docker 20.10 or newer ("apt install docker.io" on Debian) and start it.',
      cause: error,
    });
  }
  const groups = stdout.trim().split('\n').at(-1)?.split(' ') ?? [];
  const isInGroup = groups.includes('docker');
  if (/^s/m.test(stdout) && !isInGroup && user !== 'root') {
    return new UserError(`${name}: the user ${user} may not use Docker`, {
      hint: `Add it to the group: "usermod -aG docker ${user}". That group has the rights of root on the server.`,
      cause: error,
    });
  }
  return new UserError(`${name}: the Docker engine does not answer (${messageOf(error)})`, {
    hint: 'Look at it on the server: "systemctl status docker".',
    cause: error,
  });
}

function reasonOf(error: unknown): number | undefined {
  return (error as { reason?: number }).reason;
}
