import { type Directive, parseDirectives } from './directives.ts';
import {
  DEFAULT_HEADERS,
  SNIPPET_LEVELS,
  type Snippet,
  type SnippetLevel,
  type Snippets,
} from './edge-options.ts';

/** What is wrong in a snippet. */
export interface SnippetMistake {
  level: SnippetLevel;
  line: number;
  message: string;
  hint?: string;
}

/** SNIPPET_RULES is which directives may stand where; what they mean is nginx' affair. */
export const SNIPPET_RULES: Readonly<Record<SnippetLevel, readonly string[]>> = {
  http: ['map', 'geo', 'split_clients', 'limit_req_zone', 'limit_conn_zone'],
  server: ['location'],
  location: ['if', 'rewrite', 'return', 'set'],
};

/** SNIPPET_SETTINGS may stand in a server and in a location: they hold for requests to the service, and for no others. */
export const SNIPPET_SETTINGS: readonly string[] = [
  'absolute_redirect',
  'add_header',
  'add_trailer',
  'charset',
  'charset_types',
  'etag',
  'expires',
  'if_modified_since',
  'limit_conn',
  'limit_conn_dry_run',
  'limit_conn_status',
  'limit_rate',
  'limit_rate_after',
  'limit_req',
  'limit_req_dry_run',
  'limit_req_status',
  'override_charset',
  'port_in_redirect',
  'proxy_cookie_domain',
  'proxy_cookie_flags',
  'proxy_cookie_path',
  'proxy_hide_header',
  'proxy_ignore_headers',
  'proxy_pass_header',
  'proxy_redirect',
  'proxy_set_header',
  'source_charset',
  'sub_filter',
  'sub_filter_last_modified',
  'sub_filter_once',
  'sub_filter_types',
];

/** What a location may have that answers by itself. */
const ANSWERING = [...SNIPPET_SETTINGS, 'default_type', 'if', 'return', 'set'];
const WITHIN_IF = ['return', 'rewrite', 'set'];

/** Which key does what somebody may look for here. */
const KEYS: Readonly<Record<string, string>> = {
  access_log: 'edge.access_log at the top',
  allow: 'edge.allow',
  auth_basic: 'edge.basic_auth',
  auth_basic_user_file: 'edge.basic_auth',
  brotli: 'edge.brotli',
  client_body_timeout: 'idle_timeout',
  client_max_body_size: 'max_body_size',
  deny: 'edge.deny',
  error_page: 'edge.error_pages',
  gzip: 'edge.gzip',
  gzip_comp_level: 'edge.gzip',
  gzip_min_length: 'edge.gzip',
  gzip_types: 'edge.gzip',
  proxy_read_timeout: 'idle_timeout',
  proxy_request_buffering: 'request_buffering',
  proxy_send_timeout: 'idle_timeout',
  real_ip_header: 'edge.trusted_proxies at the top',
  satisfy: 'edge.satisfy',
  send_timeout: 'idle_timeout',
  server: 'domain',
  server_name: 'domain',
  set_real_ip_from: 'edge.trusted_proxies at the top',
  ssl_certificate: 'tls',
  ssl_certificate_key: 'tls',
  ssl_ciphers: 'tls.policy',
  ssl_protocols: 'tls.policy',
  zstd: 'edge.zstd',
};

/** A longer one is no snippet; nginx reads it with each reload, for all who share an edge. */
export const SNIPPET_MAX_BYTES = 16 * 1024;
const ZONE_MAX_KB = 10 * 1024;

/** Names of headers that say where a message ends, or whom the edge speaks for. */
const FRAMING = [
  'connection',
  'content-length',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
const TOLD_BY_EDGE = ['host', 'forwarded', 'x-real-ip', 'x-request-id', 'switchyard-token'];

/**
 * checkSnippets returns what is wrong in the snippets of a service: text that is no configuration, and what could reach
 * beyond the service's own requests. What is left is for nginx to judge. Pure.
 */
export function checkSnippets(snippets: Snippets): SnippetMistake[] {
  const parsed = levelsOf(snippets).map((level) => ({ level, ...read(snippets[level]!) }));
  const own = ownNames(snippets);
  return parsed.flatMap(({ level, directives, mistake, mistakeLine = 1 }) => {
    if (mistake !== undefined) return [{ level, line: mistakeLine, message: mistake }];
    return directives.flatMap((directive) => checkDirective(directive, level, own));
  });
}

/** snippetDirectives returns the directives of a snippet, with their lines. */
export function snippetDirectives(snippet: Snippet | undefined): Directive[] {
  return snippet === undefined ? [] : read(snippet).directives;
}

/** What a service has under names of its own. */
export interface OwnNames {
  /** Without their dollars. */
  variables: ReadonlySet<string>;
  /** With what is counted in each. */
  zones: ReadonlyMap<string, string>;
}

/** ownNames returns the variables and zones that the snippets of a service define. */
export function ownNames(snippets: Snippets): OwnNames {
  const all = levelsOf(snippets).flatMap((level) => everyDirective(snippetDirectives(snippets[level])));
  return {
    variables: new Set(all.flatMap(definedVariable)),
    zones: new Map(
      all.flatMap((one) => {
        const zone = isZone(one) ? zoneOf(one) : undefined;
        return zone === undefined ? [] : [[zone.name, one.words[1] ?? ''] as const];
      }),
    ),
  };
}

/** everyDirective returns directives with those of their blocks. */
function everyDirective(directives: readonly Directive[]): Directive[] {
  // What a map holds are values, which may be called as anything.
  return directives.flatMap((one) => [one, ...(definesValues(one) ? [] : everyDirective(one.body))]);
}

function levelsOf(snippets: Snippets): SnippetLevel[] {
  return SNIPPET_LEVELS.filter((level) => snippets[level] !== undefined);
}

function read({ text }: Snippet) {
  return parseDirectives(text, { withLines: true });
}

const MAPS = ['map', 'geo', 'split_clients'];

/** definesValues tells whether the block of a directive holds values and no directives. */
export function definesValues({ words: [name = ''] }: Directive): boolean {
  return MAPS.includes(name);
}

function isZone({ words: [name = ''] }: Directive): boolean {
  return name === 'limit_req_zone' || name === 'limit_conn_zone';
}

/** nginx' own that may be set. */
const SETTABLE = ['args', 'limit_rate'];

function definedVariable({ words }: Directive): string[] {
  const [name = '', first = ''] = words;
  const defined = MAPS.includes(name) ? (words.at(-1) ?? '') : name === 'set' ? first : '';
  const variable = /^\$(\w+)$/.exec(defined)?.[1];
  return variable === undefined || SETTABLE.includes(variable) ? [] : [variable];
}

function zoneOf({ words }: Directive): { name: string; kb: number } | undefined {
  const said = words.find((word) => word.startsWith('zone='));
  const [, name, size, unit] = /^zone=([a-z]\w{0,40}):(\d{1,6})([km])$/i.exec(said ?? '') ?? [];
  if (name === undefined) return undefined;
  return { name, kb: Number(size) * (unit?.toLowerCase() === 'm' ? 1024 : 1) };
}

function checkDirective(directive: Directive, level: SnippetLevel, own: OwnNames): SnippetMistake[] {
  const allowed = [...SNIPPET_RULES[level], ...(level === 'http' ? [] : SNIPPET_SETTINGS)];
  return checkAmong(directive, allowed, level, own);
}

function checkAmong(
  directive: Directive,
  allowed: readonly string[],
  level: SnippetLevel,
  own: OwnNames,
): SnippetMistake[] {
  const { words, body, line = 1 } = directive;
  const [name = ''] = words;
  const mistake = (message: string, hint?: string): SnippetMistake[] => [
    { level, line, message, ...(hint && { hint }) },
  ];
  if (!allowed.includes(name)) return mistake(...refusal(name, level));
  const [message, hint] = checkWords(directive, own) ?? [];
  if (message !== undefined) return mistake(message, hint);
  if (definesValues(directive)) return body.flatMap((value) => checkValue(value, level));
  const within = name === 'if' ? WITHIN_IF : ANSWERING;
  return body.flatMap((inner) => checkAmong(inner, within, level, own));
}

function refusal(name: string, level: SnippetLevel): [message: string, hint: string] {
  const key = Object.hasOwn(KEYS, name) ? KEYS[name] : undefined;
  const at = SNIPPET_LEVELS.find((one) => SNIPPET_RULES[one].includes(name));
  const settings = SNIPPET_SETTINGS.includes(name) ? ['server', 'location'] : [];
  const levels = [...settings, ...(at === undefined ? [] : [at])].filter((one) => one !== level);
  const hint =
    key !== undefined
      ? `The key ${key} does that.`
      : levels.length > 0
        ? `It may stand in ${levels.join(' and ')}.`
        : 'The reference says which directives may stand where.';
  return [`${JSON.stringify(name)} may not stand here`, hint];
}

type Complaint = [message: string, hint?: string];

/** What holds for the words of all directives, and of some. */
function checkWords(directive: Directive, own: OwnNames): Complaint | undefined {
  const { words, isBlock } = directive;
  const [name = '', first = ''] = words;
  const everywhere = words.map(checkWord).find((found) => found !== undefined);
  if (everywhere !== undefined) return everywhere;
  if (isBlock !== [...MAPS, 'if', 'location'].includes(name))
    return [isBlock ? `${name} has no block` : `${name} needs a block`];
  switch (name) {
    case 'map':
    case 'geo':
    case 'split_clients':
      return /^\$[A-Za-z]\w{0,60}$/.test(words.at(-1) ?? '') ? undefined : [`${name} needs a $name`];
    case 'set':
      return /^\$[A-Za-z]\w{0,60}$/.test(first) ? undefined : ['set needs a $name'];
    case 'limit_req_zone':
    case 'limit_conn_zone':
      return checkZone(directive);
    case 'limit_req': {
      const zone = words.find((word) => word.startsWith('zone='))?.slice(5) ?? '';
      return own.zones.has(zone) ? undefined : unknownZone(zone, 'limit_req_zone');
    }
    case 'limit_conn':
      return own.zones.has(first) ? undefined : unknownZone(first, 'limit_conn_zone');
    case 'add_header':
    case 'add_trailer':
      return checkAnswerHeader(first);
    case 'proxy_set_header':
      return checkRequestHeader(first);
    case 'proxy_ignore_headers':
      // Requests that wait at the edge go on by it.
      return words.some((word) => /^x-accel-redirect$/i.test(word))
        ? ['X-Accel-Redirect is needed by the edge']
        : undefined;
    case 'rewrite':
      return ['break', 'redirect', 'permanent'].includes(words.at(-1) ?? '')
        ? undefined
        : ['rewrite needs "break", "redirect" or "permanent" at its end'];
    case 'if':
      return words.some((word) => /^\(?!?-[fdex]$/.test(word))
        ? ["a file of the edge is nobody else's affair"]
        : undefined;
    case 'location':
      return checkLocation(directive);
    default:
      return undefined;
  }
}

/** What may stand in no word, wherever it is. */
function checkWord(word: string): Complaint | undefined {
  if (/[^\P{Cc}\t\r\n]/u.test(word)) return ['holds a control character'];
  // nginx defines such a variable for all servers, also where somebody else has one of the name.
  if (/\(\?(?:P?<(?![=!])|')/.test(word))
    return ['a group may have no name', 'Write $1 for what it has found.'];
  // What another service defines: it may say something that is no affair of this one.
  if (/\$\{?own_/i.test(word)) return ['no variable begins with own_'];
  if (/switchyard_token/i.test(word)) return ["the token of the edge is nobody else's affair"];
  return undefined;
}

/** A value of a map; `include` would read a file. */
function checkValue({ words, isBlock, line = 1 }: Directive, level: SnippetLevel): SnippetMistake[] {
  const [message, hint] =
    words[0] === 'include' || words[0] === 'proxy'
      ? [`${JSON.stringify(words[0])} may not stand here`]
      : isBlock
        ? ['a value has no block']
        : (words.map(checkWord).find((found) => found !== undefined) ?? []);
  return message === undefined ? [] : [{ level, line, message, ...(hint && { hint }) }];
}

function checkZone(directive: Directive): Complaint | undefined {
  const zone = zoneOf(directive);
  if (zone === undefined) return [`${directive.words[0]} needs zone=NAME:SIZE`, 'Write zone=logins:1m.'];
  return zone.kb <= ZONE_MAX_KB ? undefined : [`zone ${zone.name} is larger than 10m`];
}

function unknownZone(name: string, directive: string): Complaint {
  return [`there is no zone ${JSON.stringify(name)}`, `Write ${directive} under http.`];
}

function checkAnswerHeader(name: string): Complaint | undefined {
  const lower = name.toLowerCase();
  if (Object.keys(DEFAULT_HEADERS).some((one) => one.toLowerCase() === lower))
    return [`${name} would be there twice`, 'The key edge.headers sets it.'];
  if (lower === 'strict-transport-security') return [`${name} belongs to TLS`, 'The key tls.hsts sets it.'];
  return FRAMING.includes(lower) ? [`${name} is not set here: nginx and the app say it`] : undefined;
}

/** Underscores are hyphens to many apps. */
function checkRequestHeader(name: string): Complaint | undefined {
  const lower = name.toLowerCase().replaceAll('_', '-');
  const isTold = TOLD_BY_EDGE.includes(lower) || lower.startsWith('x-forwarded-');
  return isTold || FRAMING.includes(lower) ? [`${name} is told by the edge`] : undefined;
}

/** Where balancers, authorities and the edge itself ask. */
const KEPT = ['/.well-known/switchyard', '/.well-known/acme-challenge'];

function checkLocation({ words, body }: Directive): Complaint | undefined {
  const [, ...said] = words;
  const [modifier = '', path = ''] = said.length === 2 ? said : ['', ...said];
  const isPattern = modifier === '~' || modifier === '~*';
  if (said.length > 2 || !['', '=', '^~', '~', '~*'].includes(modifier))
    return ['is no location that nginx has'];
  if (!isPattern && !path.startsWith('/'))
    return [`a location begins with /, and ${JSON.stringify(path)} does not`];
  if (!isPattern && KEPT.some((kept) => path.startsWith(kept))) return [`${path} is kept for the edge`];
  if (path === '/' && modifier !== '=')
    return ['all paths belong to the service', 'Write its lines under location.'];
  return body.some(({ words: [name] }) => name === 'return')
    ? undefined
    : [
        `location ${path} answers nothing`,
        'Write a return: what the service answers has its lines under location.',
      ];
}
