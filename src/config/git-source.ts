import { UserError } from '../model/errors.ts';
import { checkAddress, checkRef, type GitFolder, type GitSource } from '../model/git-source.ts';

/** What Compose takes for a context that is no folder of this machine. */
const REMOTE = /^(?:[a-z][\w+.-]*:|[^/]+@[^/]+:|github\.com\/|-$)/i;

/** isRemoteContext tells whether Compose takes a context for an address. Pure. */
export function isRemoteContext(context: string): boolean {
  return REMOTE.test(context);
}

/**
 * parseGitSource reads a repository as `git` below `build` has it: `https://host/acme/api.git@ref`. The ref may be left
 * out. It throws a UserError for an address that is none of https, http and SSH, for one with credentials in it, and for a
 * ref that git does not have.
 */
export function parseGitSource(text: string): GitSource {
  const { address, ref } = splitAtRef(text);
  if (address.includes('#')) {
    throw new UserError(`${JSON.stringify(text)} has its version behind a #`, {
      hint: 'Write it behind an @ (https://github.com/acme/api.git@main), and the folder as context.',
    });
  }
  return { url: checkAddress(address), ...(ref !== undefined && { ref: checkRef(ref) }) };
}

/**
 * parseGitContext reads a repository as Compose's `context` has it: `https://host/acme/api.git#ref:folder`. It throws a
 * UserError for what {@link parseGitSource} throws for, and for an address that Compose takes for that of an archive.
 */
export function parseGitContext(text: string): GitFolder {
  const [, address = '', fragment = ''] = /^([^#]*)(?:#(.*))?$/s.exec(text) ?? [];
  const url = checkAddress(address.replace(/^github\.com\//, 'https://$&'));
  if (/^https?:/.test(url) && !address.startsWith('github.com/') && !url.endsWith('.git')) {
    throw new UserError(
      `${JSON.stringify(text)} is no repository to Compose, whose addresses end with .git`,
      {
        hint: 'Write .git behind it, or git: https://host/acme/api@ref and the folder as context. An archive cannot be built.',
      },
    );
  }
  const [, ref = '', folder = ''] = /^([^:]*)(?::(.*))?$/s.exec(fragment) ?? [];
  return { url, ...(ref !== '' && { ref: checkRef(ref) }), folder: checkFolder(folder) };
}

/** checkFolder returns a folder of another repository, from its top. It throws a UserError for one that leaves it. */
export function checkFolder(folder: string): string {
  const inside = folder.replace(/^\/+/, '');
  if (!inside.split('/').includes('..')) return inside === '' ? '.' : inside;
  throw new UserError(`${JSON.stringify(folder)} leaves the repository`, {
    hint: 'Write the folder from the top of that repository: services/api.',
  });
}

/** `.git@` tells where the ref begins; else the first @ of the path does. */
function splitAtRef(text: string): { address: string; ref: string | undefined } {
  const path = pathStart(text);
  const ending = text.indexOf('.git@', path);
  const at = ending >= 0 ? ending + '.git'.length : text.endsWith('.git') ? -1 : text.indexOf('@', path);
  return at < 0 ? { address: text, ref: undefined } : { address: text.slice(0, at), ref: text.slice(at + 1) };
}

/** Where the path begins: what is before it may have an @ of its own. */
function pathStart(text: string): number {
  const before = /^(?:[a-z][\w+.-]*:\/\/[^/]*|[^/:]*:)/i.exec(text)?.[0] ?? '';
  return before.length;
}
