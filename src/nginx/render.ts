import { hostOfAddress } from '../model/addresses.ts';
import { containerName, type Scope, scopeName } from '../model/names.ts';
import type { NginxSpec, TlsSpec } from '../model/spec.ts';
import {
  doorFiles,
  indented,
  PROBE_HEADER,
  renderDoorOfEntry,
  renderDoorOfHttp,
  renderDoorOfLocation,
  renderDoorOfMain,
  renderDoorOfNamed,
  renderDoorOfServer,
  renderHeadersWithin,
  renderLimits,
  renderPages,
} from './door.ts';
import { FORWARDED, NOBODY, renderForwarded } from './forwarded.ts';
import {
  type Claim,
  type HostServer,
  hostFile,
  type Passing,
  type Piece,
  passingOf,
  renderHost,
  sharedHosts,
  WHOLE,
} from './hosts.ts';
import { type Fronted, listenHttp } from './listening.ts';
import {
  MAINTENANCE_MAPS,
  pageFiles,
  renderMaintenance,
  renderMaintenanceAnswers,
  renderPassers,
} from './maintenance.ts';
import { backendsFile, COUNTING, renderBackends, renderCounted, renderFigures } from './metrics.ts';
import { renderEnd, renderListen, renderPublished, TOUCHED } from './published.ts';
import { askFirst, renderQueue, renderQueueServers } from './queue.ts';
import {
  type Backend,
  backendsOf,
  isServedOn,
  type NginxKind,
  portKey,
  type Route,
  type RoutePort,
  type RouteServer,
  servedPorts,
  UNPOOLED,
  upstreamName,
} from './routes.ts';
import { directFlag, flagsOf, type OwnSlots, type RouteFlag, type Sides, sidesOf } from './sides.ts';
import { type Inherited, NOTHING, OwnLines, snippetFile } from './snippets.ts';
import {
  groupsOf,
  renderChallenge,
  renderHsts,
  renderInstall,
  renderTls,
  renderTlsMain,
  renderTlsMaps,
  type TlsContext,
  type TlsGroup,
} from './tls.ts';
import { FLAG_ACCESS_FILE, FLAG_FOLDER, type Folder } from './tree.ts';
import { renderListPlaces } from './user-lists.ts';

/** Where the control endpoints answer, to the server itself only. */
export const CONTROL_PORT = 8099;
/** A tcp service is proven through a listener of its own, this far above its internal port. */
export const PROVE_PORT_OFFSET = 10_000;
/** Where the volume is mounted in the container. */
export const CONFIG_FOLDER = '/etc/switchyard';
/** Who may reach the control ports; written once, beside the two folders of configurations. */
export const CONTROL_ACCESS_FILE = 'control_access.conf';

/** The rendered routes of one environment in one nginx: files by path below one of the volume's folders. */
export type ScopeFiles = Map<string, string>;

/**
 * renderScope renders the files of one environment as `on` needs them: one file a port, one a worker, and one for each
 * domain of which nobody has all.
 */
export function renderScope(
  kind: NginxKind,
  scope: Scope,
  routes: readonly Route[],
  on: RouteServer,
  servers: readonly RouteServer[],
  tls?: TlsSpec,
  fronted: Fronted = {},
): ScopeFiles {
  const files: ScopeFiles = new Map();
  const served = routes.filter((one) => isServedOn(one, on, servers));
  const shared = kind === 'edge' ? sharedOf(scope, served, on, servers) : [];
  const isShared = (domain: string) => shared.some(({ host }) => host === hostOfAddress(domain));
  for (const { host, claims } of shared)
    files.set(
      hostFile(scope, host),
      renderHost(
        { host, claims },
        withOwnLines(serverOf(host, { scope, tls, fronted }), onlyLines(claims, scope, served)),
      ),
    );
  for (const route of served) {
    const sides = sidesOf(scope, route, on, servers);
    if (kind === 'sidecar' && route.ports.length === 0) {
      files.set(workerFile(scope, route.service), renderWorker(scope, route, sides));
    }
    for (const port of servedPorts(kind, route)) {
      const backendsWith = (one: Route) => backendsOf(scope, one, port, on, servers);
      const text =
        port.protocol !== 'http'
          ? renderStream(kind, scope, route, port, sides, backendsWith)
          : renderHttp(
              { kind, scope, tls, fronted },
              route,
              { ...port, domains: port.domains.filter((domain) => !isShared(domain)) },
              waysOf(scope, route, port, flagOf(sides)),
              sides,
              backendsWith,
            );
      files.set(portFile(scope, route.service, port), text);
      if (kind === 'edge') {
        const key = upstreamName(scope, route.service, port);
        for (const [path, content] of doorFiles(key, route.door ?? {})) files.set(path, content);
      }
    }
    if (kind === 'edge') for (const [path, page] of pageFiles(scope, route)) files.set(path, page);
    const ownLines = kind === 'edge' ? linesOf(scope, route).http : [];
    if (ownLines.length > 0) files.set(snippetFile(scope, route.service), indented(ownLines, ''));
  }
  if (kind === 'edge' && files.size > 0) {
    const flags = flagsOf(kind, scope, routes, on, servers);
    files.set(backendsFile(scope), renderBackends(scope, routes, flags, on, servers));
  }
  return files;
}

/** The lines of nginx that a route has of its own. */
function linesOf(scope: Scope, { service, door }: Pick<Route, 'service' | 'door'>): OwnLines {
  return new OwnLines(scope, service, door?.nginx);
}

/** What a server has beside the locations of the only route that has a part in it. */
function withOwnLines(server: HostServer, own: OwnLines | undefined): HostServer {
  if (own === undefined) return server;
  return {
    ...server,
    lines: [...server.lines, ...(own.sendsHeaders ? HEADERS_OF_EDGE : []), ...own.server],
    headers: [...server.headers, ...own.serverHeaders],
    locations: `${server.locations}${indented(own.locations([...server.headers, ...own.serverHeaders]), '    ')}`,
  };
}

/** What the server of a domain has that several share, beside their locations. */
function serverOf(host: string, { scope, tls, fronted }: Omit<Home, 'kind'>): HostServer {
  const [group] = groupsOf([host], tls);
  if (group === undefined || tls === undefined) {
    return {
      name: serverName(host),
      listens: listenHttp(fronted),
      before: '',
      lines: [],
      headers: [],
      locations: HEALTH,
    };
  }
  const context: TlsContext = { scope, tls, folder: CONFIG_FOLDER, fronted };
  return {
    name: serverName(host),
    listens: listenHttp(fronted),
    before: renderTlsMaps(group, context),
    lines: renderTls(group, context),
    headers: renderHsts(group, context),
    locations: `${HEALTH}${renderChallenge(group, context)}`,
  };
}

/** The lines of the route that has a domain to itself. */
function onlyLines(
  claims: readonly Claim<Piece>[],
  scope: Scope,
  routes: readonly Route[],
): OwnLines | undefined {
  const owners = new Set(claims.flatMap((claim) => ('piece' in claim ? [claim.piece.service] : [])));
  const [owner] = owners;
  const route = owners.size === 1 ? routes.find(({ service }) => service === owner) : undefined;
  return route && linesOf(scope, route);
}

/** The domains of which nobody has all, with what each port puts into their servers. */
function sharedOf(scope: Scope, routes: readonly Route[], on: RouteServer, servers: readonly RouteServer[]) {
  const ports = routes.flatMap((route) => {
    const flag = flagOf(sidesOf(scope, route, on, servers));
    return servedPorts('edge', route).map((port) => ({
      domains: port.domains,
      piece: pieceOf(scope, route, port, waysOf(scope, route, port, flag)),
    }));
  });
  return sharedHosts(
    ports,
    routes.flatMap(({ redirects = [] }) => redirects),
  );
}

/** portFile returns where a port of a route is written, below a folder. */
export function portFile(scope: Scope, service: string, port: RoutePort): string {
  return `${port.protocol === 'http' ? 'http' : 'stream'}/${scopeName(scope)}/${portKey(service, port)}.conf`;
}

/** routeFiles returns where a route is written that is served whole, below a folder. */
export function routeFiles(scope: Scope, { service, ports }: Route): string[] {
  if (ports.length === 0) return [workerFile(scope, service)];
  return ports.map((port) => portFile(scope, service, port));
}

function workerFile(scope: Scope, service: string): string {
  return `worker/${scopeName(scope)}/${service}.conf`;
}

/** Nothing includes it: with it a worker's switch is a new generation, like any other's, where no flag can tell. */
function renderWorker(scope: Scope, route: Route, sides: Sides | undefined): string {
  const lines = ({ service, copies }: Route) =>
    copies
      .filter(({ weight }) => weight > 0)
      .map(({ server, slot }) => `# ${containerName(scope, service, slot)} on ${server}\n`)
      .join('');
  const begin = `# Nobody connects to ${route.service}. These are active:\n`;
  if (sides === undefined) return `${begin}${lines(route)}`;
  return `${begin}${lines(sides.plain)}# and these where there is the flag ${sides.flag}:\n${lines(sides.flagged)}`;
}

/** A way on which the traffic of a port may go, and its upstream. */
interface Way {
  upstream: string;
  /** The copy on the server itself, `name:port`; undefined where there is none. */
  own?: string;
  /** The flag that has to be there for it; undefined for the one that needs none. */
  flag?: string;
}

/** waysOf returns the ways of an http port: with two of them, the second upstream has the name of its side. */
export function waysOf(
  scope: Scope,
  { service }: Pick<Route, 'service'>,
  port: RoutePort,
  flag: Pick<RouteFlag, 'name' | 'own'> | undefined,
): [Way, ...Way[]] {
  const upstream = upstreamName(scope, service, port);
  if (flag === undefined) return [{ upstream }];
  const { name, own } = flag;
  const ownOf = (way: keyof OwnSlots) =>
    own && { own: `${containerName(scope, service, own[way])}:${port.containerPort}` };
  return [
    { upstream, ...ownOf('plain') },
    { upstream: upstreamName(scope, service, port, 'secondary'), flag: name, ...ownOf('flagged') },
  ];
}

/** renderChoice renders the choice between ways: `$group` is the upstream then, and `$own` the copy on the server itself. */
function renderChoice(ways: readonly Way[], indent: string): string {
  return ways
    .map(({ upstream, own, flag }) => {
      const set = `set $group ${upstream};${own === undefined ? '' : ` set $own ${own};`}`;
      return flag === undefined ? `${indent}${set}\n` : `${indent}if (${isThere(flag)}) { ${set} }\n`;
    })
    .join('');
}

function isThere(flag: string): string {
  return `-f ${CONFIG_FOLDER}/${FLAG_FOLDER}/${flag}`;
}

/** Where requests go: `$side` with `$pooled` or `$single` behind it. */
function renderSide(ways: readonly Way[]): string {
  const last = ways.at(-1)!;
  const direct =
    last.own === undefined || last.flag === undefined
      ? ''
      : `    if (${isThere(directFlag(last.flag))}) { set $side $own; set $pooled ""; set $single ""; }\n`;
  return `${renderChoice(ways, '    ')}    set $side $group;
    set $pooled $unpooled;
    set $single ${UNPOOLED};
${direct}`;
}

function flagOf(sides: Sides | undefined): Pick<RouteFlag, 'name' | 'own'> | undefined {
  return sides && { name: sides.flag, own: sides.own };
}

/**
 * nginx looks at no flag for a connection, and reads anew which way one goes. Both ways are there all the same: what a name
 * means nginx takes over from an upstream that had it in the same place, and where the sides had changed places in one, it
 * would know of no server for a millisecond.
 */
function renderStream(
  kind: NginxKind,
  scope: Scope,
  route: Route,
  port: RoutePort,
  sides: Sides | undefined,
  backendsWith: (route: Route) => readonly Backend[],
): string {
  if (kind === 'edge') return renderPublished(scope, route, port);
  const ways = waysOf(scope, route, port, flagOf(sides));
  const routes = routesOfWays(route, sides);
  const upstreams = ways.map(({ upstream }, index) =>
    renderUpstream(upstream, backendsWith(routes[index]!), upstream, '', port.protocol === 'udp'),
  );
  const chosen = sides?.isFlagged ? ways.at(-1)! : ways[0];
  return upstreams.join('') + renderStreamServer(chosen.upstream, route, port);
}

/** The route as each of its ways has it. */
function routesOfWays(route: Route, sides: Sides | undefined): Route[] {
  return sides === undefined ? [route] : [sides.plain, sides.flagged];
}

/** Which nginx serves a route, for whom, and how it does over HTTPS. */
interface Home {
  kind: NginxKind;
  scope: Scope;
  tls: TlsSpec | undefined;
  fronted: Fronted;
}

function renderHttp(
  home: Home,
  route: Route,
  port: RoutePort,
  ways: readonly [Way, ...Way[]],
  sides: Sides | undefined,
  backendsWith: (route: Route) => readonly Backend[],
): string {
  const [{ upstream: zone }] = ways;
  const routes = routesOfWays(route, sides);
  const upstreams = ways.flatMap(({ upstream }, index) => [
    renderUpstream(upstream, backendsWith(routes[index]!), zone, POOL),
    renderUpstream(`${upstream}${UNPOOLED}`, backendsWith(routes[index]!), zone, NO_POOL),
  ]);
  const { kind, scope, tls } = home;
  const beside =
    kind === 'edge' ? renderDoorOfHttp(zone, route.door ?? {}) + renderPassers(scope, port, route) : '';
  const queue = renderQueueServers({ scope, route, port }, isThere);
  const groups = kind === 'edge' ? groupsOf(port.domains, tls) : [{ domains: [], tls: undefined }];
  const servers = groups.map((group) => renderHttpServer(home, group, ways, route, port));
  return upstreams.join('') + beside + queue + servers.join('');
}

/** Apps end idle connections whenever they like: what meets such an end here is sent again, see `map $unpooled`. */
const POOL = `    keepalive 32;
    # A side that gets nothing new is let go of when this is over.
    keepalive_timeout 1s;
`;
/** Not "keepalive 0": nginx before 1.29.7 refuses it, and later ones keep connections where nothing is said. */
const NO_POOL = `    # One request a connection.
    keepalive 1;
    keepalive_requests 1;
`;

/** The upstreams of a port share a zone: its size is said where it is named first. */
function renderUpstream(
  name: string,
  backends: readonly Backend[],
  zone: string,
  pool = '',
  isUdp = false,
): string {
  const weights = new Set(backends.map(({ weight }) => weight).filter((weight) => weight > 0));
  const shareOf = ({ weight }: Backend): string => {
    // nginx refuses an upstream of backups alone: where nobody has a share, all serve.
    if (weight === 0) return weights.size > 0 ? ' backup' : '';
    return weights.size > 1 ? ` weight=${weight}` : '';
  };
  // Beside least_conn weights are no split: of 100:1 the second got half of the requests that came two at a time.
  const method = weights.size > 1 ? '' : '    least_conn;\n';
  // The name is for people, and lets a server that gets another one be noticed.
  const servers = backends.map(
    (backend) => `    server ${renderAddress(backend, isUdp)}${shareOf(backend)}; # ${backend.server}\n`,
  );
  return `upstream ${name} {
    zone ${zone}${name === zone ? ' 256k' : ''};
${method}${servers.join('')}${pool}}
`;
}

function renderAddress({ address, port, isLocal }: Backend, isUdp: boolean): string {
  // The own server's copies are never taken out for a failure: one blip would move all traffic to the old one. Nor are
  // those of UDP: nobody answers for a datagram, and what proves it is refused where nothing listens by tcp.
  const health = isLocal || isUdp ? 'resolve max_fails=0' : 'max_fails=3 fail_timeout=30s';
  return `${address}:${port} ${health}`;
}

function renderHttpServer(
  { kind, scope, tls, fronted }: Home,
  group: TlsGroup,
  ways: readonly [Way, ...Way[]],
  route: Route,
  port: RoutePort,
): string {
  const door = kind === 'edge' ? (route.door ?? {}) : undefined;
  const context: TlsContext | undefined = tls && { scope, tls, folder: CONFIG_FOLDER, fronted };
  const lines = [
    ...(kind === 'edge' ? listenHttp(fronted) : [`listen ${port.internalPort};`]),
    `server_name ${kind === 'edge' ? group.domains.map(serverName).join(' ') : '_'};`,
    '# One idle timeout, whoever is silent: the app, the client, or the one that does not read.',
    ...limitsOf(route),
    ...(kind === 'edge' ? [renderCounted(scope, route)] : []),
    ...(context ? renderTls(group, context) : []),
  ];
  const asking = askFirst(route, WHOLE.suffix);
  const own = linesOf(scope, door === undefined ? { service: route.service } : route);
  const headers = [
    ...renderHeadersWithin(
      door ?? {},
      lines.filter((line) => line.startsWith('add_header ')),
    ),
    ...own.serverHeaders,
  ];
  const inherited: Inherited = {
    headers,
    sent: HEADERS_OF_EDGE,
    limits: renderLimits(ways[0].upstream, door ?? {}),
  };
  const locations = [
    ...(door === undefined
      ? []
      : [
          renderDoorOfServer(ways[0].upstream, door),
          renderClosed(scope, route, headers),
          indented([...(own.sendsHeaders ? HEADERS_OF_EDGE : []), ...own.server], '    '),
          indented(own.locations(headers), '    '),
        ]),
    ...(kind === 'edge' ? [HEALTH] : []),
    renderQueue({ scope, route, port }, WHOLE.suffix, renderSide(ways), isThere),
    ...(context ? [renderChallenge(group, context)] : []),
  ];
  return `${context ? renderTlsMaps(group, context) : ''}server {
${indented(lines, '    ')}${renderSide(ways)}${locations.join('')}    location / {
${indented([...(door === undefined ? [] : renderDoorOfLocation(door)), ...asking, ...renderPassing(route, WHOLE), ...own.location(inherited)], '        ')}    }
${renderNamed(ways, WHOLE, asking, (isAgain) => own.location(inherited, { isAgain }))}}
`;
}

/** How a server is closed that a port has to itself; `headers` are those of its answers. */
function renderClosed(scope: Scope, route: Route, headers: readonly string[]): string {
  return (
    indented(renderMaintenance(scope, route, WHOLE.suffix, isThere), '    ') +
    renderMaintenanceAnswers(scope, route, WHOLE.suffix, headers)
  );
}

/** pieceOf returns what a port puts into the server of a domain that it shares: it says there for each location what holds. */
function pieceOf(scope: Scope, route: Route, port: RoutePort, ways: readonly [Way, ...Way[]]): Piece {
  const passing = passingOf(route.service, port);
  const [{ upstream: key }] = ways;
  const { door = {} } = route;
  const side = renderSide(ways)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const { suffix } = passing;
  const queue = renderQueue({ scope, route, port }, suffix, renderSide(ways), isThere);
  const own = linesOf(scope, route);
  const inheritedOf = (headers: readonly string[]): Inherited => ({
    ...NOTHING,
    // They stand in the location already where the door has some.
    headers: renderHeadersWithin(door, headers).length > headers.length ? [] : headers,
    sent: HEADERS_OF_EDGE,
  });
  return {
    service: route.service,
    port,
    entry: (headers) => [
      renderCounted(scope, route),
      ...renderMaintenance(scope, route, suffix, isThere),
      ...limitsOf(route),
      ...askFirst(route, suffix),
      ...side,
      ...renderDoorOfEntry(key, door, headers),
      ...renderPassing(route, passing),
      ...own.location(inheritedOf(headers)),
    ],
    named: (headers) =>
      renderNamed(
        ways,
        passing,
        [...limitsOf(route), ...askFirst(route, suffix), ...renderDoorOfNamed(key, door, headers)],
        (isAgain) => own.location(inheritedOf(headers), { isAgain }),
      ) +
      queue +
      renderPages(key, door, headers) +
      renderMaintenanceAnswers(scope, route, suffix, renderHeadersWithin(door, headers)),
  };
}

/** What holds for the requests of a route. */
function limitsOf({ idleTimeoutMs, maxBodyBytes }: Route): string[] {
  const idle = seconds(idleTimeoutMs);
  return [
    `proxy_read_timeout ${idle};`,
    `proxy_send_timeout ${idle};`,
    `client_body_timeout ${idle};`,
    `send_timeout ${idle};`,
    ...(maxBodyBytes ? [`client_max_body_size ${maxBodyBytes};`] : []),
  ];
}

/** The lines of a location that takes requests from clients. */
function renderPassing({ requestBuffering }: Route, { suffix, path }: Passing): string[] {
  const streamed = STREAMED[requestBuffering ?? 'auto'];
  return [
    `error_page 502 = @again${suffix};`,
    `error_page 418 = @streamed${suffix};`,
    `error_page 419 = @once${suffix};`,
    'if ($is_unknown_method) { return 419; }',
    ...(streamed === undefined ? [] : [`if (${streamed}) { return 418; }`]),
    `proxy_pass http://$side$pooled${path};`,
  ];
}

/** The locations to which requests go on; they have nothing of the location that they come from, but what is set. */
function renderNamed(
  ways: readonly Way[],
  { suffix, path }: Passing,
  limits: readonly string[] = [],
  ownLines: (isAgain: boolean) => readonly string[] = () => [],
): string {
  const groups = ways.map(({ upstream }) => upstream).join('|');
  const again = indented([...limits, ...ownLines(true)], '        ');
  const own = indented([...limits, ...ownLines(false)], '        ');
  return `    # When a container came or went while a request waited for a dead server, nginx finds it no other one, and names
    # the group instead of a server. Whatever it tried before could be repeated, as what had no connection.
    location @again${suffix} {
${again}        set $tried "$upstream_addr $upstream_connect_time";
        if ($tried !~ "(?:${groups})(?:${UNPOOLED})? |^[^,]* -?$") { return 502; }
        proxy_pass http://\${group}${UNPOOLED}${path};
    }
    # What was passed on while it came is nowhere to be sent again from.
    location @streamed${suffix} {
${own}        proxy_request_buffering off;
        proxy_pass http://$side$single${path};
    }
    # nginx takes all methods for repeatable that it does not know.
    location @once${suffix} {
${own}        proxy_next_upstream off;
        proxy_pass http://$side$single${path};
    }
`;
}

/** The catch-all comes after all names that somebody has, and takes requests without a host too. */
function serverName(domain: string): string {
  return domain === '*' ? '~^ ""' : domain;
}

/** Which bodies are passed on while they come, by the variable that tells; see `BODIES`. */
const STREAMED: Readonly<Record<'auto' | 'on' | 'off', string | undefined>> = {
  auto: '$is_large',
  on: undefined,
  off: '$has_body',
};

/** Where a balancer in front of the servers asks whether one serves; it may ask by address. */
const HEALTH_PATH = '/.well-known/switchyard/health';
/** A file beside the folders of configurations; while it is there, the edge tells balancers to go elsewhere. */
const OUT_OF_SERVICE_FILE = 'out_of_service';

const HEALTH = `    location = ${HEALTH_PATH} {
        access_log off;
        default_type text/plain;
        if (-f ${CONFIG_FOLDER}/${OUT_OF_SERVICE_FILE}) { return 503 "out of service\\n"; }
        return 200 "ok\\n";
    }
`;

/** renderHeaders renders what an app is told beside what the client has sent. */
function renderHeaders(kind: NginxKind): string {
  return indented(headersFor(kind), '    ');
}

function headersFor(kind: NginxKind): string[] {
  const forwarded = kind === 'edge' ? FORWARDED : [];
  const headers = [
    ['Host', kind === 'edge' ? '$host' : '$http_host'],
    ['Upgrade', '$upgrade'],
    ['Connection', '$connection_header'],
    ...forwarded,
    ...(kind === 'edge' ? [[PROBE_HEADER, '""']] : []),
    ...[...FRAMING, ...forwarded.map(([name]) => name)].flatMap(disguisesOf).map((name) => [name, '""']),
  ];
  return headers.map(([name, value]) => `proxy_set_header ${name} ${value};`);
}

/** What says where a request ends; its disguises would say something else to an app behind CGI's rules. */
const FRAMING = ['Content-Length', 'Transfer-Encoding'];
/**
 * disguisesOf returns the names that many apps take for this one, since CGI's rules (RFC 3875 §4.1.18) make an underscore
 * of each hyphen: what a client puts there must not win over what the edge says.
 */
function disguisesOf(name: string): string[] {
  const [first = '', ...rest] = name.split('-');
  const spellings = rest.reduce(
    (begun, part) => begun.flatMap((text) => [`${text}-${part}`, `${text}_${part}`]),
    [first],
  );
  return spellings.filter((spelling) => spelling !== name);
}

/** nginx forgets all of them where there is one more. */
const HEADERS_OF_EDGE = headersFor('edge');

/** A service of UDP is proven by a connection too: who would have got it is in the log, whether it takes any or not. */
function renderStreamServer(name: string, route: Route, port: RoutePort): string {
  const { internalPort, protocol } = port;
  return `server {
${renderListen(port, internalPort)}    proxy_pass ${name};
${renderEnd(route, port)}}
server {
    listen ${internalPort + PROVE_PORT_OFFSET};
    include ${CONFIG_FOLDER}/${CONTROL_ACCESS_FILE};
    proxy_pass ${name};
    proxy_timeout 5s;
${protocol === 'udp' ? '    proxy_next_upstream off;\n' : ''}    access_log /dev/stdout proof;
}
`;
}

/** What the control endpoint of one environment says. */
export interface ScopeControl {
  scope: string;
  generation: string;
  /** The http ports that can be proven, by their keys, with the ways that traffic may go. */
  provable: { key: string; ways: readonly Way[] }[];
}

/**
 * provePaths returns where the control endpoint passes requests on through the upstreams of an http port, one path for
 * each; see portKey. `path` is what the app is asked for, by the Host that the request has.
 */
export function provePaths(scope: string, key: string, path = '/'): string[] {
  return UPSTREAMS.map((ending) => `/prove/${scope}/${key}${ending}${path}`);
}

/** directProvePath is one of `provePaths`, on which the copy on the server itself is asked by its name. */
export function directProvePath(scope: string, key: string, path = '/'): string {
  return `/prove/${scope}/${key}${DIRECT}${path}`;
}

/** What the names of the upstreams of a way end with. */
const UPSTREAMS = ['', UNPOOLED];
/** What a key ends with that means no upstream; as little a name as the other. */
const DIRECT = '_direct';

/** renderControl renders the locations by which a reload and a switch are proven. */
export function renderControl(control: ScopeControl): string {
  const proofs = control.provable.flatMap(({ key, ways }) => {
    const groups = UPSTREAMS.map((ending) => ({ path: `${key}${ending}`, to: `\${group}${ending}` }));
    const isDirect = ways.some(({ own, flag }) => own !== undefined && flag !== undefined);
    const all = isDirect ? [...groups, { path: `${key}${DIRECT}`, to: '$own' }] : groups;
    return all.map(({ path, to }) => renderProof(control, path, to, ways));
  });
  return `location = /generation/${control.scope} { return 200 "${control.generation}"; }
${proofs.join('')}`;
}

function renderProof(
  { scope, generation }: ScopeControl,
  path: string,
  to: string,
  ways: readonly Way[],
): string {
  return `location /prove/${scope}/${path}/ {
${renderChoice(ways, '    ')}    rewrite ^/prove/[^/]+/[^/]+(/.*)$ $1 break;
    proxy_pass http://${to};
    proxy_set_header Host $http_host;
    proxy_set_header Connection "";
    add_header X-Switchyard-Generation ${generation} always;
    add_header X-Switchyard-Upstream "$upstream_addr" always;
    add_header X-Switchyard-Answered "$upstream_header_time" always;
}
`;
}

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
  settings: Pick<NginxSpec, 'keepaliveMinTimeoutMs' | 'accessLog' | 'trustedProxies' | 'proxyProtocol'>;
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
}

/** renderMain renders the main file of a folder. Every include is named: a file put there by hand is not read. */
export function renderMain(config: MainConfig): string {
  const isLogged = config.kind === 'edge' && config.settings.accessLog !== false;
  const include = (indent: string) => (path: string) =>
    `${indent}include ${CONFIG_FOLDER}/${config.folder}/${path};\n`;
  const door =
    config.kind === 'edge'
      ? `${renderForwarded(config.settings.trustedProxies ?? [], config.settings)}${renderDoorOfMain(`${CONFIG_FOLDER}/${config.folder}`, CONFIG_FOLDER)}${MAINTENANCE_MAPS}    # A host that no route serves.
    server {
${indented(listenHttp(config.settings, ' default_server'), '        ')}${HEALTH.replaceAll(/^/gm, '    ').trimEnd()}
        location / { return 404; }
    }
${renderTlsMain(config.tlsDomains, config.settings)}`
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
    proxy_connect_timeout 2s;
    proxy_next_upstream_tries 2;
    proxy_next_upstream_timeout 5s;
    proxy_socket_keepalive on;
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
    proxy_connect_timeout 2s;
    # Never non_idempotent: it runs POSTs twice.
    proxy_next_upstream error timeout;
    proxy_next_upstream_tries 2;
    proxy_next_upstream_timeout 5s;
    proxy_socket_keepalive on;
${renderHeaders(config.kind)}    # Server-sent events must leave at once, and nothing tells them from other answers beforehand.
    proxy_buffering off;
${METHODS}${BODIES}    # HTTP/2 without TLS is offered to whoever is asked, and is nothing that the app could be told from here.
    map $http_upgrade $upgrade { default $http_upgrade; ~*h2c ''; }
    # The app ends what serves one request: the end that closes first keeps the port for a minute.
    map $upgrade$unpooled $connection_header { default upgrade; '' ''; ${UNPOOLED} close; }
    server {
        listen ${CONTROL_PORT};
        access_log off;
${config.kind === 'edge' ? `        # Whoever may ask here is known by the address that it has.\n        set_real_ip_from ${NOBODY};\n` : ''}        include ${CONFIG_FOLDER}/${CONTROL_ACCESS_FILE};
        location = /version { return 200 $nginx_version; }
        location = /identity { return 200 "${config.identity}"; }
${config.kind === 'edge' ? renderFigures(`include ${CONFIG_FOLDER}/${CONTROL_ACCESS_FILE};`) : ''}${FLAGS}${renderInstall(config.tlsDomains, CONFIG_FOLDER, `${CONFIG_FOLDER}/${FLAG_ACCESS_FILE}`)}${config.kind === 'edge' ? renderListPlaces(CONFIG_FOLDER, `${CONFIG_FOLDER}/${FLAG_ACCESS_FILE}`) : ''}${config.controlFiles.map(include('        ')).join('')}    }
${door}${config.httpFiles.map(include('    ')).join('')}}
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

/**
 * renderControlAccess lets only the server itself (its address on the Docker network) use what the control ports pass on.
 * A bare `return` is answered to everybody: nginx looks at access only after it.
 */
export function renderControlAccess(gateway: string): string {
  return `allow ${gateway};\nallow 127.0.0.1;\ndeny all;\n`;
}

/** renderFlagAccess lets those set flags who know `token`: not everybody who has a shell on the server. */
export function renderFlagAccess(token: string): string {
  return `if ($http_switchyard_token != "${token}") { return 403; }\n`;
}

function seconds(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${Math.ceil(ms)}ms`;
}
