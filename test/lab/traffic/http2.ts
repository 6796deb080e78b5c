import { requireOwnTargets, type Target } from './targets.ts';
import type { ClientTls } from './tls.ts';
import { startTraffic, type Traffic } from './traffic.ts';

/** What the HTTP/2 clients do. */
export interface Http2TrafficOptions {
  /** Connections take them in turn. Loopback and private addresses only. */
  targets: Target[];
  /** The `:authority` of every request. */
  authority: string;
  tls: ClientTls;
  /** Connections, each kept for as long as the server keeps it; default 8. */
  connections?: number;
  /** Clients that share each connection, with one request at a time; default 8. */
  streams?: number;
  /** Further clients on each, that read server-sent events for a second, again and again; default 1. */
  eventStreams?: number;
  /** Picked at random for each request; default both. A POST carries a random body and wants its SHA-256 back. */
  methods?: ('GET' | 'POST')[];
  /** Default `/work?ms=10`. */
  path?: string;
  /** Shortest and longest pause of a client between two requests, in milliseconds; default 0 to 40. */
  thinkMs?: [number, number];
  /** Longest time for one request, connecting included, in milliseconds; default 30,000. */
  timeoutMs?: number;
  /** No request is sent after so many seconds, whether or not somebody stops the load; default 600. */
  maxSeconds?: number;
}

/**
 * startHttp2Traffic sends requests over HTTP/2 from a process of its own, many at once on each connection, and counts as
 * `startHttpTraffic` does. Nothing is ever sent twice: also what a GOAWAY or a REFUSED_STREAM lets a client repeat is a loss.
 * @throws Error when a target is not ours
 */
export function startHttp2Traffic(options: Http2TrafficOptions): Traffic {
  requireOwnTargets(options.targets);
  return startTraffic('http2-worker.ts', options);
}
