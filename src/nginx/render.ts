import { hostOfAddress } from '../model/addresses.ts';
import { containerName, type Scope, scopeName } from '../model/names.ts';
import { isOverHttp, type NginxSpec, type TlsSpec } from '../model/spec.ts';
import { HEADERS_OF_EDGE } from './app-headers.ts';
import { CONTROL_ACCESS_FILE, PROVE_PORT_OFFSET } from './control.ts';
import {
  indented,
  optionFiles,
  renderHeadersWithin,
  renderLimits,
  renderOptionsOfEntry,
  renderOptionsOfHttp,
  renderOptionsOfLocation,
  renderOptionsOfNamed,
  renderOptionsOfServer,
  renderPages,
  variableFile,
} from './edge-options.ts';
import { type Believed, believedVariables, renderBelieved } from './forwarded.ts';
import { grpcLimits, renderCalls, withHttp2 } from './grpc.ts';
import { HEALTH } from './health.ts';
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
import { listenHttp } from './listening.ts';
import { seconds } from './main-file.ts';
import { pageFiles, renderMaintenance, renderMaintenanceAnswers, renderPassers } from './maintenance.ts';
import { backendsFile, COUNTED_ONLY, renderBackends, renderCounted } from './metrics.ts';
import { renderEnd, renderListen, renderPublished } from './published.ts';
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
import { flagsOf, type Sides, sidesOf } from './sides.ts';
import { type Inherited, NOTHING, OwnLines, snippetFile } from './snippets.ts';
import {
  groupsOf,
  renderChallenge,
  renderTls,
  renderTlsHeaders,
  renderTlsMaps,
  type TlsContext,
  type TlsGroup,
} from './tls.ts';
import { CONFIG_FOLDER } from './tree.ts';
import { renderTries, triesOf } from './tries.ts';
import { flagOf, isThere, renderSide, type Way, waysOf } from './ways.ts';

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
  settings: ServerSettings = {},
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
        withOwnLines(serverOf(host, claims, { scope, tls, settings }), onlyLines(claims, scope, served)),
      ),
    );
  for (const route of served) {
    const sides = sidesOf(scope, route, on, servers);
    if (kind === 'sidecar' && route.ports.length === 0) {
      files.set(workerFile(scope, route.service), renderWorker(scope, route, sides));
    }
    for (const port of servedPorts(kind, route)) {
      const backendsWith = (one: Route) => backendsOf(scope, one, port, on, servers);
      const text = !isOverHttp(port.protocol)
        ? renderStream(kind, scope, route, port, sides, backendsWith)
        : renderHttp(
            { kind, scope, tls, settings },
            route,
            { ...port, domains: port.domains.filter((domain) => !isShared(domain)) },
            waysOf(scope, route, port, flagOf(sides)),
            sides,
            backendsWith,
          );
      files.set(portFile(scope, route.service, port), text);
      if (kind === 'edge') {
        const key = upstreamName(scope, route.service, port);
        for (const [path, content] of optionFiles(key, route.edge ?? {})) files.set(path, content);
      }
    }
    if (kind === 'edge') for (const [path, page] of pageFiles(scope, route)) files.set(path, page);
    const ownLines = kind === 'edge' ? linesOf(scope, route).http : [];
    if (ownLines.length > 0) files.set(snippetFile(scope, route.service), indented(ownLines, ''));
  }
  if (kind === 'edge' && files.size > 0) {
    const flags = flagsOf(kind, scope, routes, on, servers);
    files.set(backendsFile(scope), renderBackends(scope, routes, flags, on, servers));
    for (const line of believedVariables(settings)) {
      const [path, text] = variableFile(line);
      files.set(path, text);
    }
  }
  return files;
}

/** What an environment says of all its servers at an edge: whose word counts, and whether accesses are logged. */
type ServerSettings = Believed & Pick<NginxSpec, 'accessLog'>;

/** Others on the edge have servers of their own, and what these say. */
function renderSettings(settings: ServerSettings): string[] {
  return [...renderBelieved(settings), ...(settings.accessLog === false ? COUNTED_ONLY : [])];
}

/** The lines of nginx that a route has of its own. */
function linesOf(scope: Scope, { service, edge }: Pick<Route, 'service' | 'edge'>): OwnLines {
  return new OwnLines(scope, service, edge?.nginx);
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
function serverOf(
  host: string,
  claims: readonly Claim<Piece>[],
  { scope, tls, settings }: Omit<Home, 'kind'>,
): HostServer {
  const ports = claims.flatMap((claim) => ('piece' in claim ? [claim.piece.port] : []));
  const [group] = groupsOf([host], tls);
  if (group === undefined || tls === undefined) {
    return {
      name: serverName(host),
      listens: listenHttp(),
      before: '',
      lines: withHttp2(ports, renderSettings(settings)),
      headers: [],
      locations: HEALTH,
    };
  }
  const context: TlsContext = { scope, tls, folder: CONFIG_FOLDER };
  return {
    name: serverName(host),
    listens: listenHttp(),
    before: renderTlsMaps(group, context),
    lines: withHttp2(ports, [...renderSettings(settings), ...renderTls(group, context)]),
    headers: renderTlsHeaders(group, context),
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
  return `${isOverHttp(port.protocol) ? 'http' : 'stream'}/${scopeName(scope)}/${portKey(service, port)}.conf`;
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
  settings: ServerSettings;
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
    kind === 'edge' ? renderOptionsOfHttp(zone, route.edge ?? {}) + renderPassers(scope, port, route) : '';
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
  { kind, scope, tls, settings }: Home,
  group: TlsGroup,
  ways: readonly [Way, ...Way[]],
  route: Route,
  port: RoutePort,
): string {
  const edge = kind === 'edge' ? (route.edge ?? {}) : undefined;
  const context: TlsContext | undefined = tls && { scope, tls, folder: CONFIG_FOLDER };
  const lines = withHttp2(
    [port],
    [
      ...(kind === 'edge' ? listenHttp() : [`listen ${port.internalPort};`]),
      `server_name ${kind === 'edge' ? group.domains.map(serverName).join(' ') : '_'};`,
      '# One idle timeout, whoever is silent: the app, the client, or the one that does not read.',
      ...limitsOf(route, port),
      ...(kind === 'edge' ? [renderCounted(scope, route), ...renderSettings(settings)] : []),
      ...(context ? renderTls(group, context) : []),
    ],
  );
  const asking = askFirst(route, WHOLE.suffix);
  const own = linesOf(scope, edge === undefined ? { service: route.service } : route);
  const headers = [
    ...renderHeadersWithin(
      edge ?? {},
      lines.filter((line) => line.startsWith('add_header ')),
    ),
    ...own.serverHeaders,
  ];
  const inherited: Inherited = {
    headers,
    sent: HEADERS_OF_EDGE,
    limits: renderLimits(ways[0].upstream, edge ?? {}),
  };
  const locations = [
    ...(edge === undefined
      ? []
      : [
          renderOptionsOfServer(ways[0].upstream, edge),
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
${indented([...(edge === undefined ? [] : renderOptionsOfLocation(edge)), ...asking, ...renderPassing(route, port, WHOLE), ...own.location(inherited)], '        ')}    }
${renderNamed(ways, port, WHOLE, asking, (isAgain) => own.location(inherited, { isAgain }))}}
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
  const { edge = {} } = route;
  const side = renderSide(ways)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const { suffix } = passing;
  const queue = renderQueue({ scope, route, port }, suffix, renderSide(ways), isThere);
  const own = linesOf(scope, route);
  const inheritedOf = (headers: readonly string[]): Inherited => ({
    ...NOTHING,
    // They stand in the location already where the options have some.
    headers: renderHeadersWithin(edge, headers).length > headers.length ? [] : headers,
    sent: HEADERS_OF_EDGE,
  });
  return {
    service: route.service,
    port,
    entry: (headers) => [
      renderCounted(scope, route),
      ...renderMaintenance(scope, route, suffix, isThere),
      ...limitsOf(route, port),
      ...askFirst(route, suffix),
      ...side,
      ...renderOptionsOfEntry(key, edge, headers),
      ...renderPassing(route, port, passing),
      ...own.location(inheritedOf(headers)),
    ],
    named: (headers) =>
      renderNamed(
        ways,
        port,
        passing,
        [...limitsOf(route, port), ...askFirst(route, suffix), ...renderOptionsOfNamed(key, edge, headers)],
        (isAgain) => own.location(inheritedOf(headers), { isAgain }),
      ) +
      queue +
      renderPages(key, edge, headers) +
      renderMaintenanceAnswers(scope, route, suffix, renderHeadersWithin(edge, headers)),
  };
}

/** What holds for the requests of a route. */
function limitsOf({ idleTimeoutMs, maxBodyBytes, copies }: Route, { protocol }: RoutePort): string[] {
  const idle = seconds(idleTimeoutMs);
  const tries = triesOf(copies);
  return [
    ...(protocol === 'grpc'
      ? grpcLimits(idle)
      : [`proxy_read_timeout ${idle};`, `proxy_send_timeout ${idle};`]),
    `client_body_timeout ${idle};`,
    `send_timeout ${idle};`,
    ...(tries === undefined ? [] : renderTries(protocol === 'grpc' ? 'grpc' : 'proxy', tries)),
    ...(maxBodyBytes ? [`client_max_body_size ${maxBodyBytes};`] : []),
  ];
}

/** The lines of a location that takes requests from clients. */
function renderPassing(
  { requestBuffering }: Route,
  { protocol }: RoutePort,
  { suffix, path }: Passing,
): string[] {
  if (protocol === 'grpc') return renderCalls();
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
  { protocol }: RoutePort,
  { suffix, path }: Passing,
  limits: readonly string[] = [],
  ownLines: (isAgain: boolean) => readonly string[] = () => [],
): string {
  if (protocol === 'grpc') return '';
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

/** A service of UDP is proven by a connection too: who would have got it is in the log, whether it takes any or not. */
function renderStreamServer(name: string, route: Route, port: RoutePort): string {
  const { internalPort, protocol } = port;
  const tries = triesOf(route.copies);
  const lines = tries === undefined ? '' : indented(renderTries('proxy', tries), '    ');
  return `server {
${renderListen(port, internalPort)}    proxy_pass ${name};
${lines}${renderEnd(route, port)}}
server {
    listen ${internalPort + PROVE_PORT_OFFSET};
    include ${CONFIG_FOLDER}/${CONTROL_ACCESS_FILE};
    proxy_pass ${name};
${lines}    proxy_timeout 5s;
${protocol === 'udp' ? '    proxy_next_upstream off;\n' : ''}    access_log /dev/stdout proof;
}
`;
}
