import { requireOwnTargets, type Target } from './targets.ts';
import type { ClientTls } from './tls.ts';
import { startTraffic, type Traffic } from './traffic.ts';

/** What the HTTP clients do. */
export interface HttpTrafficOptions {
  /** Clients take them in turn, connection by connection. Loopback and private addresses only. */
  targets: Target[];
  /** Value of the Host header; default the target's own address. */
  hostHeader?: string;
  /** Speaks TLS; default: plain HTTP. */
  tls?: ClientTls;
  /** Clients, each with one request at a time; default 64. */
  clients?: number;
  /** Whether a connection carries many requests; default true. */
  keepAlive?: boolean;
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

/** A running HTTP load. */
export type HttpTraffic = Traffic;

/**
 * startHttpTraffic sends requests over raw sockets from a process of its own and counts every one that does not
 * get a whole, right 2xx answer as lost. Nothing is ever sent twice: what a patient client would repeat is a loss.
 * @throws Error when a target is not ours
 */
export function startHttpTraffic(options: HttpTrafficOptions): HttpTraffic {
  requireOwnTargets(options.targets);
  return startTraffic('http-worker.ts', options);
}
