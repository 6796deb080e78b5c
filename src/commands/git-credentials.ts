import type { GitCredentials } from '../git/transport.ts';
import type { BuildSpec } from '../model/build.ts';
import { UserError } from '../model/errors.ts';
import { type GitSource, isConfidential, isSsh } from '../model/git-source.ts';
import type { Inputs } from './inputs.ts';
import type { ConcealingLog } from './surroundings.ts';

/**
 * gitCredentialsOf returns who a run is to the other repositories of its builds, and hides what is secret of it. It throws a
 * UserError for a token of which nobody knows for which host it is, and for one that would be sent without encryption.
 */
export function gitCredentialsOf(
  {
    'git-token': token,
    'git-ssh-key': sshKey,
    'git-known-hosts': knownHosts,
  }: Pick<Inputs, 'git-token' | 'git-ssh-key' | 'git-known-hosts'>,
  builds: readonly BuildSpec[],
  log: ConcealingLog,
): GitCredentials {
  if (sshKey !== undefined) log.hide(sshKey);
  const urls = builds.flatMap(sourcesOf).map(({ url }) => url);
  const webUrls = urls.filter((url) => !isSsh(url)).map((url) => new URL(url));
  const tokens = tokensOf(token, new Set(webUrls.map(({ host }) => host)));
  for (const value of tokens.values()) {
    log.hide(value);
    log.hide(value.slice(value.indexOf(':') + 1));
  }
  const open = webUrls.find(({ href, host }) => tokens.has(host) && !isConfidential(href));
  if (open !== undefined) {
    throw new UserError(`git-token would be sent to ${open.host} without encryption`, {
      hint: `Write https:// in the address ${open.href}, or read it over SSH with git-ssh-key.`,
    });
  }
  return { tokens, sshKey, knownHosts };
}

function sourcesOf({ git, contexts }: BuildSpec): GitSource[] {
  const named = Object.values(contexts).filter((place) => typeof place !== 'string');
  return git === undefined ? named : [git, ...named];
}

/** A host, and behind the sign its token. A token alone has neither a dot before the sign nor something behind it. */
const OF_A_HOST = /^((?:[\w-]+\.)+[\w-]+(?::\d+)?|localhost(?::\d+)?)=(\S+)$/;

function tokensOf(given: string | undefined, hosts: ReadonlySet<string>): Map<string, string> {
  const lines = (given ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const [first] = lines;
  if (first === undefined) return new Map();
  const pairs = lines.map((line) => OF_A_HOST.exec(line)?.slice(1, 3));
  if (pairs.every((pair) => pair !== undefined)) {
    return new Map(pairs.map(([host = '', token = '']) => [host.toLowerCase(), token]));
  }
  if (lines.length > 1) {
    throw new UserError('git-token has several lines, and not each has a host', {
      hint: 'Write one token alone, or one host=token a line: github.com=…',
    });
  }
  if (hosts.size > 1) {
    throw new UserError(
      `sources come from several hosts (${[...hosts].join(', ')}), and one git-token is given`,
      {
        hint: 'Say for which host it is, one host=token a line: github.com=… Hosts without a line are asked without a token.',
      },
    );
  }
  return new Map([...hosts].map((host) => [host, first]));
}
