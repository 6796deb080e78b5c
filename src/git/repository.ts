import { resolve } from 'node:path';
import { quietEnvironment } from './environment.ts';
import { resolveRemote } from './remote.ts';
import { runGit } from './run-git.ts';
import { type NoWorkspace, type RepositoryPlace, readWorkspace, type Workspace } from './workspace.ts';

/**
 * findRepository returns by what a repository is known to everybody who deploys from it: the address of its remote as
 * {@link repositoryAddress} writes it, or `commit:` and the id of its first commit where there is none. Empty where
 * there is no repository: whoever opens the record says so. It throws a UserError when git is missing, and for several
 * remotes of which none is called origin. `facts` is what git says of the place, where it was asked already.
 */
export async function findRepository(
  place: RepositoryPlace,
  facts: Promise<Workspace | NoWorkspace> = readWorkspace(place),
): Promise<string> {
  const found = await facts;
  if ('complaint' in found) return '';
  const { gitDir, settings, top = gitDir } = found;
  const remote = resolveRemote(settings, gitDir, NO_TOKEN);
  if (remote.name !== undefined) return repositoryAddress(remote.url, top);
  const env = quietEnvironment(place.env);
  const roots = await runGit(['rev-list', '--max-parents=0', 'HEAD'], { cwd: place.workspace, env });
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
