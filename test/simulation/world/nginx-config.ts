import type { Directive } from '../../../src/model/directives.ts';
import { parseConfiguration } from '../../../src/nginx/configuration.ts';
import { overUdp } from './udp.ts';

/** A server of an upstream, as it is written. */
export interface UpstreamServer {
  /** A name, or an IP address. */
  host: string;
  port: number;
  weight: number;
  isBackup: boolean;
  isDown: boolean;
  /** nginx asks for its addresses again and again; else they are those of the moment when it read the file. */
  isResolved: boolean;
  /** It asks with each request. */
  isAskedEachTime?: boolean;
  /** 0 never takes it out. */
  maxFails: number;
  failTimeoutMs: number;
}

/** An upstream, as it is written. */
export interface Upstream {
  name: string;
  servers: readonly UpstreamServer[];
  /** How long an idle connection to a server of it is kept; 0 keeps none. */
  keepaliveMs: number;
  /** How many servers one request may try; 0 is all. */
  tries: number;
  /** When a request has waited so long, no other server is tried; 0 is without end. */
  triesMs: number;
}

/** What a location, a server or an `if` does, in the order in which it is written. */
export type Rule =
  | { does: 'return'; status: number; text: string }
  | { does: 'pass'; target: string; path: string }
  | { does: 'header'; name: string; value: string }
  /** How many servers are tried, and for how long, see `Upstream`. */
  | { does: 'try'; limit: Partial<Pick<Upstream, 'tries' | 'triesMs'>> }
  | { does: 'tell host'; value: string }
  | { does: 'set'; variable: string; value: string }
  /** Asks for another path than the client does; `isLast` goes on with nothing but that. */
  | { does: 'rewrite'; pattern: string; path: string; isLast: boolean }
  /** Asks for a password, unless its realm is `off`. */
  | { does: 'ask'; realm: string }
  | { does: 'allow' | 'deny'; from: string }
  /** Asks another path whether it has to wait. */
  | { does: 'ask first'; path: string }
  /** `as` is the status that the answer has then. */
  | { does: 'recover'; status: number; location: string; as?: number }
  /** Takes files, and removes them, at what follows the path of its location. */
  | { does: 'store'; folder: string; methods: readonly string[] }
  /** Answers with what lies there, and puts variables into it where it is told to. */
  | { does: 'show'; folder: string; isPutTogether: boolean }
  | { does: 'if'; condition: readonly string[]; rules: readonly Rule[] };

/** A location. */
export interface Location {
  isExact: boolean;
  path: string;
  rules: readonly Rule[];
}

/** A server of HTTP. */
export interface HttpServer {
  ports: readonly number[];
  defaultOn: readonly number[];
  names: readonly string[];
  rules: readonly Rule[];
  /** Where its certificate is, which is read at each handshake; undefined where it has none. */
  certificate: string | undefined;
  locations: readonly Location[];
  /** Where nginx goes on after an error, by name. */
  named: ReadonlyMap<string, readonly Rule[]>;
}

/** A server of tcp or udp. */
export interface StreamServer {
  port: number;
  target: string;
  /** Its upstream, as this server asks it. */
  upstream: Upstream;
  rules: readonly Rule[];
  /** What it logs of each connection; undefined is nothing. */
  logFormat: string | undefined;
  /** Where to, and a variable without which it does not. */
  log: { stream: 'stdout' | 'stderr'; condition: string | undefined };
}

/** What a variable is, by another one. */
export interface Mapping {
  source: string;
  cases: ReadonlyMap<string, string>;
}

/** What nginx has read. */
export interface NginxConfig {
  http: readonly HttpServer[];
  stream: readonly StreamServer[];
  upstreams: ReadonlyMap<string, Upstream>;
  mappings: ReadonlyMap<string, Mapping>;
  keepaliveMinTimeoutMs: number;
  ports: readonly number[];
}

/** NginxRefusal is what nginx says of a configuration that it does not take. */
export class NginxRefusal extends Error {}

/**
 * What is read, and has no bearing on who answers what: also who is kept out by an address, or for coming too often, which
 * nobody is here.
 */
const WITHOUT_EFFECT =
  /^(?:(?:set_)?real_ip_\w+|geo|(?:proxy|grpc)_(?!pass$)\w+|keepalive(?:_timeout|_requests|_time)?|zone|least_conn|access_log|error_log|log_format|limit_(?:req|conn)\w*|auth_basic_user_file|recursive_error_pages|types|internal|resolver(?:_timeout)?|server_tokens|(?:server_names|variables|map)_hash_\w+|client_\w+|send_timeout|underscores_in_headers|large_client_header_buffers|worker_\w+|pid|events|user|include|default_type|ssi(?:_types)?|index|charset|sendfile|tcp_\w+|gzip\w*|ssl\w*|http2|quic_retry|reset_timedout_connection|lingering_\w+|load_module|auth_delay|split_clients|add_trailer|(?:override_|source_)?charset(?:_types)?|etag|if_modified_since|sub_filter\w*|(?:absolute|port_in)_redirect|(?:brotli|zstd)_\w+)$/;
/** Of all that a service's own lines may say this is what is looked at, so that one of them can be refused. */
const EXPIRES = /^(?:(?:modified )?[+-]?\d+[a-zA-Z]*|@\d+[a-z]*|epoch|max|off|\$\w+)$/;
const DURATION = /^(\d+)(ms|s|m|h|d)?$/;
const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** `keepalive_min_timeout` is known from this version on. */
const KEEPALIVE_MIN_SINCE = [1, 27, 4];

/**
 * readNginxConfig reads a configuration as an nginx of some version does. `canResolve` tells whether a name has an
 * address now. It throws a NginxRefusal with the reason when nginx would not take it. Pure.
 */
export function readNginxConfig(
  files: ReadonlyMap<string, string>,
  main: string,
  { version, canResolve }: { version: string; canResolve(name: string): boolean },
): NginxConfig {
  const { directives, mistake } = parsed(files, main);
  if (mistake !== undefined) throw new NginxRefusal(mistake);
  refuseUnknown(directives, ['events', 'http', 'stream']);
  const http = inside(directives, 'http');
  const stream = inside(directives, 'stream');
  const reader = new Reader(canResolve);
  refuseUnknown(http, ['server', 'upstream', 'map', 'keepalive_min_timeout']);
  refuseUnknown(stream, ['server', 'upstream', 'map']);
  const [minTimeout] = blocks(http, 'keepalive_min_timeout');
  if (minTimeout !== undefined && isOlder(version, KEEPALIVE_MIN_SINCE)) throw unknownDirective(minTimeout);
  for (const block of blocks(http, 'upstream')) reader.readUpstream(block, triesOf(http));
  for (const block of blocks(stream, 'upstream')) reader.readUpstream(block, triesOf(stream));
  for (const block of [...blocks(http, 'map'), ...blocks(stream, 'map')]) reader.readMapping(block);
  const formats = new Map(
    stream.flatMap(({ words: [name, key, ...parts] }) =>
      name === 'log_format' && key !== undefined ? [[key, parts.join('')] as const] : [],
    ),
  );
  const httpServers = blocks(http, 'server').map((block) => reader.readHttpServer(block));
  const streamServers = blocks(stream, 'server').map((block) => reader.readStreamServer(block, formats));
  return {
    http: httpServers,
    stream: streamServers,
    upstreams: reader.upstreams,
    mappings: reader.mappings,
    keepaliveMinTimeoutMs: durationOf(minTimeout?.words[1] ?? '0'),
    ports: [
      ...new Set([...httpServers.flatMap(({ ports }) => ports), ...streamServers.map(({ port }) => port)]),
    ],
  };
}

/** What was parsed last, by its text: nginx checks a configuration, and then reads it. */
const PARSED = new Map<string, ReturnType<typeof parseConfiguration>>();
const PARSED_MAX = 64;
/** A file that does nothing but include another one. */
const POINTER = /^\s*include\s+([^\s;*]+)\s*;\s*$/;

function parsed(files: ReadonlyMap<string, string>, main: string): ReturnType<typeof parseConfiguration> {
  const pointed = POINTER.exec(files.get(main) ?? '')?.[1];
  if (pointed !== undefined && files.has(pointed)) {
    const others = new Map(files);
    others.delete(main);
    return parsed(others, pointed);
  }
  const text = [main, ...[...files].flat()].join('\n');
  const known = PARSED.get(text);
  if (known !== undefined) return known;
  const read = parseConfiguration(files, main);
  if (PARSED.size >= PARSED_MAX) PARSED.clear();
  PARSED.set(text, read);
  return read;
}

class Reader {
  readonly upstreams = new Map<string, Upstream>();
  readonly mappings = new Map<string, Mapping>();
  readonly #canResolve: (name: string) => boolean;

  constructor(canResolve: (name: string) => boolean) {
    this.#canResolve = canResolve;
  }

  readUpstream({ words: [, name = ''], body }: Directive, limit: Partial<Upstream>): void {
    refuseUnknown(body, ['server']);
    if (this.upstreams.has(name)) throw new NginxRefusal(`duplicate upstream "${name}"`);
    const servers = blocks(body, 'server').map((one) => this.#upstreamServer(one));
    if (servers.every(({ isBackup }) => isBackup)) throw new NginxRefusal(`no servers are inside upstream`);
    const servesOne = settingOf(body, 'keepalive_requests') === '1';
    const isKept = settingOf(body, 'keepalive') !== undefined && !servesOne;
    const keepaliveMs = isKept ? durationOf(settingOf(body, 'keepalive_timeout') ?? '60s') : 0;
    this.upstreams.set(name, { name, servers, keepaliveMs, tries: 0, triesMs: 0, ...limit });
  }

  #upstreamServer({ words: [, address = '', ...options] }: Directive): UpstreamServer {
    const [host = '', port = '80'] = address.split(':');
    const optionOf = (key: string) =>
      options.find((option) => option.startsWith(`${key}=`))?.slice(key.length + 1);
    const isResolved = options.includes('resolve');
    if (!isResolved) this.#needAddress(host, address);
    return {
      host,
      port: Number(port),
      weight: Number(optionOf('weight') ?? 1),
      isBackup: options.includes('backup'),
      isDown: options.includes('down'),
      isResolved,
      maxFails: Number(optionOf('max_fails') ?? 1),
      failTimeoutMs: durationOf(optionOf('fail_timeout') ?? '10s'),
    };
  }

  #needAddress(host: string, written: string): void {
    if (!isAddress(host) && !this.#canResolve(host))
      throw new NginxRefusal(`host not found in upstream "${written}"`);
  }

  readMapping({ words: [, source = '', variable = ''], body }: Directive): void {
    const cases = new Map(body.map(({ words: [key = '', value = ''] }) => [key, value] as const));
    this.mappings.set(variable, { source, cases });
  }

  readHttpServer({ body }: Directive): HttpServer {
    const all = blocks(body, 'listen').map(({ words }) => words.slice(1));
    // Nobody speaks QUIC here.
    const listens = all.filter((words) => !words.includes('quic'));
    const ports = listens.map(([address = '']) => Number(address.split(':').at(-1)));
    return {
      ports: all.length > 0 ? ports : [80],
      defaultOn: ports.filter((_port, index) => listens[index]?.includes('default_server')),
      names: blocks(body, 'server_name').flatMap(({ words }) => words.slice(1)),
      rules: this.#rules(body),
      certificate: settingOf(body, 'ssl_certificate'),
      locations: blocks(body, 'location').flatMap(({ words, body: inner }): Location[] => {
        const [, first = '', second] = words;
        const rules = this.#rules(inner);
        if (first === '^~') return [{ isExact: false, path: second ?? '', rules }];
        if (first === '=') return [{ isExact: true, path: second ?? '', rules }];
        return first.startsWith('@') ? [] : [{ isExact: false, path: first, rules }];
      }),
      named: new Map(
        blocks(body, 'location').flatMap(({ words: [, name = ''], body: inner }) =>
          name.startsWith('@') ? [[name, this.#rules(inner)] as const] : [],
        ),
      ),
    };
  }

  readStreamServer({ body }: Directive, formats: ReadonlyMap<string, string>): StreamServer {
    refuseUnknown(body, ['listen', 'proxy_pass', 'allow', 'deny']);
    const target = settingOf(body, 'proxy_pass') ?? '';
    this.#needUpstream(target);
    const [, path = 'off', format = '', condition] = blocks(body, 'access_log').at(0)?.words ?? [];
    const listen = blocks(body, 'listen').at(0)?.words ?? [];
    const number = Number(listen[1]?.split(':').at(-1));
    const isUdp = listen.includes('udp');
    const written = this.upstreams.get(target)!;
    const isOne = settingOf(body, 'proxy_next_upstream') === 'off';
    return {
      port: isUdp ? overUdp(number) : number,
      target,
      upstream: {
        ...written,
        servers: isUdp
          ? written.servers.map((one) => ({ ...one, port: overUdp(one.port) }))
          : written.servers,
        ...triesOf(body),
        ...(isOne && { tries: 1 }),
      },
      log: {
        stream: path === '/dev/stderr' ? 'stderr' : 'stdout',
        condition: condition?.replace(/^if=/, ''),
      },
      rules: this.#rules(body.filter(({ words: [name = ''] }) => name === 'allow' || name === 'deny')),
      logFormat: path === 'off' ? undefined : formats.get(format),
    };
  }

  #rules(body: readonly Directive[]): Rule[] {
    return body.flatMap((directive): Rule[] => {
      const { words, body: inner } = directive;
      const [name = '', first = '', second = ''] = words;
      switch (name) {
        case 'return':
          return [{ does: 'return', status: Number(first), text: second }];
        case 'proxy_pass':
        case 'grpc_pass':
          return [this.#pass(first)];
        case 'proxy_next_upstream_tries':
        case 'proxy_next_upstream_timeout':
        case 'grpc_next_upstream_tries':
        case 'grpc_next_upstream_timeout':
          return [{ does: 'try', limit: triesOf([directive]) }];
        case 'add_header':
          return [{ does: 'header', name: first.toLowerCase(), value: second }];
        case 'proxy_set_header':
        case 'grpc_set_header':
          return first === 'Host' ? [{ does: 'tell host', value: second }] : [];
        case 'set':
          return [{ does: 'set', variable: first, value: second }];
        case 'rewrite':
          return [{ does: 'rewrite', pattern: first, path: second, isLast: words[3] === 'break' }];
        case 'allow':
        case 'deny':
          return [{ does: name, from: first }];
        case 'error_page':
          return [recoveryOf(words)];
        case 'auth_basic':
          return [{ does: 'ask', realm: first }];
        case 'auth_request':
          return first === 'off' ? [] : [{ does: 'ask first', path: first }];
        case 'alias':
          return this.#store(first, body);
        case 'root':
          return [{ does: 'show', folder: first, isPutTogether: settingOf(body, 'ssi') === 'on' }];
        case 'dav_methods':
          return [];
        case 'expires':
          if (!EXPIRES.test(words.slice(1).join(' ')))
            throw new NginxRefusal('"expires" directive invalid value');
          return [];
        case 'if':
          return [{ does: 'if', condition: conditionOf(words), rules: this.#rules(inner) }];
        case 'listen':
        case 'server_name':
        case 'location':
          return [];
        default:
          if (!WITHOUT_EFFECT.test(name)) throw unknownDirective(directive);
          return [];
      }
    });
  }

  #store(folder: string, body: readonly Directive[]): Rule[] {
    const methods = blocks(body, 'dav_methods').flatMap(({ words }) => words.slice(1));
    return [{ does: 'store', folder, methods }];
  }

  #pass(url: string): Rule {
    const [, target = '', path = ''] = /^(?:https?|grpc):\/\/([^/]+)(\/.*)?$/.exec(url) ?? [];
    if (!target.includes('$')) this.#needUpstream(target);
    return { does: 'pass', target, path };
  }

  /** What is no upstream is a host, at the port of its scheme. */
  #needUpstream(target: string): void {
    if (this.upstreams.has(target)) return;
    const [host = '', port = '80'] = target.split(':');
    this.#needAddress(host, target);
    const server = { host, port: Number(port), weight: 1, isBackup: false, isDown: false, isResolved: false };
    const servers = [{ ...server, maxFails: 1, failTimeoutMs: 10_000 }];
    this.upstreams.set(target, { name: target, servers, keepaliveMs: 0, tries: 0, triesMs: 0 });
  }
}

/** How often, and for how long, something is tried that `body` passes on. */
function triesOf(body: readonly Directive[]): Partial<Pick<Upstream, 'tries' | 'triesMs'>> {
  const said = (what: string) =>
    settingOf(body, `proxy_next_upstream_${what}`) ?? settingOf(body, `grpc_next_upstream_${what}`);
  const [tries, time] = [said('tries'), said('timeout')];
  return {
    ...(tries !== undefined && { tries: Number(tries) }),
    ...(time !== undefined && { triesMs: durationOf(time) }),
  };
}

/** `error_page 520 =503 /page` */
function recoveryOf([, status, ...rest]: readonly string[]): Rule {
  const location = rest.at(-1) ?? '';
  const as = rest.length > 1 ? rest[0]!.slice(1) : '';
  return { does: 'recover', status: Number(status), location, ...(as !== '' && { as: Number(as) }) };
}

/** `if ($a !~ "b")` comes as words with the brackets on them. */
function conditionOf(words: readonly string[]): string[] {
  const text = words.slice(1);
  return text.map((word, index) => {
    const begun = index === 0 ? word.replace(/^\(/, '') : word;
    return index === text.length - 1 ? begun.replace(/\)$/, '') : begun;
  });
}

function refuseUnknown(body: readonly Directive[], known: readonly string[]): void {
  const unknown = body.find(({ words: [name = ''] }) => !known.includes(name) && !WITHOUT_EFFECT.test(name));
  if (unknown !== undefined) throw unknownDirective(unknown);
}

/** Also for what real nginx knows and the model does not: then it has to learn it. */
function unknownDirective({ words: [name = ''] }: Directive): NginxRefusal {
  return new NginxRefusal(`unknown directive "${name}"`);
}

function blocks(body: readonly Directive[], name: string): Directive[] {
  return body.filter(({ words }) => words[0] === name);
}

function settingOf(body: readonly Directive[], name: string): string | undefined {
  return blocks(body, name).at(0)?.words[1];
}

function inside(directives: readonly Directive[], name: string): Directive[] {
  return blocks(directives, name).flatMap(({ body }) => body);
}

function durationOf(text: string): number {
  const [, amount = '0', unit = 's'] = DURATION.exec(text) ?? [];
  return Number(amount) * UNITS[unit]!;
}

/** isAddress tells an IPv4 address from a name. */
export function isAddress(host: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(host);
}

function isOlder(version: string, than: readonly number[]): boolean {
  const parts = version.split('.').map(Number);
  const index = than.findIndex((part, at) => (parts[at] ?? 0) !== part);
  return index >= 0 && (parts[index] ?? 0) < than[index]!;
}
