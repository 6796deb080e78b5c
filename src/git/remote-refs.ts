import { UserError } from '../model/errors.ts';
import type { GitSource } from '../model/git-source.ts';

/** A version of a repository as its remote names it. */
export interface RemoteVersion {
  /** What is asked for: a commit, or the tag that leads to one. */
  id: string;
  /** For people: `branch main`, `tag v1.4.0`, `the default branch`. */
  name: string;
}

/** refPatterns returns what `git ls-remote` is asked for to find a ref. Pure. */
export function refPatterns(ref: string | undefined): string[] {
  if (ref === undefined) return ['HEAD'];
  return ref.startsWith('refs/') ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`];
}

/**
 * findVersion finds a version in what `git ls-remote` printed for {@link refPatterns}. It throws a UserError for a ref that
 * is not there, and for one that is a branch and a tag at once. Pure.
 */
export function findVersion({ url, ref }: GitSource, listing: string): RemoteVersion {
  const ids = new Map(
    listing.split('\n').flatMap((line): [string, string][] => {
      const [, id, name] = /^([0-9a-f]{40,64})\t(.+)$/.exec(line) ?? [];
      return id === undefined || name === undefined ? [] : [[name, id]];
    }),
  );
  const found = refPatterns(ref).flatMap((name) => {
    const id = ids.get(name);
    return id === undefined ? [] : [{ id, name: nameOf(name) }];
  });
  const [first, second] = found;
  if (first === undefined) throw noVersion(url, ref);
  if (second === undefined || second.id === first.id) return first;
  throw new UserError(`${url} has both a branch and a tag ${ref}`, {
    hint: `Write which one is meant: refs/heads/${ref} or refs/tags/${ref}.`,
  });
}

function nameOf(name: string): string {
  if (name === 'HEAD') return 'the default branch';
  const [, kind, short] = /^refs\/(heads|tags)\/(.+)$/.exec(name) ?? [];
  return kind === undefined ? name : `${kind === 'heads' ? 'branch' : 'tag'} ${short}`;
}

function noVersion(url: string, ref: string | undefined): UserError {
  if (ref === undefined) {
    return new UserError(`${url} has nothing that it shows first`, {
      hint: 'Is it empty? Push a commit there, or write the branch.',
    });
  }
  const isShort = /^[0-9a-f]{7,39}$/.test(ref);
  return new UserError(`${url} has neither a branch nor a tag ${ref}`, {
    hint: isShort
      ? 'If it is a commit, write all of its 40 digits: git servers know no others.'
      : 'Look at it with git ls-remote. Names of branches and tags differ in upper and lower case.',
  });
}
