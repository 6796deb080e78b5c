import { indented } from './edge-options.ts';
import type { RoutePort } from './routes.ts';
import { CONNECT_SECONDS, renderTries } from './tries.ts';

/*
 * gRPC is HTTP/2 up to the app, with trailers, and with bodies that go both ways at once: nginx has a module of its own
 * for it. All else is as with HTTP: flags, upstreams, doors.
 */

/**
 * renderGrpcMain renders what holds for all calls, `bufferKb` being the room for the headers of an answer. `headers` are
 * what an app is told, as `renderHeaders` has them: those of the connection are none of HTTP/2.
 */
export function renderGrpcMain(
  headers: readonly (readonly [name: string, value: string])[],
  bufferKb: number,
): string {
  return indented(
    [
      ...headers.map(([name, value]) => `grpc_set_header ${name} ${value};`),
      `grpc_buffer_size ${bufferKb}k;`,
      // As with HTTP: a call that an app may have got is never sent twice.
      `grpc_connect_timeout ${CONNECT_SECONDS}s;`,
      'grpc_next_upstream error timeout;',
      ...renderTries('grpc'),
      'grpc_socket_keepalive on;',
    ],
    '    ',
  );
}

/** grpcLimits returns how long a call may be silent, `idle` as nginx writes it. */
export function grpcLimits(idle: string): string[] {
  return [`grpc_read_timeout ${idle};`, `grpc_send_timeout ${idle};`];
}

/**
 * renderCalls renders the line that passes calls on. Each has a connection of its own to the app: what was sent on one that
 * the app ends at that moment could not be sent again.
 */
export function renderCalls(): string[] {
  return ['grpc_pass grpc://$side$single;'];
}

/** withHttp2 returns the lines of a server with what lets HTTP/2 in, by TLS or not, where one of its ports speaks gRPC. */
export function withHttp2(ports: readonly Pick<RoutePort, 'protocol'>[], lines: readonly string[]): string[] {
  const isNeeded = ports.some(({ protocol }) => protocol === 'grpc') && !lines.includes(HTTP2);
  return isNeeded ? [...lines, HTTP2] : [...lines];
}

const HTTP2 = 'http2 on;';
