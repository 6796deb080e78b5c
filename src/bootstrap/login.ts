import { UserError } from '../model/errors.ts';
import type { ServerSpec } from '../model/spec.ts';
import { SshConnection } from '../ssh/connection.ts';
import { isKeyRefused } from '../ssh/explain.ts';

/** An open connection whose user may become root. */
export interface Login {
  ssh: SshConnection;
  user: string;
}

/** A fixed line: succeeds where the user is root, or may become it without a password. */
const BECOMES_ROOT = '[ "$(id -u)" = 0 ] || sudo -n true';

/**
 * logIn opens a connection as the deploy user, and where that is not there yet, or may not become root, as `login`. It throws a
 * UserError that says what is wrong with the way there.
 */
export async function logIn(spec: ServerSpec, login: string, privateKey: string): Promise<Login> {
  const asDeploy = await open(spec, spec.user, privateKey);
  if (asDeploy !== undefined) {
    if (await mayBecomeRoot(asDeploy)) return { ssh: asDeploy, user: spec.user };
    await asDeploy.close();
  }
  const first = await open(spec, login, privateKey);
  if (first === undefined) {
    throw new UserError(`${spec.name}: neither ${spec.user} nor ${login} is let in with the SSH key`, {
      hint: `Add the public half of ssh-private-key to ~/.ssh/authorized_keys of ${login} on that server, or name who may log in as bootstrap.login.`,
    });
  }
  if (await mayBecomeRoot(first)) return { ssh: first, user: login };
  await first.close();
  throw new UserError(`${spec.name}: ${login} is let in, and may not become root`, {
    hint: 'Name one as bootstrap.login that is root, or may use sudo without a password.',
  });
}

/** openDeploy opens a new connection as the deploy user. It throws a UserError where that user cannot do its work. */
export async function openDeploy(spec: ServerSpec, privateKey: string): Promise<SshConnection> {
  const ssh = await SshConnection.open(targetOf(spec, spec.user), privateKey);
  try {
    const { code, stdout } = await ssh.run(`id -nG; ${BECOMES_ROOT}`);
    if (code === 0 && stdout.trim().split(/\s+/).includes('docker')) return ssh;
    throw new UserError(`${spec.name}: ${spec.user} comes in, and may not become root or use Docker`, {
      hint: 'Something on the server takes the rights away that it was given: look at /etc/sudoers and /etc/sudoers.d.',
    });
  } catch (error) {
    await ssh.close();
    throw error;
  }
}

/** Undefined where the server is there, and does not let this user in. */
async function open(spec: ServerSpec, user: string, privateKey: string): Promise<SshConnection | undefined> {
  try {
    return await SshConnection.open(targetOf(spec, user), privateKey);
  } catch (error) {
    if (isKeyRefused(error)) return undefined;
    throw error;
  }
}

async function mayBecomeRoot(ssh: SshConnection): Promise<boolean> {
  return (await ssh.run(BECOMES_ROOT)).code === 0;
}

function targetOf({ name, host, port, hostKeys, jump }: ServerSpec, user: string) {
  return { name, host, port, user, hostKeys, ...(jump && { jump }) };
}
