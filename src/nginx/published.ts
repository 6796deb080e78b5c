import { type Scope, sidecarName } from '../model/names.ts';
import { type EdgePort, edgePort } from '../model/spec.ts';
import { type Route, type RoutePort, upstreamName } from './routes.ts';

/*
 * What the edge passes on that does not speak HTTP: ports of the servers, to the internal port of a service at the sidecar.
 * It is the sidecar that knows the copies. So a toggle is nothing that the edge, which all projects share, would have to
 * read again: only what is published changes it.
 */

/** A client of UDP says no goodbye: one that was silent for so long is forgotten, and its place is free for others. */
const UDP_IDLE_MS = 60_000;

/** publishedPorts returns the ports of the servers that lead to a port of a service, as Docker writes them. */
export function publishedPorts({
  protocol,
  published,
}: Pick<RoutePort, 'protocol' | 'published'>): EdgePort[] {
  return (published?.numbers ?? []).map((number) => edgePort(number, protocol));
}

/** publishedOfRoute returns the ports of the servers that lead to any port of a route. */
export function publishedOfRoute({ ports }: Pick<Route, 'ports'>): EdgePort[] {
  return ports.flatMap(publishedPorts);
}

/** publishedAddress returns where the edge passes what comes for a port: `shop_production_nginx:5123`. */
export function publishedAddress(scope: Scope, { internalPort }: Pick<RoutePort, 'internalPort'>): string {
  return `${sidecarName(scope)}:${internalPort}`;
}

/** renderPublished renders what the edge serves of a port of a service beside its domains. Pure. */
export function renderPublished(scope: Scope, route: Route, port: RoutePort): string {
  const upstream = upstreamName(scope, route.service, port);
  const servers = (port.published?.numbers ?? []).map(
    (number) => `server {
${renderListen(port, number)}    proxy_pass ${upstream};
${renderEnd(route, port)}    access_log /dev/stderr proof if=$is_touched;
}
`,
  );
  return `upstream ${upstream} {
    zone ${upstream} 256k;
    server ${publishedAddress(scope, port)} resolve max_fails=0;
}
${servers.join('')}`;
}

/** renderListen renders where a port of tcp or udp is listened to. */
export function renderListen({ protocol }: Pick<RoutePort, 'protocol'>, number: number): string {
  // Without it the datagrams of one client are taken by all workers in turn, and each has another session for them.
  return protocol === 'udp'
    ? `    listen ${number} udp reuseport;\n`
    : `    listen ${number} so_keepalive=60s:10s:6;\n`;
}

/** renderEnd renders when a connection, or a client of UDP, is taken for gone. */
export function renderEnd({ idleTimeoutMs }: Route, { protocol, published }: RoutePort): string {
  if (protocol !== 'udp')
    return `    # The default of 10 min cuts idle database pools.\n    proxy_timeout ${seconds(idleTimeoutMs)};\n`;
  const { responses } = published ?? {};
  return `    proxy_timeout ${seconds(Math.min(idleTimeoutMs, UDP_IDLE_MS))};
${responses === undefined ? '' : `    proxy_responses ${responses};\n`}`;
}

/**
 * What the edge logs of published ports: connections from its own network that said nothing, which is how a proof looks.
 * Who comes from elsewhere, or says something, leaves no line.
 */
export const TOUCHED = `    map "$server_addr $remote_addr $bytes_received" $is_touched { default ''; "~^(\\d+\\.\\d+\\.)\\S+ \\1\\S+ 0$" 1; }
    log_format proof 'switchyard-proof $msec $server_port $upstream_addr $status';
`;

function seconds(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${Math.ceil(ms)}ms`;
}
