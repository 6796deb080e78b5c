import * as z from 'zod';
import { DEFAULT_HEADERS, type RateLimit, type SnippetLevel } from '../../model/edge-options.ts';
import { UserError } from '../../model/errors.ts';
import { SNIPPET_RULES, SNIPPET_SETTINGS } from '../../model/snippets.ts';
import { isAddressRange } from '../address-range.ts';
import { DEFAULTS } from '../defaults.ts';
import { listed } from '../nearest.ts';
import { checkPasswordHash, checkUserName, parseUsers } from '../password-hash.ts';
import { closed, key, parsed } from './key.ts';
import { bytes, duration, flag, oneOrMany, text, wholeNumber } from './scalars.ts';

/*
 * What the edge does with requests for a service, and with the answers. Every value may get into a configuration of nginx:
 * nothing gets in that could end a word of it, or mean a variable.
 */

/** Headers that say where an answer ends, what is in it, or what others of Switchyard say. */
const NOT_HERE: Readonly<Record<string, string>> = {
  'strict-transport-security': 'it belongs to TLS',
  'set-cookie': 'the app sets its cookies',
  ...Object.fromEntries(
    ['connection', 'content-encoding', 'content-length', 'content-type', 'date', 'keep-alive', 'server'].map(
      (name) => [name, 'nginx and the app say it'],
    ),
  ),
  ...Object.fromEntries(
    ['te', 'trailer', 'transfer-encoding', 'upgrade', 'location'].map((name) => [
      name,
      'nginx and the app say it',
    ]),
  ),
};

/** What the default headers may say; browsers take any other word for none. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  'x-content-type-options': ['nosniff'],
  'x-frame-options': ['DENY', 'SAMEORIGIN'],
  'referrer-policy': [
    'no-referrer',
    'no-referrer-when-downgrade',
    'origin',
    'origin-when-cross-origin',
    'same-origin',
    'strict-origin',
    'strict-origin-when-cross-origin',
    'unsafe-url',
  ],
};

function checkHeader(name: string, value: string): string {
  const lower = name.toLowerCase();
  const known = WORDS[lower];
  if (known !== undefined && !known.includes(value)) {
    throw new UserError(`${JSON.stringify(value)} is no value of ${name}`, {
      hint: `Write ${listed([...known])}, or false to leave the header out.`,
    });
  }
  if (!/^[!-#%-[\]-~](?:[ -#%-[\]-~]*[!-#%-[\]-~])?$/.test(value)) {
    throw new UserError(`the value of ${name} is none of a header`, {
      hint: 'Write printable ASCII on one line, without $ and \\, and without spaces around it.',
    });
  }
  return checkWord(`the value of ${name}`, value);
}

/** nginx reads words of 4 KB at most, and a quote is two signs of one. */
const WORD_MAX = 4_000;

function checkWord(what: string, said: string): string {
  if (said.replaceAll('"', '""').length <= WORD_MAX) return said;
  throw new UserError(`${what} is longer than ${WORD_MAX} characters, which is what nginx can read`, {
    hint: 'Make it shorter, or have the app say it.',
  });
}

const headers = parsed(
  z.record(
    z.string(),
    z.union([z.string(), z.number(), z.literal(false), z.null()], { error: 'must be text, or false' }),
  ),
  (map): Record<string, string | null> =>
    Object.fromEntries(
      Object.entries(map).map(([name, value]) => {
        if (!/^[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*$/.test(name))
          throw new UserError(`${JSON.stringify(name)} is no name of a header`);
        checkWord('the name of a header', name);
        const why = NOT_HERE[name.toLowerCase()];
        if (why !== undefined) throw new UserError(`${name} is not set here: ${why}`);
        return [name, value === false || value === null ? null : checkHeader(name, String(value))];
      }),
    ),
);

/** What nginx looks a type up in has room for no more, and that cannot be set. */
const MEDIA_TYPE_MAX = 46;

const mediaType = parsed(z.string(), (type) => {
  if (!/^[a-z0-9]+\/[a-z0-9.+-]+$/.test(type))
    throw new UserError(`${JSON.stringify(type)} is no media type`, { hint: 'Write application/json.' });
  if (type.length <= MEDIA_TYPE_MAX) return type;
  throw new UserError(`${type} is longer than nginx can compress by: ${MEDIA_TYPE_MAX} characters`, {
    hint: 'Leave it out: documents of office programs are compressed already.',
  });
});

/** compression is a key that compresses answers, at levels from `least` to `most`. */
function compression(least: number, most: number, level: number) {
  return z.union(
    [
      flag,
      closed({
        types: key(oneOrMany(mediaType, 'a media type'), {
          description: 'Media types that are compressed, beside `text/html`.',
          fallback: { value: DEFAULTS.gzip.types },
          example: 'types: [application/json, image/svg+xml]',
        }),
        level: key(wholeNumber(`a whole number from ${least} to ${most}`, least, most), {
          description: 'From fast to small.',
          fallback: { value: level },
          example: 'level: 6',
        }),
        min_size: key(bytes, {
          description: 'Smaller answers, by their `Content-Length`, are left as they are.',
          fallback: { value: DEFAULTS.gzip.min_size },
          example: 'min_size: 2k',
        }),
      }),
    ],
    { error: 'must be true, false or a map' },
  );
}

/** A path that counts from the folder of the file. */
const repositoryPath = parsed(z.string(), (path) => {
  if (/^\.\.?\/\S+$/.test(path)) return path;
  throw new UserError(`${JSON.stringify(path)} is no path of a file of the repository`, {
    hint: 'Begin it with ./',
  });
});

const SECRET_NAME = /^(?!\.{1,2}$)[a-zA-Z0-9._-]+$/;

/** A map of one key, `secret`, is no user: no hash could be the name of a secret. */
const usersByName = z.record(z.string(), text).transform((map, context) => {
  const { secret } = map;
  if (secret !== undefined && Object.keys(map).length === 1 && SECRET_NAME.test(secret)) return { secret };
  for (const [name, hash] of Object.entries(map)) {
    try {
      checkUserName(name);
      checkPasswordHash(hash);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const { message, hint } = error;
      context.addIssue({ code: 'custom', path: [name], message, params: { hint } });
    }
  }
  return { users: map };
});
const users = z.union(
  [
    repositoryPath.transform((file) => ({ file })),
    usersByName,
    parsed(z.array(text), (lines) => ({ users: parseUsers(lines) })),
  ],
  { error: 'must be hashes by user, lines of htpasswd, a file with such, or a secret' },
);

const range = parsed(z.string(), (said) => {
  const lower = said.toLowerCase();
  if (isAddressRange(lower)) return lower;
  throw new UserError(`${JSON.stringify(said)} is no address or range`, {
    hint: 'Write 10.0.0.5, 10.0.0.0/8 or 2001:db8::/32.',
  });
});
/** Addresses and ranges of clients, one or several; each once, sorted. */
export const ranges = oneOrMany(range, 'an address or range').transform((list) => [...new Set(list)].sort());

const RATE = /^([1-9]\d{0,4})\s*\/\s*(s|m|second|minute)$/;

function parseRate(said: string): Omit<RateLimit, 'burst'> {
  const [, requests, per = ''] = RATE.exec(said) ?? [];
  if (requests !== undefined)
    return { requests: Number(requests), per: per.startsWith('s') ? 'second' : 'minute' };
  throw new UserError(`${JSON.stringify(said)} is no rate`, { hint: 'Write 20/s or 100/m.' });
}

/** Ten seconds of a rate by the minute, one second of the other: a page asks for many things at once. */
function burstOf({ requests, per }: Omit<RateLimit, 'burst'>): number {
  return per === 'second' ? requests : Math.ceil(requests / 6);
}

const rate = parsed(z.string(), parseRate);
const rateLimit = z
  .union(
    [
      rate.transform((said) => ({ rate: said, burst: undefined })),
      closed({
        rate: key(rate, {
          description: 'Requests of one client in a second or a minute. Required.',
          fallback: { words: 'none, it is required' },
          example: 'rate: 20/s',
        }),
        burst: key(wholeNumber('a whole number', 0, 100_000), {
          description: 'So many more may come at once, without waiting.',
          fallback: { words: 'as many as come in a second, or in 10 s of a rate by the minute' },
          example: 'burst: 100',
        }),
      }),
    ],
    { error: 'must be a rate such as 20/s, or a map with rate' },
  )
  .transform((said, context): RateLimit => {
    if (said.rate === undefined) {
      context.addIssue({ code: 'custom', message: 'needs a rate', params: { hint: 'Write rate: 20/s.' } });
      return z.NEVER;
    }
    return { ...said.rate, burst: said.burst ?? burstOf(said.rate) };
  });

/** A name of DNS has 253 characters. */
const ORIGIN_MAX = 300;

const origin = parsed(z.string(), (said) => {
  const isOrigin = /^[a-z][a-z0-9+.-]*:\/\/(?:\*\.)?[a-z0-9]+(?:[.-]+[a-z0-9]+)*(?::\d{1,5})?$/.test(said);
  if (said === '*' || (isOrigin && said.length <= ORIGIN_MAX)) return said;
  throw new UserError(`${JSON.stringify(said)} is no origin`, {
    hint: 'Write https://app.example.com, without a path, https://*.example.com, or "*".',
  });
});
const token = (what: string) =>
  parsed(z.string(), (said) => {
    if (/^[A-Za-z0-9-]+$/.test(said) || said === '*') return said;
    throw new UserError(`${JSON.stringify(said)} is no ${what}`);
  });
const origins = oneOrMany(origin, 'an origin');
const cors = parsed(
  z.union(
    [
      origins.transform((list) => ({ origins: list })),
      closed({
        origins: key(origins, {
          description:
            'Whose scripts may read answers: origins, `https://*.example.com` for all names below one, or `"*"`.',
          fallback: { words: 'none, it is required' },
          example: 'origins: [https://app.example.com]',
        }),
        methods: key(z.array(token('method')), {
          description: 'What they may send.',
          fallback: { value: DEFAULTS.cors.methods },
          example: 'methods: [GET, POST]',
        }),
        headers: key(z.array(token('name of a header')), {
          description: 'Headers that they may set.',
          fallback: { value: DEFAULTS.cors.headers },
          example: 'headers: [Content-Type]',
        }),
        expose: key(z.array(token('name of a header')), {
          description: 'Headers of answers that they may read, beside the few that are always.',
          example: 'expose: [X-Total-Count]',
        }),
        credentials: key(flag, {
          description: 'Whether they may send cookies, and what a browser knows of a login.',
          fallback: { value: false },
          example: 'credentials: true',
        }),
        max_age: key(duration, {
          description: 'How long a browser need not ask again beforehand.',
          fallback: { value: DEFAULTS.cors.max_age },
          example: 'max_age: 10m',
        }),
      }),
    ],
    { error: 'must be origins, or a map with origins' },
  ),
  (said) => {
    const map: CorsInput = said;
    if (map.origins === undefined || map.origins.length === 0)
      throw new UserError('needs origins', { hint: 'Write origins: [https://app.example.com].' });
    for (const list of ['methods', 'headers', 'expose'] as const)
      checkWord(list, map[list]?.join(', ') ?? '');
    if (map.credentials && map.origins.includes('*')) {
      throw new UserError('with "*" every site could act for those who are logged in', {
        hint: 'Name the origins, or leave credentials out.',
      });
    }
    return map;
  },
);

/** What is said of CORS. */
export interface CorsInput {
  origins?: string[] | undefined;
  methods?: string[] | undefined;
  headers?: string[] | undefined;
  expose?: string[] | undefined;
  credentials?: boolean | undefined;
  max_age?: number | undefined;
}

/** Statuses that the edge answers with itself. */
const PAGE_STATUSES = ['401', '403', '404', '413', '429', '500', '502', '503', '504'];

const pages = parsed(z.record(z.string(), repositoryPath), (map) => {
  const unknown = Object.keys(map).find((status) => !PAGE_STATUSES.includes(status));
  if (unknown === undefined) return map;
  throw new UserError(`${JSON.stringify(unknown)} is no status that the edge answers with by itself`, {
    hint: `Write one of ${listed(PAGE_STATUSES)}.`,
  });
});

const snippets = closed({
  http: key(text, {
    description: `Beside the servers: ${directivesOf('http')}. What is defined here is the service's own: others may have the same names.`,
    example: 'http: "limit_req_zone $$limited_client zone=logins:1m rate=5r/s;"',
  }),
  server: key(text, {
    description: `In the servers of the service's domains, which it must not share with other services: settings, and locations that answer by themselves, with \`return\`.`,
    example: 'server: "location = /robots.txt { return 200 \'User-agent: *\'; }"',
  }),
  location: key(text, {
    description: `For requests that go to the service: settings, and ${directivesOf('location')}. A \`rewrite\` ends with \`break\`, \`redirect\` or \`permanent\`.`,
    example: 'location: ./nginx/api.conf',
  }),
});

/** The directives that are of one level alone, for people. */
function directivesOf(level: SnippetLevel): string {
  return listed(SNIPPET_RULES[level].map((name) => `\`${name}\``));
}

/** What the edge does with requests for a service, and with the answers to them. */
export const edgeOptions = closed({
  headers: key(headers, {
    description:
      "Headers of answers, by name; `false` leaves out one of those by default. An app's own header wins. The edge's own answers have them too.",
    fallback: { value: DEFAULT_HEADERS },
    short: 'headers: { X-Frame-Options: DENY }',
    long: 'headers:\n  X-Frame-Options: false\n  Content-Security-Policy: "default-src \'self\'"',
  }),
  gzip: key(compression(1, 9, DEFAULTS.gzip.level), {
    description:
      'Whether answers are compressed that the app has not compressed, for clients that take it. Off by default: it weakens an `ETag`, and takes away `Content-Length` and ranges.',
    fallback: { value: false },
    short: 'gzip: true',
    long: 'gzip: { types: [application/json], level: 6, min_size: 2k }',
  }),
  brotli: key(compression(0, 6, DEFAULTS.brotli.level), {
    description:
      'As `gzip`, for clients that take brotli. The official image of nginx has no module for it: the run fails before anything starts, unless `sidecar.image` names an image that loads one in `/etc/nginx/modules-enabled/`.',
    fallback: { value: false },
    short: 'brotli: true',
    long: 'brotli: { types: [application/json], level: 5, min_size: 2k }',
  }),
  zstd: key(compression(1, 9, DEFAULTS.zstd.level), {
    description: 'As `brotli`, for clients that take zstd, with an image that has a module for that.',
    fallback: { value: false },
    short: 'zstd: true',
    long: 'zstd: { types: [application/json], level: 3, min_size: 2k }',
  }),
  basic_auth: key(users, {
    description:
      'Users and the hashes of their passwords; nobody else gets in. bcrypt (`htpasswd -B`, up to cost 6), apr1, SHA-256 and SHA-512 crypt, with each `$` written twice; or lines of htpasswd, or a file of the repository with them: these stand in the record as they stand in the file. Or `secret: NAME`: the secret has lines of htpasswd, which stand on the servers alone; another value of it counts at once, for earlier releases too.',
    fallback: { words: 'everybody gets in' },
    short: 'basic_auth: ./htpasswd',
    long: 'basic_auth: { secret: ADMIN_USERS }',
  }),
  allow: key(ranges, {
    description:
      'Addresses and ranges that get in, and nobody else. Of `allow` and `deny` the most specific range counts. The address is that of the client as `trusted_proxies` tell it. All others get 403.',
    fallback: { words: 'everybody gets in' },
    example: 'allow: [192.0.2.0/24, "2001:db8::/32"]',
  }),
  deny: key(ranges, {
    description: 'Addresses and ranges that do not get in.',
    fallback: { words: 'nobody is kept out' },
    example: 'deny: 198.51.100.7',
  }),
  satisfy: key(z.enum(['all', 'any']), {
    description:
      'Whether a client needs both, an address that is allowed and a password, or one of them: with `any` those who are allowed need no password, and all others do.',
    fallback: { value: 'all' },
    example: 'satisfy: any',
  }),
  rate_limit: key(rateLimit, {
    description:
      'How many requests one client, by its address, may send to a server in a second or a minute; more get 429. Each server counts for itself.',
    fallback: { words: 'without limit' },
    short: 'rate_limit: 20/s',
    long: 'rate_limit: { rate: 20/s, burst: 100 }',
  }),
  connection_limit: key(wholeNumber('a whole number from 1 to 65535', 1, 65_535), {
    description:
      'How many requests of one client, by its address, may be served at the same time by a server, a WebSocket for as long as it is open; more get 429.',
    fallback: { words: 'without limit' },
    example: 'connection_limit: 50',
  }),
  cors: key(cors, {
    description:
      "Which other sites' scripts may read answers. The edge answers what a browser asks beforehand. Where the app sets `Access-Control-Allow-Origin` itself, its word counts.",
    fallback: { words: 'nothing is said, and what the app says is passed on' },
    short: 'cors: https://app.example.com',
    long: 'cors: { origins: [https://app.example.com], credentials: true, headers: [Content-Type] }',
  }),
  error_pages: key(pages, {
    description: `HTML files of the repository, at most 64 KB each, by status: what the edge shows in place of its own words. An answer of the app is never replaced. Statuses are ${listed(PAGE_STATUSES)}.`,
    fallback: { words: "nginx's own words" },
    example: 'error_pages: { 502: ./pages/502.html, 503: ./pages/503.html }',
  }),
  nginx: key(snippets, {
    description: `Lines of nginx of the service's own, as text with each \`$\` written twice, or as a file of the repository. Only what holds for the service's own requests may stand there. Settings are ${listed(SNIPPET_SETTINGS.map((name) => `\`${name}\``))}.`,
    short: 'nginx: { location: ./nginx/api.conf }',
    long: 'nginx:\n  location: |\n    expires 1h;\n    proxy_set_header X-Tenant acme;',
  }),
}).meta({ id: 'edgeOptions' });

/** See {@link edgeOptions}. */
export type EdgeOptionsInput = z.infer<typeof edgeOptions>;
