import { UserError } from '../model/errors.ts';
import { isSsh } from '../model/git-source.ts';
import { parseSettings } from './configuration.ts';

/** Another repository that is part of a work tree. */
export interface Submodule {
  /** From the top of the work tree. */
  path: string;
  /** As it is written; it may count from the address of the repository that it is in. */
  url: string;
}

/** parseSubmodules reads what `git config --list --null` prints of a `.gitmodules`. Pure. */
export function parseSubmodules(listing: string): Submodule[] {
  const byName = new Map<string, Partial<Submodule>>();
  for (const { key, value } of parseSettings(listing)) {
    const [, name, variable] = /^submodule\.(.+)\.(path|url)$/s.exec(key) ?? [];
    if (name !== undefined) byName.set(name, { ...byName.get(name), [variable as keyof Submodule]: value });
  }
  return [...byName.values()].filter(
    (one): one is Submodule => one.path !== undefined && one.url !== undefined,
  );
}

/**
 * submoduleAddress returns the address of a submodule in the repository at `parent`. One of the same host that is written
 * for SSH is read over https where there is no key and the parent is read so: many `.gitmodules` are written for those who
 * push. Pure.
 */
export function submoduleAddress(url: string, parent: string, hasKey: boolean): string {
  const address = /^\.\.?\//.test(url) ? relativeTo(parent, url) : url;
  if (hasKey || isSsh(parent) || !URL.canParse(parent)) return address;
  const { host, hostname, protocol } = new URL(parent);
  const [, scpHost, scpPath] = /^[^/@:]+@([^/:@]+):(?!\/\/)\/?(.+)$/.exec(address) ?? [];
  if (scpHost === hostname) return `${protocol}//${host}/${scpPath}`;
  const [, sshHost, sshPath] = /^ssh:\/\/(?:[^/@]+@)?([^/:@]+)(?::\d+)?\/(.+)$/.exec(address) ?? [];
  return sshHost === hostname ? `${protocol}//${host}/${sshPath}` : address;
}

/** git's own rule: from the address itself, and not from the folder that it lies in. */
function relativeTo(parent: string, url: string): string {
  const [, start = '', path = ''] = /^([a-z][\w+.-]*:\/\/[^/]+\/|[^/:]+:)(.*)$/i.exec(parent) ?? [];
  const parts = path.replace(/\/+$/, '').split('/');
  for (const part of url.replace(/\/+$/, '').split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return `${start}${parts.join('/')}`;
}

/** checkSubmodulePath throws a UserError for a path that leaves the work tree, or is git's own. Pure. */
export function checkSubmodulePath(path: string): void {
  const parts = path.split('/');
  if (!parts.some((part) => part === '' || part === '.' || part === '..' || /^\.git$/i.test(part))) return;
  throw new UserError(`it has a submodule at ${JSON.stringify(path)}, which is no place for one`);
}
