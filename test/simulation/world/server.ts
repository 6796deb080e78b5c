import { X509Certificate } from 'node:crypto';
import { Duplex } from 'node:stream';
import type { HandshakeTarget } from '../../../src/fleet/handshake.ts';
import type { HttpAnswer, HttpTarget } from '../../../src/fleet/http.ts';
import type { Server } from '../../../src/fleet/server.ts';
import { SimulatedEngine } from './engine.ts';
import { type Run, Tunnel } from './faults.ts';
import type { Machine, Target } from './machine.ts';
import type { Connection, Namespace } from './namespace.ts';
import { Nginx, type Workers } from './nginx.ts';

/** How long a request, a connection and a look at the disk take on their way. */
const WAY_MS = 2;
/** What a run's own probes see, users see as well: they are slow here, so that there are few of them. */
const PROBE_MS = 400;
/** Until the network says that nobody has an address. */
const UNREACHED_MS = 3_000;
/** sshd's reason for a channel that it could not connect (RFC 4254 §5.1). */
const CONNECT_FAILED = 2;

/** simulatedServer returns a machine as one run is connected to it. */
export function simulatedServer(run: Run, machine: Machine): Server {
  const tunnel = new Tunnel(run, machine);
  let guard: () => void = () => undefined;
  return {
    spec: machine.spec,
    name: machine.name,
    engine: new SimulatedEngine(machine, tunnel),
    http: {
      get: (target, timeoutMs) => send(machine, tunnel, 'GET', target, timeoutMs),
      put: async (target, text, timeoutMs) => {
        guard();
        return await send(machine, tunnel, 'PUT', target, timeoutMs, text);
      },
      delete: async (target, timeoutMs) => {
        guard();
        return await send(machine, tunnel, 'DELETE', target, timeoutMs);
      },
      guardWith: (asked) => {
        guard = asked;
      },
      keepAlive: (target) => new KeptConnection(machine, tunnel, target),
    },
    dial: (address, port) => dial(machine, { run, tunnel }, address, port),
    listen: async () => {
      const facts = { name: `${machine.name} listens for the run`, isChange: false, takesMs: WAY_MS };
      const port = await tunnel.call(facts, () => machine.forward());
      const close = async () => void machine.forwards.delete(port);
      void run.gone.then(close);
      return { port, close };
    },
    handshake: (target) => handshake(machine, tunnel, target),
    freeBytes: async () => {
      const facts = { name: `${machine.name} df`, isChange: false, takesMs: WAY_MS };
      return await tunnel.call(facts, () => machine.freeBytes).catch(() => undefined);
    },
    close: async () => tunnel.close(),
  };
}

async function send(
  machine: Machine,
  tunnel: Tunnel,
  method: 'GET' | 'PUT' | 'DELETE',
  { address, port, path, host, headers = {} }: HttpTarget,
  timeoutMs: number,
  body?: string,
): Promise<HttpAnswer> {
  const facts = {
    name: `${machine.name} ${method} http://${address}:${port}${path}`,
    isChange: method !== 'GET',
    takesMs: WAY_MS,
  };
  return await tunnel.call(facts, async () => {
    const { target, from } = await reach(machine, address, port, timeoutMs);
    const request = {
      ...{ port: target.port, path, host: host ?? address, headers, from, method },
      ...(body !== undefined && { body }),
    };
    const answer = target.container.program?.answer?.(request);
    if (answer === undefined) throw new Error('other side closed');
    return { ...answer, headers: { date: new Date(machine.now()).toUTCString(), ...answer.headers } };
  });
}

/**
 * KeptConnection is one connection over which requests go one by one. It stays with the workers of an nginx that have
 * taken it, who may be old ones by then.
 */
class KeptConnection {
  readonly #machine: Machine;
  readonly #tunnel: Tunnel;
  readonly #to: { address: string; port: number };
  #workers: Workers | undefined;
  #sent = 0;

  constructor(machine: Machine, tunnel: Tunnel, to: { address: string; port: number }) {
    this.#machine = machine;
    this.#tunnel = tunnel;
    this.#to = to;
  }

  async get(
    {
      path,
      host,
      headers = {},
      isLast,
    }: Pick<HttpTarget, 'path' | 'headers'> & { host: string; isLast: boolean },
    timeoutMs: number,
  ): Promise<number> {
    const { address, port } = this.#to;
    const takesMs = this.#sent++ === 0 ? this.#machine.firstProbeMs : PROBE_MS;
    const facts = {
      name: `${this.#machine.name} probes http://${address}:${port}${path}`,
      isChange: false,
      takesMs,
    };
    return await this.#tunnel.call(facts, async () => {
      const { target, from } = await reach(this.#machine, address, port, timeoutMs);
      const { program } = target.container;
      if (!(program instanceof Nginx))
        return program?.answer?.({ port: target.port, path, host, headers, from }).status ?? 502;
      const isOver = this.#workers === undefined || !program.all().includes(this.#workers);
      const workers = isOver ? program.accept(target.port) : this.#workers;
      const isKept = !isLast && workers?.endsAt === Number.POSITIVE_INFINITY;
      this.#workers = isKept ? workers : undefined;
      return workers?.handle({ port: target.port, path, host, headers, from }).status ?? 502;
    });
  }

  async close(): Promise<void> {
    this.#workers = undefined;
  }
}

async function dial(
  machine: Machine,
  { run, tunnel }: { run: Run; tunnel: Tunnel },
  address: string,
  port: number,
): Promise<Duplex> {
  const facts = { name: `${machine.name} dial ${address}:${port}`, isChange: false, takesMs: WAY_MS };
  return await tunnel.call(facts, async () => {
    const { target, from } = await reach(machine, address, port, UNREACHED_MS);
    const { program, namespace } = target.container;
    const connections: [Namespace, Connection][] = [[namespace, { port: target.port, from }]];
    if (!(program instanceof Nginx) || program.isHttp(target.port))
      return endingWith(run, new TcpStream(connections));
    const passed = program.connect(target.port, from);
    const next = passed?.joined.target;
    if (next !== undefined)
      connections.push([next.container.namespace, { port: next.port, from: '10.200.0.3' }]);
    const stream = new TcpStream(connections, passed?.close);
    if (next === undefined) stream.destroy();
    return endingWith(run, stream);
  });
}

/** sshd ends what it holds for a client that has gone. */
function endingWith(run: Run, stream: TcpStream): TcpStream {
  void run.gone.then(() => stream.destroy());
  return stream;
}

/** What an nginx shows is in the file of whoever is asked for, which it reads at that moment. */
async function handshake(
  machine: Machine,
  tunnel: Tunnel,
  { address, port, name }: HandshakeTarget,
): Promise<X509Certificate> {
  const facts = { name: `${machine.name} handshake ${address}:${port}`, isChange: false, takesMs: WAY_MS };
  return await tunnel.call(facts, async () => {
    const { target } = await reach(machine, address, port, UNREACHED_MS);
    const { program } = target.container;
    const pem = program instanceof Nginx ? program.workers?.certificateFor(port, name ?? '') : undefined;
    if (pem === undefined) throw new Error('unrecognized name');
    return new X509Certificate(pem);
  });
}

async function reach(
  machine: Machine,
  address: string,
  port: number,
  timeoutMs: number,
): Promise<{ target: Target; from: string }> {
  const found = machine.dial(address, port);
  if (found === 'nowhere') {
    await machine.simulation.clock.sleep(Math.min(timeoutMs, UNREACHED_MS));
    throw refused('No route to host');
  }
  const { target, from } = found;
  if (target === undefined) throw refused('Connection refused');
  return { target, from };
}

function refused(why: string): Error {
  return Object.assign(new Error(`(SSH) Channel open failure: ${why}`), { reason: CONNECT_FAILED });
}

/** TcpStream is a connection on which nobody says anything: it is open until somebody ends it. */
class TcpStream extends Duplex {
  readonly #connections: readonly [Namespace, Connection][];
  readonly #onClose: (() => void) | undefined;

  constructor(connections: readonly [Namespace, Connection][], onClose?: () => void) {
    super();
    this.#connections = connections;
    this.#onClose = onClose;
    for (const [namespace, connection] of connections) namespace.connections.add(connection);
  }

  override _read(): void {
    // Nothing ever comes.
  }

  override _write(_chunk: unknown, _encoding: BufferEncoding, done: () => void): void {
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    for (const [namespace, connection] of this.#connections) namespace.close(connection);
    this.#onClose?.();
    done(error);
  }
}
