import { UserError } from '../model/errors.ts';
import type { Setting } from './configuration.ts';

/** Where the state branch lives. */
export interface Remote {
  /** The remote's name in the workspace; undefined when the workspace's own repository serves. */
  name: string | undefined;
  /** URL or path as git opens it, with rewriting done and without credentials: safe to print. */
  url: string;
  /** A user name that stood in the URL without a password: the credential helper completes it. */
  user: string | undefined;
  /** Value of the Authorization header that git must send, where one is known here. */
  authorization: string | undefined;
}

/** A token and the server it belongs to. */
export interface ServerToken {
  token: string | undefined;
  /** For example `https://github.com`: the token is sent there and nowhere else. */
  serverUrl: string;
}

/**
 * resolveRemote finds the remote in the workspace's `settings`: `origin`, or the only one there is, or
 * else `ownGitDir`, the workspace's own repository.
 *
 * It takes the address that git would push to, for reading too: compare-and-swap means nothing when
 * reading and writing see two repositories. It throws a UserError when several remotes and no `origin` exist.
 */
export function resolveRemote(
  settings: readonly Setting[],
  ownGitDir: string,
  credentials: ServerToken,
): Remote {
  const name = remoteName(settings);
  const bare = { user: undefined, authorization: undefined };
  if (name === undefined) return { name, url: ownGitDir, ...bare };
  const written = pushAddress(settings, name);
  const url = URL.canParse(written) ? new URL(written) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return { name, url: written, ...bare };
  // What stands before the `@` would be on the command line of git's own children; a name can be a token.
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  url.username = '';
  url.password = '';
  const { href } = url;
  const isTokensServer =
    URL.canParse(credentials.serverUrl) && new URL(credentials.serverUrl).origin === url.origin;
  if (credentials.token && isTokensServer) {
    return { name, url: href, user: undefined, authorization: basic('x-access-token', credentials.token) };
  }
  if (password !== '') return { name, url: href, user: undefined, authorization: basic(user, password) };
  return { name, url: href, user: user || undefined, authorization: undefined };
}

/** basic returns the value of an Authorization header (RFC 7617). */
export function basic(user: string, password: string): string {
  return `basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`;
}

function remoteName(settings: readonly Setting[]): string | undefined {
  const names = new Set(
    settings.flatMap(({ key }) => /^remote\.(.+)\.(?:url|pushurl)$/s.exec(key)?.[1] ?? []),
  );
  if (names.has('origin')) return 'origin';
  if (names.size > 1) {
    throw new UserError(
      `the repository has the remotes ${[...names].sort().join(', ')}, and none is called origin`,
      {
        hint: 'State is kept on the remote `origin`: rename one with `git remote rename <name> origin`.',
      },
    );
  }
  return [...names][0];
}

/** Of several addresses git would push to all; one place of truth can only be the first. */
function pushAddress(settings: readonly Setting[], name: string): string {
  const push = settings.find(({ key }) => key === `remote.${name}.pushurl`)?.value;
  if (push !== undefined) return rewrite(settings, push, 'insteadof') ?? push;
  const url = settings.find(({ key }) => key === `remote.${name}.url`)?.value ?? '';
  return rewrite(settings, url, 'pushinsteadof') ?? rewrite(settings, url, 'insteadof') ?? url;
}

/** git's rule: `url.<base>.insteadOf = <start>`, the longest matching start wins, applied once. */
function rewrite(
  settings: readonly Setting[],
  url: string,
  variable: 'insteadof' | 'pushinsteadof',
): string | undefined {
  let best: { base: string; start: string } | undefined;
  for (const { key, value } of settings) {
    if (!key.startsWith('url.') || !key.endsWith(`.${variable}`) || !url.startsWith(value)) continue;
    if (best === undefined || value.length > best.start.length) {
      best = { base: key.slice('url.'.length, -(variable.length + 1)), start: value };
    }
  }
  return best && best.base + url.slice(best.start.length);
}
