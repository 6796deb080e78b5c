import { UserError } from './errors.ts';

/** A version of another repository. */
export interface GitSource {
  /** As git opens it, without anything secret: `https://…`, `http://…`, `ssh://…` or `git@host:path`. */
  url: string;
  /** A branch, a tag, a ref by its whole name, or a whole commit; undefined for what the repository shows first. */
  ref?: string;
}

/** A folder in a version of another repository. */
export interface GitFolder extends GitSource {
  /** From the top of the repository. */
  folder: string;
}

/** How git writes an address for SSH without a scheme: `git@github.com:acme/shop.git`. */
const SCP_FORM = /^[^/@:]+@(?<host>\[[^\]]+\]|[^/:@]+):/;

/** hostOf returns the host of a repository, with its port where it has one of its own: `git.example.com:2222`. Pure. */
export function hostOf(url: string): string {
  const host = SCP_FORM.exec(url)?.groups?.host;
  return (host ?? new URL(url).host).toLowerCase();
}

/** isSsh tells whether a repository is reached over SSH. Pure. */
export function isSsh(url: string): boolean {
  return url.startsWith('ssh://') || SCP_FORM.test(url);
}

/** isConfidential tells whether nobody on the way to a repository reads along: by encryption, or since it is this machine. Pure. */
export function isConfidential(url: string): boolean {
  if (!url.startsWith('http://')) return true;
  return /^(?:localhost|\[::1\]|127\.[\d.]+)$/.test(new URL(url).hostname);
}

/** isCommit tells whether a ref is a whole commit. Pure. */
export function isCommit(ref: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(ref);
}

/** sourceName returns a version of a repository for people: `https://github.com/acme/api.git at main`. Pure. */
export function sourceName({ url, ref }: GitSource): string {
  return ref === undefined ? url : `${url} at ${ref}`;
}

const SSH_USER = String.raw`[A-Za-z0-9_][\w.-]*`;
const SSH_HOST = String.raw`(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])`;
/** Of a path only what could be an option to somebody, or end a line, is no path. */
const SSH_PATH = String.raw`[^-\s\p{Cc}?][^\s\p{Cc}?]*`;
const SCP_LIKE = new RegExp(`^${SSH_USER}@${SSH_HOST}:${SSH_PATH}$`, 'u');
const SSH_URL = new RegExp(`^ssh://${SSH_USER}@${SSH_HOST}(?::\\d{1,5})?/${SSH_PATH}$`, 'u');
const NO_HTTP_PATH = /[\s\p{Cc}]/u;

/**
 * checkAddress returns the address of a repository as git opens it. It throws a UserError for what is none of https, http
 * and SSH, for one with credentials in it, and for what git or SSH could take for an option or a command.
 */
export function checkAddress(address: string): string {
  if (SCP_LIKE.test(address) || SSH_URL.test(address)) return address;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !/^https?:\/\//i.test(address) || NO_HTTP_PATH.test(address)) {
    throw noAddress(address);
  }
  if (url.username !== '' || url.password !== '') {
    // It may be a token, so it is not repeated.
    throw new UserError(`the address of the repository at ${url.host} has credentials in it`, {
      hint: 'Leave them out of the file, and hand the token over as the input git-token.',
    });
  }
  if (url.search !== '' || url.pathname === '/') throw noAddress(address);
  return url.href;
}

function noAddress(address: string): UserError {
  if (/^git:\/\//i.test(address)) {
    return new UserError(`${JSON.stringify(address)} is read without knowing from whom`, {
      hint: 'git:// neither encrypts nor checks who answers: write https:// in its place.',
    });
  }
  return new UserError(`${JSON.stringify(address)} is no address of a repository`, {
    hint: 'Write https://host/acme/api.git, ssh://git@host/acme/api.git or git@host:acme/api.git.',
  });
}

/** What git-check-ref-format refuses, and what could be an option to somebody. */
const NO_REF = /[\p{Cc} ~^:?*[\\]|\.\.|@\{|\/\/|^[-/.]|\/\.|\.lock(?:\/|$)|[/.]$|^@?$/u;

/** checkRef returns a branch, a tag, a ref by its whole name, or a commit. It throws a UserError for what git does not take for one. */
export function checkRef(ref: string): string {
  const lower = ref.toLowerCase();
  if (isCommit(lower)) return lower;
  if (!NO_REF.test(ref)) return ref;
  throw new UserError(`${JSON.stringify(ref)} is no ref of git`, {
    hint: 'Write a branch (main), a tag (v1.4.0) or a whole commit (40 digits).',
  });
}
