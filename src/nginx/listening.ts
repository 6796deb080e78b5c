/** Where the edge listens for users, for HTTP and for HTTPS. */
const HTTP_PORT = 80;
const TLS_PORT = 443;
/**
 * Where it listens for a run, which speaks no PROXY protocol: what has to come first on a connection is a property of the
 * port. The server publishes neither.
 */
export const DIRECT_HTTP_PORT = 8095;
export const DIRECT_TLS_PORT = 8094;

/** Who stands in front of an edge. */
export interface Fronted {
  /** Every connection begins with a header of the PROXY protocol. */
  proxyProtocol?: true | undefined;
}

/**
 * listenHttp returns the lines of a server that listens for HTTP; `options` are those of each. What comes first on a
 * connection holds for the port, and is said once, by the main file: so the servers of an environment are the same either way.
 */
export function listenHttp(options = '', { proxyProtocol }: Fronted = {}): string[] {
  return [
    `listen ${HTTP_PORT}${options}${proxyProtocol ? ' proxy_protocol' : ''};`,
    `listen ${DIRECT_HTTP_PORT}${options};`,
  ];
}

/**
 * listenQuic returns the line of a server that listens for HTTP/3. QUIC has no PROXY protocol before it, and its packets
 * come by UDP on the port that HTTPS has by TCP.
 */
export function listenQuic(options = ''): string {
  return `listen ${TLS_PORT} quic${options};`;
}

/** listenTls returns the lines of a server that listens for HTTPS, as `listenHttp` does. */
export function listenTls(options = '', { proxyProtocol }: Fronted = {}): string[] {
  return [
    `listen ${TLS_PORT} ssl${options}${proxyProtocol ? ' proxy_protocol' : ''};`,
    `listen ${DIRECT_TLS_PORT} ssl${options};`,
  ];
}
