import { UserError } from '../model/errors.ts';
import { hostOf, isSsh } from '../model/git-source.ts';

/** How a repository was read. */
export interface ReadCall {
  url: string;
  /** Whether it was shown a token or a key. */
  hasCredentials: boolean;
  /** What must not be seen of what git printed. */
  secrets: readonly string[];
}

/** fetchFailure turns what git printed when it read a repository into a sentence and a hint. `id` is the commit asked for. Pure. */
export function fetchFailure(call: ReadCall, stderr: string, id?: string): UserError {
  if (id !== undefined && /not our ref|unknown (?:ref|object)/i.test(stderr)) return noCommit(call.url, id);
  const { what, hint } = explain(call, stderr);
  const said = saying(stderr, call.secrets);
  return new UserError(`${call.url} could not be read: ${what}${said === '' ? '' : `\n${said}`}`, { hint });
}

/** noCommit is the error of a commit that a repository does not have. Pure. */
export function noCommit(url: string, id: string): UserError {
  return new UserError(`${url} has no commit ${id}`, {
    hint: 'Is it pushed there, and was its branch not removed since? git ls-remote shows the branches and tags.',
  });
}

/** What git prints, and what it means: the first that matches holds. */
const CAUSES: readonly [pattern: RegExp, explain: (call: ReadCall) => { what: string; hint: string }][] = [
  [
    /Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED|No \S+ host key is known/i,
    ({ url }) => ({
      what: `the host key of ${hostOf(url)} is not known`,
      hint: `Compare what "ssh-keyscan ${sshHost(url)}" prints with what the server's owner publishes, and give that line as the input git-known-hosts.`,
    }),
  ],
  [
    /Permission denied|Too many authentication failures|error in libcrypto|invalid format|incorrect passphrase/i,
    ({ hasCredentials }) => ({
      what: hasCredentials ? 'the key is not accepted' : 'it wants a key',
      hint: hasCredentials
        ? 'Is git-ssh-key a whole private key without a passphrase, and may it read this repository (a deploy key is for one)?'
        : 'Give a private key that may read it as the input git-ssh-key. A secret that is not set is empty.',
    }),
  ],
  [
    /error: 30\d|redirect/i,
    () => ({
      what: 'it answers from another address, to which no token is sent',
      hint: 'It may have been renamed: open it in a browser, and write the address that it has now.',
    }),
  ],
  [
    /error: 40[13]|Authentication failed|could not read (?:Username|Password)|terminal prompts disabled|HTTP Basic: Access denied/i,
    ({ url, hasCredentials }) => ({
      what: hasCredentials ? 'the token is not accepted' : 'it wants a token',
      hint: hasCredentials
        ? `Has git-token not expired, and may it read the contents of this repository? Where ${hostOf(url)} wants a name as well, give name:token.`
        : `Give a token for ${hostOf(url)} that may read it as the input git-token. A secret that is not set is empty.`,
    }),
  ],
  [
    /error: 404|not found|does not appear to be a git repository|does not exist|could not be found|not exported/i,
    ({ url, hasCredentials }) => ({
      what: 'there is no repository',
      hint: hasCredentials
        ? 'Check its address. Servers also say so when the token or key may not see it.'
        : `Check its address. Servers also say so of what only some may see: give the input ${isSsh(url) ? 'git-ssh-key' : 'git-token'}.`,
    }),
  ],
  [
    /certificate|SSL|TLS/i,
    ({ url }) => ({
      what: `the certificate of ${hostOf(url)} cannot be checked`,
      hint: 'If it is from a certificate authority of your own, name that on the runner: git config --global http.sslCAInfo <file>.',
    }),
  ],
  [
    /protocol .* not supported|transport '.*' not allowed/i,
    () => ({
      what: 'its protocol is none that git speaks here',
      hint: 'Write an address with https:// or for SSH.',
    }),
  ],
  [
    /No space left/i,
    () => ({
      what: 'the disk of the runner is full',
      hint: 'Remove what earlier runs have left there, for example ~/.cache/switchyard.',
    }),
  ],
];

const AWAY = {
  what: 'it cannot be reached',
  hint: 'Is the address right, and does the server run? If both are so, run again.',
};

function explain(call: ReadCall, stderr: string): { what: string; hint: string } {
  const cause = CAUSES.find(([pattern]) => pattern.test(stderr));
  return cause === undefined ? AWAY : cause[1](call);
}

function sshHost(url: string): string {
  const [, name = '', port] = /^(.*?)(?::(\d+))?$/.exec(hostOf(url)) ?? [];
  return port === undefined ? name : `-p ${port} ${name}`;
}

/** The lines a person needs, without progress, advice, and the pictures of host keys. */
function saying(stderr: string, secrets: readonly string[]): string {
  return secrets
    .reduce((clean, secret) => clean.replaceAll(secret, '***'), stderr)
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(?:hint:|@|Please make sure|and the repository exists)/.test(line))
    .slice(0, 8)
    .join('\n');
}
