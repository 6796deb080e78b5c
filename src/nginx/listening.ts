/** Where the edge listens for users, for HTTP and for HTTPS. */
const HTTP_PORT = 80;
const TLS_PORT = 443;
/**
 * Where it listens for a run, which speaks no PROXY protocol: what has to come first on a connection is a property of the
 * port. The server publishes neither.
 */
const DIRECT_HTTP_PORT = 8095;
const DIRECT_TLS_PORT = 8094;

/** Who stands in front of an edge. */
export interface Fronted {
  /** Every connection begins with a header of the PROXY protocol. */
  proxyProtocol?: true | undefined;
}

/** httpPort returns where a run asks an edge over HTTP. */
export function httpPort({ proxyProtocol }: Fronted): number {
  return proxyProtocol ? DIRECT_HTTP_PORT : HTTP_PORT;
}

/** tlsPort returns where a run asks an edge over HTTPS. */
export function tlsPort({ proxyProtocol }: Fronted): number {
  return proxyProtocol ? DIRECT_TLS_PORT : TLS_PORT;
}

/** listenHttp returns the lines of a server that listens for HTTP; `options` are those of each. */
export function listenHttp({ proxyProtocol }: Fronted, options = ''): string[] {
  return proxyProtocol
    ? [`listen ${HTTP_PORT}${options} proxy_protocol;`, `listen ${DIRECT_HTTP_PORT}${options};`]
    : [`listen ${HTTP_PORT}${options};`];
}

/**
 * listenQuic returns the line of a server that listens for HTTP/3. QUIC has no PROXY protocol before it, and its packets
 * come by UDP on the port that HTTPS has by TCP.
 */
export function listenQuic(options = ''): string {
  return `listen ${TLS_PORT} quic${options};`;
}

/** listenTls returns the lines of a server that listens for HTTPS. */
export function listenTls({ proxyProtocol }: Fronted, options = ''): string[] {
  return proxyProtocol
    ? [`listen ${TLS_PORT} ssl${options} proxy_protocol;`, `listen ${DIRECT_TLS_PORT} ssl${options};`]
    : [`listen ${TLS_PORT} ssl${options};`];
}
