/** What a socket of the kernel's table is: the words of its include/net/tcp_states.h. */
const ESTABLISHED = '01';
const LISTEN = '0A';
const HEADER =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';

/** A program that takes connections. */
export interface Listener {
  /** The ports on which it takes connections now. */
  ports(): readonly number[];
}

/** A connection that somebody opened on purpose, and holds until it is closed. */
export interface Connection {
  port: number;
  /** The address of the other end. */
  from: string;
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
    const listening = ports.map((port) => ({ port, from: undefined }));
    const rows = [...listening, ...open].map(({ port, from }, index) =>
      from === undefined
        ? row(index, `${'0'.repeat(32)}:${hexPort(port)}`, `${'0'.repeat(32)}:0000`, LISTEN)
        : row(index, `${mapped('0.0.0.0')}:${hexPort(port)}`, `${mapped(from)}:D431`, ESTABLISHED),
    );
    return { tcp: `${HEADER}\n${resolver}\n`, tcp6: `${[HEADER, ...rows].join('\n')}\n` };
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
