import type { NginxSpec } from '../model/spec.ts';
import { headersOfCalls, renderHeaders } from './app-headers.ts';
import { CONTROL_ACCESS_FILE, CONTROL_PORT } from './control.ts';
import { indented, renderOptionsOfMain } from './edge-options.ts';
import { renderForwarded } from './forwarded.ts';
import { renderGrpcMain } from './grpc.ts';
import { HEALTH } from './health.ts';
import { listenHttp } from './listening.ts';
import { MAINTENANCE_MAPS } from './maintenance.ts';
import { COUNTING, renderFigures } from './metrics.ts';
import { TOUCHED } from './published.ts';
import { type NginxKind, UNPOOLED } from './routes.ts';
import { renderInstall, renderTlsMain } from './tls.ts';
import { CONFIG_FOLDER, FLAG_ACCESS_FILE, FLAG_FOLDER, type Folder } from './tree.ts';
import { CONNECT_SECONDS, renderTries } from './tries.ts';
import { renderListPlaces } from './user-lists.ts';

/** What request line, a field and the headers of an answer may have; nginx takes 8 and 4 KB by itself. */
const HEADER_KB = 32;

/** What stands around them has to find room too. */
const BUFFER_KB = 40;

/** A body of a megabyte and more, or of a length that nobody has told. */
const BODIES = `    map "$http_transfer_encoding:$content_length" $is_large { default ''; "~*chunked" 1; "~:\\d{7,}$" 1; }
    map "$http_transfer_encoding:$content_length" $has_body { default ''; "~*chunked" 1; "~:0*[1-9]" 1; }
`;

/** The methods that may be sent twice (RFC 9110 §9.2.2, and IANA's registry), as far as apps use them. */
const IDEMPOTENT_METHODS = [
  'GET HEAD OPTIONS PUT DELETE QUERY',
  'PROPFIND PROPPATCH MKCOL COPY MOVE UNLOCK REPORT SEARCH ACL MKCALENDAR',
].flatMap((line) => line.split(' '));

/** Those that nginx knows and does not send twice. */
const OTHER_METHODS = ['POST', 'PATCH', 'LOCK'];

/**
 * What may be sent twice rides on idle connections to the app, and is sent again when the app closed one that very
 * moment. All else has a connection of its own, since nobody could tell whether the app has run it.
 */
const METHODS = `    map $request_method $unpooled { default ${UNPOOLED}; "~^(?:${IDEMPOTENT_METHODS.join('|')})$" ''; }
    map $request_method $is_unknown_method { default 1; "~^(?:${[...IDEMPOTENT_METHODS, ...OTHER_METHODS].join('|')})$" ''; }
`;

/** What the main file needs to know. */
export interface MainConfig {
  kind: NginxKind;
  /** The folder that the file stands in. */
  folder: Folder;
  settings: Pick<NginxSpec, 'keepaliveMinTimeoutMs' | 'accessLog' | 'proxyProtocol'>;
  /** The generation that a tcp proof logs; a sidecar has one environment only. */
  generation: string;
  /** Changes with everything that is served. */
  identity: string;
  /** Paths below the folder, in the order they are included. */
  httpFiles: readonly string[];
  streamFiles: readonly string[];
  controlFiles: readonly string[];
  /** The domains that it serves over HTTPS. */
  tlsDomains: readonly string[];
  /** Those of them that it serves over HTTP/3. */
  http3Domains: readonly string[];
}

/** renderMain renders the main file of a folder. Every include is named: a file put there by hand is not read. */
export function renderMain(config: MainConfig): string {
  const isLogged = config.kind === 'edge' && config.settings.accessLog !== false;
  const include = (indent: string) => (path: string) =>
    `${indent}include ${CONFIG_FOLDER}/${config.folder}/${path};\n`;
  const edge =
    config.kind === 'edge'
      ? `${renderForwarded(config.settings)}${renderOptionsOfMain(`${CONFIG_FOLDER}/${config.folder}`, CONFIG_FOLDER)}${MAINTENANCE_MAPS}    # A host that no route serves.
    server {
${indented(listenHttp(' default_server', config.settings), '        ')}        # A connection may begin with HTTP/2 without TLS, and its names are served by it that say so.
        http2 on;
${HEALTH.replaceAll(/^/gm, '    ').trimEnd()}
        location / { return 404; }
    }
${renderTlsMain(config.tlsDomains, config.http3Domains, config.settings)}`
      : '';
  const proof =
    config.kind === 'sidecar'
      ? `    map $server_port $generation { default ${config.generation}; }
    log_format proof 'switchyard-proof $generation $server_port $upstream_addr $status';
`
      : TOUCHED;
  const stream =
    config.kind === 'sidecar' || config.streamFiles.length > 0
      ? `stream {
    resolver 127.0.0.11 valid=1s ipv6=off;
${proof}    access_log off;
    proxy_connect_timeout ${CONNECT_SECONDS}s;
${indented(renderTries('proxy'), '    ')}    proxy_socket_keepalive on;
${config.streamFiles.map(include('    ')).join('')}}
`
      : '';
  return `# Written by Switchyard; what is changed by hand is put back by the next run.
# Debian's nginx loads the stream module from here; the official image has it built in.
include /etc/nginx/modules-enabled/*.conf;
# Not auto: each reload under long streams leaves this many old workers behind, 2 MB each.
worker_processes 2;
worker_rlimit_nofile 65535;
# worker_shutdown_timeout is not set, on purpose: it cuts the long streams of every service at each reload.
pid /run/nginx.pid;
error_log /dev/stderr warn;
events { worker_connections 8192; }
http {
    # Before the first map. Names and origins may be as long as DNS lets them be.
    map_hash_bucket_size 512;
    ${[isLogged ? ACCESS_LOG : '', config.kind === 'edge' ? COUNTING.trimEnd() : ''].filter(Boolean).join('\n    ') || 'access_log off;'}
    server_tokens off;
    server_names_hash_bucket_size 512;
    # Names that do not resolve yet must not stop a reload; a restarted container is found within a second.
    resolver 127.0.0.11 valid=1s ipv6=off;
    keepalive_timeout 75s;
    # By itself nginx ends a connection after 1,000 requests, and with HTTP/2 refuses those that are on their way then.
    keepalive_requests 1000000;
    keepalive_time 1d;
    # A reload closes idle connections; this long they may bring one more request first (nginx 1.27.4).
    keepalive_min_timeout ${seconds(config.settings.keepaliveMinTimeoutMs)};
    client_max_body_size 0;
    # Room for a request line, a field such as a cookie, and the headers of an answer of ${HEADER_KB} KB each. More is refused.
    large_client_header_buffers 4 ${BUFFER_KB}k;
    proxy_buffer_size ${BUFFER_KB}k;
    proxy_buffers 4 ${BUFFER_KB}k;
    # "api_key" is a name like others to those who have it. What could be taken for one of ours is left out below.
    underscores_in_headers on;
    proxy_headers_hash_max_size 2048;
    proxy_headers_hash_bucket_size 128;
    proxy_http_version 1.1;
    # Two: a SYN lost to a full backlog is sent again after 1 s (RFC 6298 §2).
    proxy_connect_timeout ${CONNECT_SECONDS}s;
    # Never non_idempotent: it runs POSTs twice.
    proxy_next_upstream error timeout;
${indented(renderTries('proxy'), '    ')}    proxy_socket_keepalive on;
${renderHeaders(config.kind)}    # Server-sent events must leave at once, and nothing tells them from other answers beforehand.
    proxy_buffering off;
${renderGrpcMain(headersOfCalls(config.kind), BUFFER_KB)}${METHODS}${BODIES}    # HTTP/2 without TLS is offered to whoever is asked, and is nothing that the app could be told from here.
    map $http_upgrade $upgrade { default $http_upgrade; ~*h2c ''; }
    # The app is never asked to end a connection: one that ends it while a body still comes takes its answer back by a reset.
    map $upgrade $connection_header { default upgrade; '' ''; }
    server {
        listen ${CONTROL_PORT};
        access_log off;
        include ${CONFIG_FOLDER}/${CONTROL_ACCESS_FILE};
        location = /version { return 200 $nginx_version; }
        location = /identity { return 200 "${config.identity}"; }
${config.kind === 'edge' ? renderFigures(`include ${CONFIG_FOLDER}/${CONTROL_ACCESS_FILE};`) : ''}${FLAGS}${renderInstall(config.tlsDomains, CONFIG_FOLDER, `${CONFIG_FOLDER}/${FLAG_ACCESS_FILE}`)}${config.kind === 'edge' ? renderListPlaces(CONFIG_FOLDER, `${CONFIG_FOLDER}/${FLAG_ACCESS_FILE}`) : ''}${config.controlFiles.map(include('        ')).join('')}    }
${edge}${config.httpFiles.map(include('    ')).join('')}}
${stream}`;
}

/**
 * Flags are put and taken away over HTTP, by the workers: a file that comes by a rename is there whole or not at all, and
 * it takes half a millisecond. nginx makes the folder and gives it to its workers, since bodies are kept there.
 */
const FLAGS = `        location /${FLAG_FOLDER}/ {
            include ${CONFIG_FOLDER}/${FLAG_ACCESS_FILE};
            alias ${CONFIG_FOLDER}/${FLAG_FOLDER}/;
            client_body_temp_path ${CONFIG_FOLDER}/${FLAG_FOLDER};
            dav_methods PUT DELETE;
        }
`;

/** What is told of each request: what tells one from another, and nothing of who sent it or what it carried. */
const LOGGED: readonly (readonly [name: string, value: string])[] = [
  ['time', '"$time_iso8601"'],
  ['host', '"$host"'],
  ['method', '"$request_method"'],
  ['path', '"$request_path"'],
  ['status', '$status'],
  ['bytes_received', '$request_length'],
  ['bytes_sent', '$bytes_sent'],
  ['seconds', '$request_time'],
  ['upstream', '"$upstream_addr"'],
  ['upstream_status', '"$upstream_status"'],
  ['upstream_seconds', '"$upstream_response_time"'],
  ['request_id', '"$id_of_request"'],
];

const ACCESS_LOG = `map $request_uri $request_path { default ''; "~^([^?]*)" $1; }
    log_format access escape=json '{${LOGGED.map(([name, value]) => `"${name}":${value}`).join(',')}}';
    # As much as a pipe takes in one piece, so that the lines of two workers never mix.
    access_log /dev/stdout access buffer=4k flush=1s;`;

/**
 * renderPointer renders the file nginx is started with: one line that names the live folder, and one that says when nginx
 * was told to read it, by the clock of its server, where it was.
 */
export function renderPointer(folder: Folder, toldAt?: number): string {
  const told = toldAt === undefined ? '' : `# told to read at ${new Date(toldAt).toISOString()}\n`;
  return `${told}include ${CONFIG_FOLDER}/${folder}/main.conf;\n`;
}

/** seconds returns a time as nginx reads it; it knows none below a millisecond. */
export function seconds(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${Math.ceil(ms)}ms`;
}
