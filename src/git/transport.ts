import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostOf, isConfidential, isSsh } from '../model/git-source.ts';
import { authorizationSettings, secretsOf } from './authorization.ts';
import { parseSettings, type Setting, transportSettings } from './configuration.ts';
import { quietEnvironment, withoutSettings, withSettings } from './environment.ts';
import { knownHosts } from './known-hosts.ts';
import { basic } from './remote.ts';
import { runGit } from './run-git.ts';
import { requireWitness, WITNESS } from './witness.ts';

/** Who a run is to the repositories that it reads. */
export interface GitCredentials {
  /** Tokens by the one host that each is for: `github.com`. One may be `name:token`. */
  tokens: ReadonlyMap<string, string>;
  /** A private key for SSH; undefined for the keys and agents of the runner. */
  sshKey: string | undefined;
  /** Lines of `known_hosts`, beside those that are published. */
  knownHosts: string | undefined;
}

/** How git is run to read one repository. */
export interface Connection {
  env: Record<string, string>;
  /** What must not be seen of what it prints. */
  secrets: readonly string[];
  /** It shows a token or a key. */
  hasCredentials: boolean;
}

/** How git reads the repositories of a run. */
export interface Transport {
  /** connectionTo returns how git is run to read the repository at an address. */
  connectionTo(url: string): Connection;
  /** How git is run on this machine alone: without anybody's configuration, hooks and filters. */
  local: Record<string, string>;
  credentials: GitCredentials;
}

/**
 * What a person's habits, a debug log, or a window that nobody sees would add. The inputs of a run are the environment of
 * its process, and are of no concern to git.
 */
const UNWANTED = /^(?:INPUT_|GIT_TRACE|GIT_CURL_VERBOSE$|GIT_SSH|GIT_ASKPASS$|SSH_ASKPASS|GIT_TEMPLATE_DIR$)/;

const ISOLATED = {
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_LITERAL_PATHSPECS: '1',
};

const LOCAL_SETTINGS: readonly Setting[] = [
  { key: 'core.hooksPath', value: '/dev/null' },
  { key: 'core.fsmonitor', value: 'false' },
  { key: 'core.autocrlf', value: 'false' },
  { key: 'core.symlinks', value: 'true' },
  { key: 'core.fsync', value: 'none' },
  { key: 'core.logAllRefUpdates', value: 'false' },
  { key: 'fetch.unpackLimit', value: '1' },
  { key: 'fetch.recurseSubmodules', value: 'false' },
  { key: 'fetch.writeCommitGraph', value: 'false' },
  { key: 'gc.auto', value: '0' },
  { key: 'maintenance.auto', value: 'false' },
  // A connection that moves less than 1,000 bytes/s for 30 s is dead.
  { key: 'http.lowSpeedLimit', value: '1000' },
  { key: 'http.lowSpeedTime', value: '30' },
];

/**
 * openTransport makes the transport of a run. The key of SSH is a file below `folder`, which nobody else can read: whoever
 * made the folder removes it. Of the configuration of the machine only how a remote is reached holds (proxies,
 * certificates, helpers for credentials). It throws a UserError when git is missing or too old.
 */
export async function openTransport(
  credentials: GitCredentials,
  { folder, env }: { folder: string; env: NodeJS.ProcessEnv },
): Promise<Transport> {
  const quiet = withoutSettings(quietEnvironment(env));
  const kept = Object.fromEntries(Object.entries(quiet).filter(([name]) => !UNWANTED.test(name)));
  const listed = await runGit(['config', '--list', '--null', '--includes'], {
    cwd: folder,
    env: withSettings(kept, [WITNESS]),
  });
  const all = parseSettings(listed.stdout.toString());
  requireWitness(all);
  const settings = transportSettings(all, undefined, '');
  const ssh = await sshEnvironment(credentials, join(folder, 'ssh'));
  const isolated = { ...kept, ...ISOLATED };
  return {
    credentials,
    local: withSettings(isolated, LOCAL_SETTINGS),
    connectionTo(url) {
      if (isSsh(url)) {
        const reached = { ...isolated, ...ssh, GIT_ALLOW_PROTOCOL: 'ssh' };
        return {
          env: withSettings(reached, [...settings, ...LOCAL_SETTINGS]),
          secrets: [],
          hasCredentials: credentials.sshKey !== undefined,
        };
      }
      const token = isConfidential(url) ? credentials.tokens.get(hostOf(url)) : undefined;
      const authorization = token === undefined ? undefined : authorizationOf(url, token);
      const web = [
        ...settings,
        ...LOCAL_SETTINGS,
        // Behind a redirect git would send the header to whatever host it was led to.
        { key: `http.${url}.followRedirects`, value: authorization === undefined ? 'initial' : 'false' },
        ...authorizationSettings({ url, user: undefined, authorization }),
      ];
      // What is read without encryption may lead to where it is read with it, and not the other way round.
      const protocols = url.startsWith('https:') ? 'https' : 'http:https';
      const reached = { ...isolated, GIT_ALLOW_PROTOCOL: protocols };
      return {
        env: withSettings(reached, web),
        secrets: authorization === undefined ? [] : secretsOf(authorization),
        hasCredentials: authorization !== undefined,
      };
    },
  };
}

/** Names that services want beside a token; all others take any. */
const NAMES: Readonly<Record<string, string>> = { 'bitbucket.org': 'x-token-auth' };

function authorizationOf(url: string, token: string): string {
  const [, name = NAMES[hostOf(url)] ?? 'x-access-token', password = ''] =
    /^(?:([^:]*):)?(.*)$/s.exec(token) ?? [];
  return basic(name, password);
}

/**
 * A fixed line of the shell, by which git runs SSH, with what differs in variables: SSH reads them between quotes of its
 * own. With a key nothing of the runner's configuration holds.
 */
const SSH_COMMAND = [
  'ssh',
  '-o BatchMode=yes',
  '-o StrictHostKeyChecking=yes',
  '-o UpdateHostKeys=no',
  '-o ConnectTimeout=20',
  '-o ServerAliveInterval=15',
  '-o "UserKnownHostsFile=\\"$SWITCHYARD_GIT_KNOWN_HOSTS\\" ~/.ssh/known_hosts ~/.ssh/known_hosts2"',
].join(' ');
const SSH_COMMAND_WITH_KEY = `${SSH_COMMAND} -F /dev/null -o IdentitiesOnly=yes -o IdentityAgent=none -o "IdentityFile=\\"$SWITCHYARD_GIT_KEY\\""`;

async function sshEnvironment(
  { sshKey, knownHosts: given }: GitCredentials,
  folder: string,
): Promise<Record<string, string>> {
  await mkdir(folder, { mode: 0o700 });
  const hosts = join(folder, 'known_hosts');
  await writeFile(hosts, knownHosts(given), { mode: 0o600 });
  const common = { GIT_SSH_VARIANT: 'ssh', SWITCHYARD_GIT_KNOWN_HOSTS: quoted(hosts) };
  if (sshKey === undefined) return { ...common, GIT_SSH_COMMAND: SSH_COMMAND };
  const key = join(folder, 'key');
  // SSH wants each line to end, and a secret that was pasted often does not.
  await writeFile(key, `${sshKey.replaceAll('\r\n', '\n').trim()}\n`, { mode: 0o600 });
  await chmod(key, 0o600);
  return { ...common, GIT_SSH_COMMAND: SSH_COMMAND_WITH_KEY, SWITCHYARD_GIT_KEY: quoted(key) };
}

/** A path as SSH reads it in the value of an option, between quotes. */
function quoted(path: string): string {
  return path.replaceAll(/["\\]/g, '\\$&').replaceAll('%', '%%');
}
