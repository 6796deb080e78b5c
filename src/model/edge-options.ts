/** How many requests one client may send. */
export interface RateLimit {
  requests: number;
  per: 'second' | 'minute';
  /** So many more may come at once. */
  burst: number;
}

/** Which answers are compressed. */
export interface Compression {
  types: string[];
  level: number;
  /** Smaller ones are left as they are. */
  minBytes: number;
}

/** Which other sites' scripts may read answers, and what they may send. */
export interface Cors {
  /** `https://app.example.com`, `https://*.example.com`, or `*` alone. */
  origins: string[];
  methods: string[];
  headers: string[];
  expose: string[];
  credentials: boolean;
  maxAgeSeconds: number;
}

/** Where lines of one's own stand in a configuration of nginx. */
export const SNIPPET_LEVELS = ['http', 'server', 'location'] as const;
/** See {@link SNIPPET_LEVELS}. */
export type SnippetLevel = (typeof SNIPPET_LEVELS)[number];

/** Lines of nginx that somebody has written. */
export interface Snippet {
  text: string;
  /** The file of the repository that they are from; without one they stand in the file itself. */
  file?: string;
}

/** The lines that a service has of its own at the edge. */
export type Snippets = Partial<Record<SnippetLevel, Snippet>>;

/**
 * What the edge does with requests for a service before it passes them on, and with what comes back; the sidecar does
 * none of it. Absent is the default, and the whole is absent where a service says nothing.
 */
export interface EdgeOptions {
  /** Headers of answers that the app does not set itself, by name; null leaves a default one out. */
  headers?: Record<string, string | null>;
  gzip?: Compression;
  /** As gzip, for clients that take these: modules that not every nginx has. */
  brotli?: Compression;
  zstd?: Compression;
  /** Hashes of passwords by user, as htpasswd writes them. */
  basicAuth?: Record<string, string>;
  /** The secret that has the users, in place of `basicAuth`: they stand in no record and no manifest. */
  basicAuthSecret?: string;
  /** Addresses and ranges; the most specific one of both lists counts. */
  allow?: string[];
  deny?: string[];
  /** An address that is allowed needs no password. */
  satisfy?: 'any';
  rateLimit?: RateLimit;
  /** Requests of one client that are served at the same time. */
  connectionLimit?: number;
  cors?: Cors;
  /** HTML by status, for answers that the edge gives itself. */
  errorPages?: Record<string, string>;
  /** Lines of nginx of its own. */
  nginx?: Snippets;
}

/** What compresses answers beside gzip, which every nginx has. */
export const COMPRESSORS = ['brotli', 'zstd'] as const;
/** See {@link COMPRESSORS}. */
export type Compressor = (typeof COMPRESSORS)[number];

/** DEFAULT_HEADERS are what answers get where neither the app nor the file says otherwise. */
export const DEFAULT_HEADERS: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'SAMEORIGIN',
  'Referrer-Policy': 'strict-origin-when-cross-origin',
};

/** headersOf returns the headers that the edge adds to the answers of a service, by name. Pure. */
export function headersOf({ headers = {} }: EdgeOptions): [name: string, value: string][] {
  const said = new Map(Object.keys(headers).map((name) => [name.toLowerCase(), name]));
  const defaults = Object.entries(DEFAULT_HEADERS).filter(([name]) => !said.has(name.toLowerCase()));
  return [...defaults, ...Object.entries(headers)].flatMap(([name, value]) =>
    value === null ? [] : [[name, value] as [string, string]],
  );
}
