/**
 * States of a connection that somebody may still use: ESTABLISHED, SYN_RECV, FIN_WAIT1, FIN_WAIT2 and
 * CLOSE_WAIT (the kernel's include/net/tcp_states.h). TIME_WAIT is over for both ends.
 */
const LIVE_STATES = new Set(['01', '03', '04', '05', '08']);

/** State LISTEN. */
const LISTENING = '0A';

/**
 * countConnections counts the live connections to some ports in what `/proc/net/tcp` and `/proc/net/tcp6` say, both
 * together: a dual-stack server's connections stand in tcp6 only. Connections from the container to itself
 * (its own health check) do not count. Without ports it counts those to every port that is listened on: not what
 * the container has opened to others.
 */
export function countConnections(table: string, ports?: readonly number[]): number {
  const sockets = table.split('\n').map(socketOf);
  const counted = new Set(
    ports ?? sockets.filter(({ state }) => state === LISTENING).map(({ port }) => port),
  );
  return sockets.filter(
    ({ state, remote, port }) => LIVE_STATES.has(state) && !isLoopback(remote) && counted.has(port),
  ).length;
}

/** A port that a container listens on. */
export interface Listening {
  port: number;
  /** On an address of its own only, where nobody else reaches it: 127.0.0.1 or ::1. */
  isLocal: boolean;
}

/** Docker's own resolver, 127.0.0.11, listens in every network but the default one. */
const RESOLVER = '0B00007F';

/** listeningPorts returns the ports that are listened on by the same two tables, the lowest first. Pure. */
export function listeningPorts(table: string): Listening[] {
  const sockets = table
    .split('\n')
    .map(socketOf)
    .filter(({ state, local }) => state === LISTENING && local !== RESOLVER);
  const ports = [...new Set(sockets.map(({ port }) => port))].sort((a, b) => a - b);
  return ports.map((port) => ({
    port,
    isLocal: sockets.filter((socket) => socket.port === port).every(({ local }) => isLoopback(local)),
  }));
}

function socketOf(line: string): { port: number; local: string; remote: string; state: string } {
  const [, own = '', remote = '', state = ''] = line.trim().split(/\s+/);
  const [local = '', port = ''] = own.split(':');
  return { port: Number.parseInt(port, 16), local, remote: remote.split(':')[0] ?? '', state };
}

/** Addresses are 32-bit words in the machine's byte order: 0100007F is 127.0.0.1, and ::ffff:127.0.0.1 ends with it. */
function isLoopback(address: string): boolean {
  const isV4 = address.length === 8 || address.startsWith('0000000000000000FFFF0000');
  return isV4 ? address.endsWith('7F') : address === '00000000000000000000000001000000';
}
