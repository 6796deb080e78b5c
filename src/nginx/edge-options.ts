import {
  COMPRESSORS,
  type Compression,
  type Compressor,
  type Cors,
  type EdgeOptions,
  headersOf,
  type RateLimit,
} from '../model/edge-options.ts';
import { specHash } from '../model/spec.ts';
import { userListPath } from './user-lists.ts';

/** Who sends requests for a run: it gets through, so that what it counts is what the app answers. */
export const PROBE_HEADER = 'Switchyard-Token';
/** By what a probe is known; written once, beside the two folders of configurations. */
export const PROBE_ACCESS_FILE = 'probe_access.conf';

/** Below a folder of configuration: users with the hashes of their passwords, and pages. */
const USERS_FOLDER = 'users';
const PAGES_FOLDER = 'pages';
/** Files there are read before all others of http. */
export const VARIABLES_FOLDER = 'variables';
/** Where pages are, for the edge alone. */
const PAGES_PATH = '/.well-known/switchyard/pages/';

/** So much memory counts the clients of a port: about 16,000 of them, and who came longest ago is forgotten first. */
const ZONE_SIZE = '1m';

/** renderProbeAccess tells by `token` who is a probe. */
export function renderProbeAccess(token: string): string {
  return `map $http_${PROBE_HEADER.toLowerCase().replaceAll('-', '_')} $is_probe { default ''; "${token}" 1; }\n`;
}

/** renderOptionsOfMain renders what the options of all services build on; `folder` is the configuration's own, as nginx finds it. */
export function renderOptionsOfMain(folder: string, configFolder: string): string {
  return `    variables_hash_max_size 8192;
    variables_hash_bucket_size 128;
    # Not in the text of what is served: that is the same in both folders.
    map $server_port $config_folder { default ${folder}; }
    include ${configFolder}/${PROBE_ACCESS_FILE};
    map $is_probe $realm { default off; '' Restricted; }
    map $is_probe $limited_client { default ''; '' $binary_remote_addr; }
`;
}

/**
 * optionFiles returns the files of a service's options, by path below a folder: `key` names the port that it is for. What a variable means
 * is a file that is named by it, and so the same for all services that need it: nginx takes a millisecond for each.
 */
export function optionFiles(key: string, edge: EdgeOptions): Map<string, string> {
  const { basicAuth, cors, errorPages = {} } = edge;
  const users = Object.entries(basicAuth ?? {}).map(([name, hash]) => `${name}:${hash}\n`);
  const pages = Object.entries(errorPages).map(([status, html]) => [pageFile(key, status), html] as const);
  const variables = [
    ...headersOf(edge).map(([name, value]) =>
      renderOwnFirst(name, headerVariable(name, value), quoted(value)),
    ),
    ...renderAddresses(edge),
    ...(cors === undefined ? [] : renderCorsVariables(cors)),
  ];
  return new Map([
    ...variables.map(variableFile),
    ...(basicAuth === undefined ? [] : [[`${USERS_FOLDER}/${key}`, users.join('')] as const]),
    ...pages,
  ]);
}

/** variableFile returns the file of a variable, by its path below a folder: those of two projects that mean one are one. */
export function variableFile(line: string): [path: string, text: string] {
  return [`${VARIABLES_FOLDER}/${specHash(line)}.conf`, `${line}\n`];
}

function pageFile(key: string, status: string): string {
  return `${PAGES_FOLDER}/${key}/${status}.html`;
}

/** renderOptionsOfHttp renders what options need beside the server: where its clients are counted. */
export function renderOptionsOfHttp(key: string, { rateLimit, connectionLimit }: EdgeOptions): string {
  const zones = [
    ...(rateLimit === undefined
      ? []
      : [`limit_req_zone $limited_client zone=rate_${key}:${ZONE_SIZE} rate=${rateOf(rateLimit)};`]),
    ...(connectionLimit === undefined
      ? []
      : [`limit_conn_zone $limited_client zone=connections_${key}:${ZONE_SIZE};`]),
  ];
  return indented(zones, '');
}

/**
 * renderOptionsOfServer renders what holds for every location of a server that one port has to itself. It has to stand there:
 * whoever is sent on to a named location is asked for a password by that one, and headers are inherited whole or not at all.
 */
export function renderOptionsOfServer(key: string, edge: EdgeOptions): string {
  const pages = PAGES_PATH;
  const lines = [
    ...renderHeadersOf(edge),
    ...renderCompression(edge),
    ...renderGuards(key, edge),
    ...renderCorsHeaders(edge),
    ...renderAsked(edge),
    ...renderErrorPages(edge, pages),
  ];
  return `${indented(lines, '    ')}${renderPagesAt(pages, key, edge, [])}`;
}

/**
 * renderOptionsOfLocation renders what a location needs that passes requests on, before anything else in it. A named one that
 * is reached through it needs nothing.
 */
export function renderOptionsOfLocation(edge: EdgeOptions): string[] {
  return [...renderRefusal(edge), ...renderErrorPagesOfEntry(edge, PAGES_PATH)];
}

/**
 * renderOptionsOfEntry renders all options into a location of a server that several share, where nothing of it may stand
 * beside the locations; `headers` are those of the server, which a location with headers of its own would not have.
 */
export function renderOptionsOfEntry(key: string, edge: EdgeOptions, headers: readonly string[]): string[] {
  return [
    ...renderAnswers(edge, headers),
    ...renderGuards(key, edge),
    ...renderAsked(edge),
    ...renderRefusal(edge),
    ...(hasPages(edge) ? RECURSIVE : []),
    ...renderErrorPagesOfEntry(edge, pagesOf(key)),
  ];
}

/** renderOptionsOfNamed renders all options into a named location that is reached through one of `renderOptionsOfEntry`. */
export function renderOptionsOfNamed(key: string, edge: EdgeOptions, headers: readonly string[]): string[] {
  return [
    ...renderAnswers(edge, headers),
    ...renderGuards(key, edge),
    ...renderErrorPages(edge, pagesOf(key)),
  ];
}

/** renderPages renders where the pages of a port are, in a server that several share. */
export function renderPages(key: string, edge: EdgeOptions, headers: readonly string[]): string {
  const path = pagesOf(key);
  return renderPagesAt(path, key, edge, renderAnswers(edge, headers));
}

/** Where the pages of a port are in a server that several share. */
function pagesOf(key: string): string {
  return `${PAGES_PATH}${key}/`;
}

/** renderHeadersWithin renders `headers` and those of the options, for a location with further ones: nginx forgets them there. */
export function renderHeadersWithin(edge: EdgeOptions, headers: readonly string[]): string[] {
  return [...headers, ...renderHeadersOf(edge), ...renderCorsHeaders(edge)];
}

/** What becomes of answers: their headers, and whether they are compressed. */
function renderAnswers(edge: EdgeOptions, headers: readonly string[]): string[] {
  const all = renderHeadersWithin(edge, headers);
  return [...(all.length > headers.length ? all : []), ...renderCompression(edge)];
}

function renderHeadersOf(edge: EdgeOptions): string[] {
  return headersOf(edge).map(([name, value]) => `add_header ${name} ${headerVariable(name, value)} always;`);
}

function renderCompression(edge: EdgeOptions): string[] {
  const { gzip } = edge;
  const others = COMPRESSORS.flatMap((name) =>
    edge[name] === undefined ? [] : renderCompressor(name, edge[name]),
  );
  if (gzip === undefined && others.length === 0) return [];
  return [
    ...(gzip === undefined ? [] : renderCompressor('gzip', gzip)),
    ...others,
    ...(gzip === undefined ? [] : ['# A balancer in front says Via.', 'gzip_proxied any;']),
    // It speaks for all of them.
    'gzip_vary on;',
  ];
}

function renderCompressor(name: 'gzip' | Compressor, { types, level, minBytes }: Compression): string[] {
  return [
    `${name} on;`,
    ...(types.length > 0 ? [`${name}_types ${types.join(' ')};`] : []),
    `${name}_comp_level ${level};`,
    `${name}_min_length ${minBytes};`,
  ];
}

/** compressorsOf returns what answers are compressed with that not every nginx has. */
export function compressorsOf(edge: EdgeOptions | undefined): Compressor[] {
  return COMPRESSORS.filter((name) => edge?.[name] !== undefined);
}

/** Who has to say who it is, and how much one may ask for: nginx counts a request once, wherever it is sent on to. */
function renderGuards(key: string, edge: EdgeOptions): string[] {
  const { basicAuthSecret, rateLimit, connectionLimit } = edge;
  const users = basicAuthSecret === undefined ? `$config_folder/${USERS_FOLDER}/${key}` : userListPath(key);
  return [
    ...(asksForPassword(edge) ? [`auth_basic ${realmOf(edge)};`, `auth_basic_user_file ${users};`] : []),
    ...renderLimits(key, edge),
    ...(rateLimit === undefined ? [] : ['limit_req_status 429;']),
    ...(connectionLimit === undefined ? [] : ['limit_conn_status 429;']),
  ];
}

/** renderLimits renders how much one may ask for, for a location with further limits: nginx forgets those of its server there. */
export function renderLimits(key: string, { rateLimit, connectionLimit }: EdgeOptions): string[] {
  return [
    ...(rateLimit === undefined ? [] : [`limit_req zone=rate_${key} burst=${rateLimit.burst} nodelay;`]),
    ...(connectionLimit === undefined ? [] : [`limit_conn connections_${key} ${connectionLimit};`]),
  ];
}

function renderRefusal(edge: EdgeOptions): string[] {
  return isRefusing(edge) ? [`if (${refusesVariable(edge)}) { return 403; }`] : [];
}

function hasPages({ errorPages = {} }: EdgeOptions): boolean {
  return Object.keys(errorPages).length > 0;
}

const RECURSIVE = ['# A request may have been sent on by another error before.', 'recursive_error_pages on;'];

function renderErrorPages(edge: EdgeOptions, path: string): string[] {
  const { errorPages = {} } = edge;
  if (!hasPages(edge)) return [];
  return [...RECURSIVE, ...Object.keys(errorPages).map((status) => renderErrorPage(status, path))];
}

/** Errors that a location speaks of are not inherited; those of a dead copy go on from where it is asked again. */
function renderErrorPagesOfEntry({ errorPages = {} }: EdgeOptions, path: string): string[] {
  return Object.keys(errorPages)
    .filter((status) => status !== '502')
    .map((status) => renderErrorPage(status, path));
}

/** indented returns lines as text. */
export function indented(lines: readonly string[], indent: string): string {
  return lines.map((line) => `${indent}${line}\n`).join('');
}

/** quoted returns a text as one word of nginx; the schema lets none in with a `$`, which nothing could escape. */
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/** A variable of this meaning: the same for all who mean the same, and nobody else's. */
function variable(what: string, meaning: unknown): string {
  return `$${what}_${specHash(meaning)}`;
}

function headerVariable(name: string, value: string): string {
  return variable('header', [name, value]);
}

/** The app's own header wins: an answer never has two. */
function renderOwnFirst(name: string, to: string, value: string): string {
  return `map $upstream_http_${name.toLowerCase().replaceAll('-', '_')} ${to} { default ''; '' ${value}; }`;
}

function rateOf({ requests, per }: RateLimit): string {
  return `${requests}r/${per === 'second' ? 's' : 'm'}`;
}

function addressesOf({ allow = [], deny = [], satisfy }: EdgeOptions) {
  return { allow, deny, satisfy };
}

function hasAddresses({ allow = [], deny = [] }: EdgeOptions): boolean {
  return allow.length + deny.length > 0;
}

/** Whether an address alone is a reason to refuse. */
function isRefusing(edge: EdgeOptions): boolean {
  return hasAddresses(edge) && !isAny(edge);
}

function isAny(edge: EdgeOptions): boolean {
  return edge.satisfy === 'any' && asksForPassword(edge);
}

function asksForPassword({ basicAuth, basicAuthSecret }: EdgeOptions): boolean {
  return basicAuth !== undefined || basicAuthSecret !== undefined;
}

function refusesVariable(edge: EdgeOptions): string {
  return variable('refuses', addressesOf(edge));
}

function realmOf(edge: EdgeOptions): string {
  return isAny(edge) && hasAddresses(edge) ? variable('realm', addressesOf(edge)) : '$realm';
}

/** Not `allow` and `deny`: a probe could not be let through, and the most specific range counts here. */
function renderAddresses(edge: EdgeOptions): string[] {
  if (!hasAddresses(edge)) return [];
  const { allow = [], deny = [] } = edge;
  const refused = variable('is_refused', addressesOf(edge));
  const ranges = [...allow.map((range) => `${range} 0; `), ...deny.map((range) => `${range} 1; `)];
  const geo = `geo ${refused} { default ${allow.length > 0 ? 1 : 0}; ${ranges.join('')}}`;
  return [
    geo,
    isAny(edge)
      ? `map "$is_probe:${refused}" ${realmOf(edge)} { default off; :1 Restricted; }`
      : `map "$is_probe:${refused}" ${refusesVariable(edge)} { default ''; :1 1; }`,
  ];
}

function corsVariable(what: string, cors: Cors): string {
  return variable(`cors_${what}`, cors);
}

function renderCorsVariables(cors: Cors): string[] {
  const { origins, methods, headers, maxAgeSeconds } = cors;
  const of = (what: string) => corsVariable(what, cors);
  const allowed = origins.includes('*')
    ? `"~." *; `
    : origins.map((origin) => `${patternOf(origin)} $http_origin; `).join('');
  const beforehand = [
    ['methods', methods.join(', ')],
    ['headers', headers.join(', ')],
    ['age', String(maxAgeSeconds)],
  ] as const;
  return [
    `map $http_origin ${of('origin')} { default ''; ${allowed}}`,
    renderOwnFirst('Access-Control-Allow-Origin', of('told'), of('origin')),
    `map ${of('told')} ${of('credentials')} { default ${cors.credentials ? 'true' : "''"}; '' ''; }`,
    `map ${of('told')} ${of('exposed')} { default ${quoted(cors.expose.join(', '))}; '' ''; }`,
    `map "$request_method:$http_access_control_request_method:${of('origin')}" ${of('asked')} { default ''; "~^OPTIONS:.+:." 1; }`,
    ...beforehand.map(
      ([what, value]) => `map ${of('asked')} ${of(what)} { default ''; 1 ${quoted(value)}; }`,
    ),
  ];
}

function patternOf(origin: string): string {
  if (!origin.includes('*')) return quoted(origin);
  const [before = '', after = ''] = origin
    .split('*')
    .map((part) => part.replaceAll(/[.+]/g, String.raw`\$&`));
  return `"~^${before}[a-z0-9-]+(?:\\.[a-z0-9-]+)*${after}$"`;
}

function renderCorsHeaders({ cors }: EdgeOptions): string[] {
  if (cors === undefined) return [];
  const of = (what: string) => corsVariable(what, cors);
  const headers = [
    ['Origin', 'told'],
    ['Credentials', 'credentials'],
    ['Methods', 'methods'],
    ['Headers', 'headers'],
  ].map(([name, what]) => `add_header Access-Control-Allow-${name} ${of(what!)} always;`);
  return [
    ...headers,
    `add_header Access-Control-Expose-Headers ${of('exposed')} always;`,
    `add_header Access-Control-Max-Age ${of('age')} always;`,
    ...(cors.origins.includes('*') ? [] : ['add_header Vary Origin always;']),
  ];
}

/** A browser asks before it sends anything, and without a password: `return` comes before those are looked at. */
function renderAsked({ cors }: EdgeOptions): string[] {
  return cors === undefined ? [] : [`if (${corsVariable('asked', cors)}) { return 204; }`];
}

function renderErrorPage(status: string, path: string): string {
  return `error_page ${status} ${path}${status}.html;`;
}

/** Who is refused has to be able to read why. */
function renderPagesAt(path: string, key: string, edge: EdgeOptions, lines: readonly string[]): string {
  if (!hasPages(edge)) return '';
  return `    location ^~ ${path} {
        internal;
        auth_basic off;
${indented(lines, '        ')}        types { }
        default_type "text/html; charset=utf-8";
        alias $config_folder/${PAGES_FOLDER}/${key}/;
    }
`;
}
