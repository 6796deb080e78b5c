/** What a socket of the kernel's table is: the words of its include/net/tcp_states.h. */
const ESTABLISHED = '01';
const CLOSE_WAIT = '08';
const LISTEN = '0A';
const HEADER =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';

/** The first port that the other ends of connections have. */
const FIRST_PORT = 40_000;

/** A program that takes connections. */
export interface Listener {
  /** The ports on which it takes connections now. */
  ports(): readonly number[];
  /** The ports on which it listens where nobody outside reaches it, and where that is. */
  /** It never closes a connection whose other end has closed. */
  readonly isLeaking?: boolean;
  hiddenPorts?(): readonly { port: number; address: keyof typeof HIDDEN }[];
}

/** Addresses as the tables have them: of IPv4, and of IPv6. */
const HIDDEN = {
  '127.0.0.1': { table: 'tcp', local: '0100007F', remote: '00000000' },
  '::1': { table: 'tcp6', local: '00000000000000000000000001000000', remote: '0'.repeat(32) },
  IPv6: { table: 'tcp6', local: '0'.repeat(32), remote: '0'.repeat(32) },
} as const;

/** A connection that somebody opened on purpose, and holds until it is closed. */
export interface Connection {
  port: number;
  /** The address of the other end. */
  from: string;
  /** The other end has closed it, and the app keeps its own. */
  isHalfClosed?: boolean;
}

/** Connections that come and go by themselves: the last of them is open until some time. */
export interface Held {
  port: number;
  from: string;
  until: number;
}

/** Namespace is the network of one running container, as the kernel sees it: who listens, and who is connected. */
export class Namespace {
  readonly listeners = new Set<Listener>();
  readonly connections = new Set<Connection>();
  readonly held = new Map<unknown, Held>();

  /** isListening tells whether a connection to a port is accepted. */
  isListening(port: number): boolean {
    return this.listenerOn(port) !== undefined;
  }

  /** listenerOn returns who takes connections to a port. */
  listenerOn(port: number): Listener | undefined {
    for (const listener of this.listeners) if (listener.ports().includes(port)) return listener;
    return undefined;
  }

  /** close closes a connection from outside: an app that leaks keeps its end. */
  close(connection: Connection): void {
    if (this.listenerOn(connection.port)?.isLeaking) connection.isHalfClosed = true;
    else this.connections.delete(connection);
  }

  /** end closes all connections: who owned the network has ended. */
  end(): void {
    this.connections.clear();
    this.held.clear();
  }

  /**
   * tables returns what the kernel says of IPv4 and of IPv6, in the words of /proc/net. Apps listen on both at once, so
   * what is connected to them stands in the second.
   */
  tables(now: number): { tcp: string; tcp6: string } {
    for (const [key, { until }] of this.held) if (until <= now) this.held.delete(key);
    const open = [...this.connections, ...this.held.values()];
    // Docker's own resolver listens in every network but the default one.
    const resolver = row(0, `0B00007F:A3F1`, '00000000:0000', LISTEN);
    const ports = [...this.listeners].flatMap((listener) => listener.ports());
    const listening = ports.map((port, index) =>
      row(index, `${'0'.repeat(32)}:${hexPort(port)}`, `${'0'.repeat(32)}:0000`, LISTEN),
    );
    const connected = open.map(({ port, from, ...one }, index) => {
      const state = 'isHalfClosed' in one && one.isHalfClosed ? CLOSE_WAIT : ESTABLISHED;
      const remote = `${mapped(from)}:${hexPort(FIRST_PORT + index)}`;
      return row(ports.length + index, `${mapped('0.0.0.0')}:${hexPort(port)}`, remote, state);
    });
    const rows = [...listening, ...connected];
    const hidden = [...this.listeners]
      .flatMap((listener) => listener.hiddenPorts?.() ?? [])
      .map(({ port, address }, index) => {
        const { table, local, remote } = HIDDEN[address];
        return { table, line: row(index + 90, `${local}:${hexPort(port)}`, `${remote}:0000`, LISTEN) };
      });
    const hiddenIn = (name: 'tcp' | 'tcp6') =>
      hidden.flatMap(({ table, line }) => (table === name ? [line] : []));
    return {
      tcp: `${[HEADER, resolver, ...hiddenIn('tcp')].join('\n')}\n`,
      tcp6: `${[HEADER, ...rows, ...hiddenIn('tcp6')].join('\n')}\n`,
    };
  }
}

function row(index: number, local: string, remote: string, state: string): string {
  return `${String(index).padStart(4)}: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 ${1000 + index} 1 0000000000000000 100 0 0 10 0`;
}

function hexPort(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}

/** An IPv4 address as the table of IPv6 has it: words of 32 bits in the machine's byte order. */
function mapped(address: string): string {
  const bytes = address.split('.').map((part) => Number(part).toString(16).toUpperCase().padStart(2, '0'));
  return `0000000000000000FFFF0000${bytes.reverse().join('')}`;
}
