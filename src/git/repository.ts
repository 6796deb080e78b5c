import { resolve } from 'node:path';
import { parseSettings } from './configuration.ts';
import { quietEnvironment } from './environment.ts';
import { resolveRemote } from './remote.ts';
import { runGit } from './run-git.ts';

/** Where a repository is looked for. */
export interface RepositoryPlace {
  /** A folder of its work tree. */
  workspace: string;
  /** Environment variables. */
  env: NodeJS.ProcessEnv;
}

/**
 * findRepository returns by what a repository is known to everybody who deploys from it: the address of its remote as
 * {@link repositoryAddress} writes it, or `commit:` and the id of its first commit where there is none. Empty where
 * there is no repository: whoever opens the record says so. It throws a UserError when git is missing, and for several
 * remotes of which none is called origin.
 */
export async function findRepository({ workspace, env: given }: RepositoryPlace): Promise<string> {
  const env = quietEnvironment(given);
  const git = (...args: string[]) => runGit(args, { cwd: workspace, env });
  const [place, settings] = await Promise.all([
    git('rev-parse', '--absolute-git-dir', '--show-toplevel'),
    git('config', '--list', '--null', '--includes'),
  ]);
  const [gitDir = '', top = workspace] = place.stdout.toString().split('\n');
  if (gitDir === '') return '';
  const remote = resolveRemote(parseSettings(settings.stdout.toString()), gitDir, NO_TOKEN);
  if (remote.name !== undefined) return repositoryAddress(remote.url, top || gitDir);
  const roots = await git('rev-list', '--max-parents=0', 'HEAD');
  // Histories that were joined have several roots, the oldest last.
  const first = roots.stdout.toString().trim().split('\n').at(-1);
  return first ? `commit:${first}` : repositoryAddress(gitDir, gitDir);
}

const NO_TOKEN = { token: undefined, serverUrl: '' };

/** How git writes an address for SSH without a scheme: `git@github.com:acme/shop.git`. */
const SCP_LIKE = /^(?:[^/@]+@)?(?<host>\[[^\]]+\]|[^/:@]+):(?<path>.*)$/;

/**
 * repositoryAddress returns the address of a repository as `github.com/acme/shop`: without scheme, credentials, port and
 * `.git`, so that it is the same for everybody, over https and SSH. A path of this machine stays one; it counts from the
 * folder `from`. Pure.
 */
export function repositoryAddress(url: string, from: string): string {
  const text = url.trim();
  if (/^[a-z][\w+.-]*:\/\//i.test(text)) {
    const { protocol, hostname, pathname } = new URL(text);
    return protocol === 'file:' ? withoutEnding(decodeURI(pathname)) : ofHost(hostname, pathname);
  }
  const { host, path } = SCP_LIKE.exec(text)?.groups ?? {};
  return host === undefined || path === undefined ? withoutEnding(resolve(from, text)) : ofHost(host, path);
}

/** GitHub and GitLab have a second name for SSH through port 443. Hosts and paths differ in case for nobody. */
function ofHost(host: string, path: string): string {
  const name = host.replace(/^(?:alt)?ssh\./i, '');
  return withoutEnding(`${name}/${path.replace(/^\/+/, '')}`).toLowerCase();
}

function withoutEnding(path: string): string {
  return path.replace(/\/+$/, '').replace(/\/?\.git$/i, '');
}
