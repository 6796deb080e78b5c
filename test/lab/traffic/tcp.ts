import { requireOwnTargets, type Target } from './targets.ts';
import { startTraffic, type Traffic } from './traffic.ts';

/** What the TCP clients do. */
export interface TcpTrafficOptions {
  /** Taken in turn. Loopback and private addresses only. */
  targets: Target[];
  /** Clients, each with one connection at a time; default 16. */
  clients?: number;
  /**
   * Shortest and longest pause of a client between two connections, in milliseconds; default 20 to 60. The client
   * closes first and keeps the port for a minute: some 28,000 ports allow 470 connections a second and target.
   */
  thinkMs?: [number, number];
  /** Longest time for each step (connect, greeting, echo, close), in milliseconds; default 30,000. */
  timeoutMs?: number;
  /** No connection is opened after so many seconds, whether or not somebody stops the load; default 600. */
  maxSeconds?: number;
}

/** A running TCP load; one short connection counts as one request. */
export type TcpTraffic = Traffic;

/**
 * startTcpTraffic opens short connections from a process of its own: greeting line, random bytes that must come
 * back unchanged, FIN both ways. A connection that misses any of it is lost; none is tried twice.
 * @throws Error when a target is not ours
 */
export function startTcpTraffic(options: TcpTrafficOptions): TcpTraffic {
  requireOwnTargets(options.targets);
  return startTraffic('tcp-worker.ts', options);
}
