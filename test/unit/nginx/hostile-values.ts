import fc from 'fast-check';
import type { Said } from './edge-of-file.ts';

/** A place of the file whose text gets to an edge, with a text that is fine there. */
export interface Place {
  name: string;
  fine: string;
  said: (text: string) => Said;
}

const HASH = '$apr1$Zu7hzkqN$ddYMSTyr3fGbTUKYbY7oQ1';
const API = { image: 'acme/api', port: 3000, domain: 'api.example.com' };

/** serviceWith returns a file of one service with these keys. */
export const serviceWith = (keys: Said): Said => ({ services: { api: { ...API, ...keys } } });
const edgeOf = (edge: Said) => serviceWith({ edge });
const tls = (keys: Said): Said => ({ ...serviceWith({}), tls: keys });
const redirect = (keys: Said) =>
  serviceWith({
    redirects: [{ from: 'old.example.com', to: 'https://example.com/new', keep_path: false, ...keys }],
  });
const cors = (keys: Said) => edgeOf({ cors: { origins: ['https://app.example.com'], ...keys } });

/** Where people write what an edge is told. */
export const PLACES: readonly Place[] = [
  { name: 'project', fine: 'shop', said: (text) => ({ ...serviceWith({}), project: text }) },
  { name: 'name of a service', fine: 'api', said: (text) => ({ services: { [text]: API } }) },
  { name: 'domain', fine: 'www.example.com', said: (text) => serviceWith({ domain: text }) },
  { name: 'path', fine: 'old', said: (text) => serviceWith({ domain: `api.example.com/${text}` }) },
  { name: 'redirect from', fine: 'old.example.com', said: (from) => redirect({ from }) },
  { name: 'redirect to', fine: 'https://example.com/new', said: (to) => redirect({ to }) },
  { name: 'redirect to a path', fine: '/new', said: (to) => redirect({ from: 'api.example.com/old', to }) },
  { name: 'header', fine: 'X-A', said: (text) => edgeOf({ headers: { [text]: 'a' } }) },
  { name: 'value of a header', fine: 'a b', said: (text) => edgeOf({ headers: { 'X-A': text } }) },
  { name: 'media type', fine: 'text/css', said: (types) => edgeOf({ gzip: { types } }) },
  { name: 'user', fine: 'anna', said: (text) => edgeOf({ basic_auth: { [text]: HASH } }) },
  { name: 'hash', fine: HASH, said: (text) => edgeOf({ basic_auth: { anna: text } }) },
  { name: 'line of htpasswd', fine: `anna:${HASH}`, said: (text) => edgeOf({ basic_auth: [text] }) },
  { name: 'allowed address', fine: '10.0.0.0/8', said: (allow) => edgeOf({ allow }) },
  { name: 'denied address', fine: '2001:db8::/32', said: (deny) => edgeOf({ deny }) },
  { name: 'rate', fine: '20/s', said: (text) => edgeOf({ rate_limit: text }) },
  { name: 'origin', fine: 'https://a.example.com', said: (origins) => cors({ origins }) },
  { name: 'origins', fine: 'https://*.example.com', said: (origins) => cors({ origins }) },
  { name: 'method', fine: 'GET', said: (text) => cors({ methods: [text] }) },
  { name: 'allowed header', fine: 'X-A', said: (text) => cors({ headers: [text] }) },
  { name: 'exposed header', fine: 'X-A', said: (text) => cors({ expose: [text] }) },
  { name: 'error page', fine: './page.html', said: (text) => edgeOf({ error_pages: { 502: text } }) },
  {
    name: 'status of a page',
    fine: '502',
    said: (text) => edgeOf({ error_pages: { [text]: './page.html' } }),
  },
  {
    name: 'page',
    fine: './page.html',
    said: (page) => serviceWith({ maintenance: { enabled: true, page } }),
  },
  { name: 'who passes', fine: '10.0.0.0/8', said: (allow) => serviceWith({ maintenance: { allow } }) },
  { name: 'status of maintenance', fine: '503', said: (status) => serviceWith({ maintenance: { status } }) },
  { name: 'published port', fine: '8883:1883', said: (text) => serviceWith({ publish: [text] }) },
  { name: 'idle timeout', fine: '10s', said: (text) => serviceWith({ idle_timeout: text }) },
  { name: 'size of a body', fine: '10m', said: (text) => serviceWith({ max_body_size: text }) },
  {
    name: 'time to wait',
    fine: '10s',
    said: (text) => serviceWith({ strategy: 'recreate', queue_requests: text }),
  },
  {
    name: 'trusted proxy',
    fine: '10.0.0.5',
    said: (text) => ({ ...serviceWith({}), edge: { trusted_proxies: text } }),
  },
  { name: 'mode of HTTPS', fine: 'self-signed', said: (mode) => tls({ mode }) },
  { name: 'policy of HTTPS', fine: 'modern', said: (policy) => tls({ mode: 'self-signed', policy }) },
  {
    name: 'domain of HTTPS',
    fine: 'api.example.com',
    said: (text) => tls({ mode: 'self-signed', domains: { [text]: { mode: 'off' } } }),
  },
];

/** The files of the repository. */
export const PAGES = { './page.html': '<p>Soon. $uri; } "' };

/** What ends a word, a string, a comment, a directive or a block of nginx, means a variable, or looks like something else. */
const SIGNS = [
  ...[
    ';',
    '{',
    '}',
    '"',
    "'",
    '#',
    '\\',
    '$',
    '*',
    '~',
    '^',
    ' ',
    '\t',
    '\n',
    '\r',
    '\r\n',
    '\0',
    '%0a',
    '%00',
  ],
  ...['$host', '${host}', '$1', '; } server { listen 81; } #', '";\nreturn 200 "', "' '", '\\"', '${', '\\'],
  // A Cyrillic a, a full stop of Chinese, a wide a, what becomes another letter in lower case, what nobody sees.
  ...['а', '。', 'ａ', 'ß', 'İ', 'K', '\u00ad', '\ufeff', '\u2028', '\u200b', '\u202e', '😀'],
];

/** hostile returns texts that begin as one that is fine, and have something in them that should mean something to nginx. */
export function hostile({ fine }: Place): fc.Arbitrary<string> {
  const places = fc.array(fc.tuple(fc.constantFrom(...SIGNS), fc.nat(fine.length)), {
    minLength: 1,
    maxLength: 3,
  });
  return places.map((signs) =>
    signs.reduce((text, [sign, at]) => `${text.slice(0, at)}${sign}${text.slice(at)}`, fine),
  );
}
