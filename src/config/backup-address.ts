import { type SftpTarget, SSH_PORT } from '../model/backup-target.ts';
import { UserError } from '../model/errors.ts';
import { parseHost, parseUser } from './address.ts';

/** Bytes that no address has: a parser of addresses would leave some of them out without a word. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const UNSEEN = /[\u0000-\u0020\u007f\\]/;
/** What the makers of S3 let a bucket be called. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** Of a URL that ends in a number: `user@host:port/path`. */
const SFTP = /^([^@/]*)@(\[[^\]]*\]|[^:/[\]]*)(?::(\d{1,5}))?(\/.*)$/s;

/** parseS3Address returns endpoint, bucket and prefix as one address in its usual form. It throws for what is none. */
export function parseS3Address(said: string): string {
  const url = parseAddress(said, 's3: https://s3.example.com/bucket/shop');
  const [bucket = '', ...prefix] = segmentsOf(url, said);
  if (!BUCKET.test(bucket)) {
    throw new UserError(`${JSON.stringify(bucket)} is no name of a bucket`, {
      hint: 'Write it after the endpoint, 3 to 63 lower-case letters, digits, dots and hyphens: s3: https://s3.example.com/bucket/shop.',
    });
  }
  return [url.origin, bucket, ...prefix.map(encodeURIComponent)].join('/');
}

/** parseRestAddress returns the address of a repository on a REST server in its usual form. It throws for what is none. */
export function parseRestAddress(said: string): string {
  const url = parseAddress(said, 'rest: https://backup.example.com:8000/shop');
  return `${[url.origin, ...segmentsOf(url, said).map(encodeURIComponent)].join('/')}/`;
}

/** parseSftpAddress takes `user@host:port/path` apart. It throws for what could be read as an option, or as something else. */
export function parseSftpAddress(said: string): Pick<SftpTarget, 'user' | 'host' | 'port' | 'path'> {
  const [, user = '', host = '', port = String(SSH_PORT), path = ''] = SFTP.exec(said) ?? [];
  if (path === '') {
    throw new UserError(`${JSON.stringify(said)} is no place on an SFTP server`, {
      hint: 'Write user, host and the path from the root, with the port where it is not 22: sftp: backup@backup.example.com:2222/srv/shop.',
    });
  }
  const number = Number(port);
  if (number < 1 || number > 65_535) throw new UserError(`${port} is no port from 1 to 65535`);
  checkPath(path);
  return { user: parseUser(user), host: parseHost(host.replace(/^\[(.*)\]$/, '$1')), port: number, path };
}

function checkPath(path: string): void {
  const segments = path.slice(1).replace(/\/$/, '').split('/');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/[\u0000-\u001f\u007f]/.test(path) || segments.some((one) => ['', '.', '..'].includes(one))) {
    throw new UserError(`${JSON.stringify(path)} is no folder from the root`, {
      hint: 'Write it without . and .., double slashes, line breaks and tabs: /srv/shop.',
    });
  }
}

function parseAddress(said: string, example: string): URL {
  const url = UNSEEN.test(said) || !URL.canParse(said) ? undefined : new URL(said);
  if (url === undefined || url.protocol !== 'https:') {
    throw new UserError(`${JSON.stringify(said)} is no address with https://`, {
      hint: `Credentials go there, so nothing else will do; a blank is written %20. ${example}.`,
    });
  }
  if (url.username !== '' || url.password !== '') {
    throw new UserError('an address does not hold credentials: everybody reads them there', {
      hint: 'Name secrets beside it that have them.',
    });
  }
  if (url.search !== '' || url.hash !== '') {
    throw new UserError(`${JSON.stringify(said)} goes on after its path`, {
      hint: 'A question mark that belongs to the path is written %3F, a # is %23.',
    });
  }
  return url;
}

/** The path as it stands in the file, since a parser of addresses would follow `..`. */
function segmentsOf({ origin }: URL, said: string): string[] {
  const path = said.slice(said.indexOf('/', 'https://'.length)).replace(/\/$/, '');
  const segments = path.startsWith('/') ? path.slice(1).split('/').map(decoded) : [];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (segments.some((one) => ['', '.', '..'].includes(one) || /[\u0000-\u001f\u007f/]/.test(one))) {
    throw new UserError(`${JSON.stringify(said)} has a path that could be read in two ways`, {
      hint: `Write ${origin}/… without . and .., double slashes and line breaks.`,
    });
  }
  return segments;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new UserError(`${JSON.stringify(segment)} has a % that begins no byte`, { hint: 'Write it %25.' });
  }
}
