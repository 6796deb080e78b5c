import type { Compression, Cors, EdgeOptions } from '../model/edge-options.ts';
import { UserError } from '../model/errors.ts';
import { parseBytes } from './bytes.ts';
import type { Report } from './check-service.ts';
import { DEFAULTS } from './defaults.ts';
import { parseDuration } from './duration.ts';
import { parseUsers } from './password-hash.ts';
import { snippetsOf } from './resolve-snippets.ts';
import type { CorsInput, EdgeOptionsInput } from './schema/edge-options.ts';
import { type Sources, textOf } from './service-files.ts';

const PAGE_MAX_BYTES = 64 * 1024;
const USERS_MAX_BYTES = 64 * 1024;

/**
 * resolveEdgeOptions returns what the edge does with requests for a service, with defaults filled in and files read; undefined
 * where that is the default. What is wrong among its keys, or in its files, is reported.
 */
export function resolveEdgeOptions(
  input: EdgeOptionsInput,
  sources: Pick<Sources, 'repository' | 'mayBeMissing'>,
  report: Report,
): EdgeOptions | undefined {
  checkAddresses(input, report);
  const edge: EdgeOptions = {
    ...said('headers', input.headers),
    ...said('gzip', compressionOf(input.gzip, DEFAULTS.gzip.level)),
    ...said('brotli', compressionOf(input.brotli, DEFAULTS.brotli.level)),
    ...said('zstd', compressionOf(input.zstd, DEFAULTS.zstd.level)),
    // Users that cannot be read are nobody: what was locked stays so.
    ...(input.basic_auth && usersOf(input.basic_auth, sources, report)),
    ...said('allow', input.allow),
    ...said('deny', input.deny),
    ...(input.satisfy === 'any' && { satisfy: input.satisfy }),
    ...said('rateLimit', input.rate_limit),
    ...said('connectionLimit', input.connection_limit),
    ...said('cors', input.cors && corsOf(input.cors)),
    ...said('errorPages', pagesOf(input.error_pages, sources, report)),
    ...said('nginx', snippetsOf(input.nginx, sources, report)),
  };
  return Object.keys(edge).length > 0 ? edge : undefined;
}

/** What says nothing is left out. */
function said<N extends string, T extends object | number>(name: N, value: T | undefined): { [K in N]?: T } {
  const isSaid = value !== undefined && (typeof value !== 'object' || Object.keys(value).length > 0);
  return isSaid ? ({ [name]: value } as { [K in N]?: T }) : {};
}

function checkAddresses(
  { allow = [], deny = [], satisfy, basic_auth }: EdgeOptionsInput,
  report: Report,
): void {
  const both = allow.find((range) => deny.includes(range));
  if (both !== undefined) report(['edge', 'deny'], `${both} is allowed and denied`, 'Keep one of the two.');
  if (satisfy === 'any' && (basic_auth === undefined || allow.length + deny.length === 0)) {
    report(
      ['edge', 'satisfy'],
      'any is a choice between two, and only one of them is there',
      'Write basic_auth, and allow or deny.',
    );
  }
}

function compressionOf(input: EdgeOptionsInput['gzip'], defaultLevel: number): Compression | undefined {
  if (input === undefined || input === false) return undefined;
  const { types = [...DEFAULTS.gzip.types], level = defaultLevel, min_size } = input === true ? {} : input;
  return {
    // nginx compresses it anyway, and warns where it is named.
    types: [...new Set(types)].filter((type) => type !== 'text/html'),
    level,
    minBytes: min_size ?? parseBytes(DEFAULTS.gzip.min_size),
  };
}

function usersOf(
  input: NonNullable<EdgeOptionsInput['basic_auth']>,
  sources: Pick<Sources, 'repository' | 'mayBeMissing'>,
  report: Report,
): Pick<EdgeOptions, 'basicAuth' | 'basicAuthSecret'> {
  const complain = (message: string, hint?: string) => report(['edge', 'basic_auth'], message, hint);
  if ('secret' in input) return { basicAuthSecret: input.secret };
  if ('users' in input) {
    if (Object.keys(input.users).length === 0) complain('has no users', 'Write user: hash.');
    return { basicAuth: input.users };
  }
  const text = textOf(input.file, USERS_MAX_BYTES, sources, complain);
  try {
    return { basicAuth: text === undefined ? {} : parseUsers(text.split(/\r?\n/)) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    complain(`${input.file}: ${error.message}`, error.hint);
    return { basicAuth: {} };
  }
}

function corsOf({ origins = [], methods, headers, expose, credentials, max_age }: CorsInput): Cors {
  return {
    origins,
    methods: methods ?? [...DEFAULTS.cors.methods],
    headers: headers ?? [...DEFAULTS.cors.headers],
    expose: expose ?? [],
    credentials: credentials ?? false,
    maxAgeSeconds: Math.round((max_age ?? parseDuration(DEFAULTS.cors.max_age)) / 1000),
  };
}

function pagesOf(
  input: EdgeOptionsInput['error_pages'] = {},
  sources: Pick<Sources, 'repository' | 'mayBeMissing'>,
  report: Report,
): Record<string, string> {
  const pages = Object.entries(input).flatMap(([status, path]) => {
    const text = textOf(path, PAGE_MAX_BYTES, sources, (message, hint) =>
      report(['edge', 'error_pages', status], message, hint),
    );
    return text === undefined ? [] : [[status, text] as const];
  });
  return Object.fromEntries(pages);
}
