/**
 * States of a connection that somebody may still use: ESTABLISHED, SYN_RECV and FIN_WAIT1 (the kernel's
 * include/net/tcp_states.h). In the last one the app has closed its end, and not all that it has sent has arrived. TIME_WAIT
 * is over for both ends.
 */
const ALIVE: ReadonlySet<string> = new Set(['01', '03', '04']);

/** States in which one end has closed, and the other has all that was sent: nobody may ever close the other end. */
const HALF_CLOSED: ReadonlyMap<string, HalfClosed> = new Map([
  ['05', 'FIN_WAIT2'],
  ['08', 'CLOSE_WAIT'],
]);

/** What is half-closed: the app has closed its end, or the other end is closed and the app keeps its own. */
export type HalfClosed = 'FIN_WAIT2' | 'CLOSE_WAIT';

/** A connection to a container. */
export interface Connection {
  /** Tells it from the others: both addresses with their ports. */
  id: string;
  /** Undefined while both ends are open, or while something is still on its way. */
  halfClosed: HalfClosed | undefined;
}

/** State LISTEN. */
const LISTENING = '0A';

/**
 * connectionsTo returns the connections to some ports in what `/proc/net/tcp` and `/proc/net/tcp6` say, both together: a
 * dual-stack server's connections stand in tcp6 only. Those from the container to itself (its own health check) are left
 * out. Without ports it returns those to every port that is listened on: not what the container has opened to others. Pure.
 */
export function connectionsTo(table: string, ports?: readonly number[]): Connection[] {
  const sockets = table.split('\n').map(socketOf);
  const counted = new Set(
    ports ?? sockets.filter(({ state }) => state === LISTENING).map(({ port }) => port),
  );
  return sockets
    .filter(({ state, remote, port }) => {
      return (ALIVE.has(state) || HALF_CLOSED.has(state)) && !isLoopback(remote) && counted.has(port);
    })
    .map(({ id, state, isSending }) => ({ id, halfClosed: isSending ? undefined : HALF_CLOSED.get(state) }));
}

/** How long a connection that is closed at one end is waited for. */
const HALF_CLOSED_MS = 10_000;

/** What a drain waits for, and what it does not. */
export interface Openness {
  /** Connections that somebody may use. */
  used: number;
  /** These, and those that are half-closed and have their time. */
  open: number;
  /** Those that were half-closed for longer. */
  abandoned: Record<HalfClosed, number>;
}

/**
 * ConnectionWatch judges the connections to a container look by look. An app that forgets to close its end keeps a
 * connection for ever after everybody has gone: what is closed at one end is waited for {@link HALF_CLOSED_MS}.
 */
export class ConnectionWatch {
  #since = new Map<string, number>();

  /** look is told the connections of a moment, in milliseconds. */
  look(connections: readonly Connection[], now: number): Openness {
    const halfClosed = connections.filter(({ halfClosed: state }) => state !== undefined);
    this.#since = new Map(halfClosed.map(({ id }) => [id, this.#since.get(id) ?? now]));
    const abandoned = halfClosed.filter(({ id }) => now - this.#since.get(id)! >= HALF_CLOSED_MS);
    const count = (state: HalfClosed) => abandoned.filter((one) => one.halfClosed === state).length;
    return {
      used: connections.length - halfClosed.length,
      open: connections.length - abandoned.length,
      abandoned: { CLOSE_WAIT: count('CLOSE_WAIT'), FIN_WAIT2: count('FIN_WAIT2') },
    };
  }
}

/** A port that a container listens on. */
export interface Listening {
  port: number;
  /**
   * From where it is reached: `all` is by IPv4 from outside, and the others but `IPv6` are from the container itself alone.
   * A socket on `::` takes IPv4 too, unless it was told not to, and looks the same: where no other listens it is `IPv6`,
   * and only a refused connection says which. What many apps make of "localhost" is `::1`.
   */
  reach: 'all' | 'IPv6' | '127.0.0.1' | '::1' | '127.0.0.1 and ::1';
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
    reach: reachOf(sockets.flatMap((socket) => (socket.port === port ? [socket.local] : []))),
  }));
}

function reachOf(addresses: readonly string[]): Listening['reach'] {
  const isOutside = (address: string) => !isLoopback(address);
  if (addresses.some((address) => isV4(address) && isOutside(address))) return 'all';
  if (addresses.some(isOutside)) return 'IPv6';
  if (addresses.every(isV4)) return '127.0.0.1';
  return addresses.some(isV4) ? '127.0.0.1 and ::1' : '::1';
}

/** A line of the kernel's tables. */
interface Socket {
  /** Both addresses with their ports. */
  id: string;
  port: number;
  local: string;
  remote: string;
  state: string;
  /** Something that it was given has not arrived. */
  isSending: boolean;
}

function socketOf(line: string): Socket {
  const [, own = '', other = '', state = '', queues = ''] = line.trim().split(/\s+/);
  const [local = '', port = ''] = own.split(':');
  const isSending = Number.parseInt(queues.split(':')[0] ?? '', 16) > 0;
  const remote = other.split(':')[0] ?? '';
  return { id: `${own} ${other}`, port: Number.parseInt(port, 16), local, remote, state, isSending };
}

/** Addresses are 32-bit words in the machine's byte order: 0100007F is 127.0.0.1, and ::ffff:127.0.0.1 ends with it. */
function isLoopback(address: string): boolean {
  return isV4(address) ? address.endsWith('7F') : address === '00000000000000000000000001000000';
}

function isV4(address: string): boolean {
  return address.length === 8 || address.startsWith('0000000000000000FFFF0000');
}
