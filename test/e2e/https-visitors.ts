import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';

/** Where visitors come by HTTPS, and whom they believe. */
export interface HttpsVisit {
  /** The address of a server. */
  host: string;
  domains: readonly string[];
  /** PEM of the roots that their browsers know. */
  roots: readonly string[];
}

/** What visitors have seen when they have gone. */
export interface HttpsVisited {
  /** Requests that were sent, by how: `keep-alive`, `http/2` and `handshake`, with a connection for each. */
  sent: Record<Kind, number>;
  /** What got no whole and good answer, or came over a connection that is not to be believed. */
  losses: string[];
  /** Streams of HTTP/2 that the server has told to be sent again, by RFC 9113 §8.7, and that were answered then. */
  repeated: number;
  /** Serials of the certificates that were shown, by domain. */
  serials: Record<string, string[]>;
}

/** Visitors of several kinds, until `leave`. */
export interface HttpsVisitors {
  /** untilSent waits until each kind has sent so many more requests. */
  untilSent(count: number): Promise<void>;
  leave(): Promise<HttpsVisited>;
}

type Kind = 'keep-alive' | 'http/2' | 'handshake';
const KINDS: readonly Kind[] = ['keep-alive', 'http/2', 'handshake'];

const TIMEOUT_MS = 15_000;
/** Visitors of each kind, for each domain. */
const EACH = 2;
/** Streams that one of them sends at once over HTTP/2. */
const STREAMS = 4;
const THINK_MS = 10;

/**
 * startHttpsVisitors has visitors ask for some domains over HTTPS: with connections that they keep, with a handshake for
 * each request, and over HTTP/2 with several streams at once. Every handshake has to show a certificate that they believe.
 */
export function startHttpsVisitors(visit: HttpsVisit): HttpsVisitors {
  const seen: HttpsVisited = {
    sent: { 'keep-alive': 0, 'http/2': 0, handshake: 0 },
    losses: [],
    repeated: 0,
    serials: {},
  };
  let isOver = false;
  const note = (domain: string, socket: TLSSocket): void => {
    const { serialNumber } = socket.getPeerCertificate() as PeerCertificate;
    const serials = new Set(seen.serials[domain]).add(serialNumber);
    seen.serials[domain] = [...serials];
  };
  const attempt = async (kind: Kind, domain: string, work: () => Promise<void>): Promise<void> => {
    seen.sent[kind] += 1;
    await work().catch((error: NodeJS.ErrnoException) => {
      seen.losses.push(`${new Date().toISOString()} ${kind} ${domain}: ${error.code ?? ''} ${error.message}`);
    });
  };
  const until = async (work: () => Promise<void>): Promise<void> => {
    while (!isOver) {
      await work();
      await sleep(THINK_MS);
    }
  };
  const overHttp1 = async (domain: string, kind: Exclude<Kind, 'http/2'>): Promise<void> => {
    // A session that is resumed shows no certificate.
    const agent = new Agent({ keepAlive: kind === 'keep-alive', maxSockets: 1, maxCachedSessions: 0 });
    await until(() => attempt(kind, domain, () => getHttp1(visit, domain, agent, note)));
    agent.destroy();
  };
  const overHttp2 = async (domain: string): Promise<void> => {
    const client = new Http2Visitor(visit, domain, note);
    await until(async () => {
      await Promise.all(Array.from({ length: STREAMS }, () => attempt('http/2', domain, () => client.get())));
    });
    seen.repeated += client.repeated;
    await client.close();
  };
  const all = Promise.all(
    visit.domains.flatMap((domain) =>
      Array.from({ length: EACH }, () => [
        overHttp1(domain, 'keep-alive'),
        overHttp1(domain, 'handshake'),
        overHttp2(domain),
      ]).flat(),
    ),
  );
  return {
    async untilSent(count) {
      const before = { ...seen.sent };
      const isSent = (kind: Kind) => seen.sent[kind] - before[kind] >= count;
      while (!KINDS.every(isSent)) await sleep(THINK_MS);
    },
    async leave() {
      isOver = true;
      await all;
      return seen;
    },
  };
}

type Note = (domain: string, socket: TLSSocket) => void;

function getHttp1({ host, roots }: HttpsVisit, domain: string, agent: Agent, note: Note): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        ...{ host, port: 443, path: '/work?ms=20', servername: domain, headers: { host: domain } },
        ...{ agent, ca: [...roots], timeout: TIMEOUT_MS },
      },
      (answer) => {
        answer.resume();
        answer.once('error', reject);
        answer.once('end', () => {
          if (answer.statusCode === 200) resolve();
          else reject(new Error(`status ${answer.statusCode}`));
        });
      },
    );
    asked.once('socket', (socket) => {
      if (socket.connecting) socket.once('secureConnect', () => note(domain, socket as TLSSocket));
    });
    asked.once('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.once('error', reject);
    asked.end();
  });
}

/** A connection of HTTP/2. */
interface Session {
  http2: ClientHttp2Session;
  /** Streams that are not over. */
  open: number;
  /** The last stream that the server works on, once it has said that it takes no more. */
  lastBegun: number | undefined;
}

/** One who keeps a connection for as long as the server does, and sends again only what the server says it has not begun. */
class Http2Visitor {
  repeated = 0;
  readonly #visit: HttpsVisit;
  readonly #domain: string;
  readonly #note: Note;
  #session: Promise<Session> | undefined;

  constructor(visit: HttpsVisit, domain: string, note: Note) {
    this.#visit = visit;
    this.#domain = domain;
    this.#note = note;
  }

  async get(): Promise<void> {
    for (;;) {
      this.#session ??= this.#connect();
      const own = this.#session;
      const session = await own.catch((error) => {
        this.#forget(own);
        throw error;
      });
      if (!session.http2.closed) {
        if (await getOver(session)) return;
        this.repeated += 1;
      }
      // One that is left for good; others may have come by a new one meanwhile.
      if (session.http2.closed || session.lastBegun !== undefined) this.#forget(own);
    }
  }

  async close(): Promise<void> {
    const session = await this.#session?.catch(() => undefined);
    session?.http2.destroy();
  }

  #forget(session: Promise<Session>): void {
    if (this.#session === session) this.#session = undefined;
  }

  async #connect(): Promise<Session> {
    const { host, roots } = this.#visit;
    const socket = connect({
      ...{ host, port: 443, servername: this.#domain, ca: [...roots], ALPNProtocols: ['h2'] },
    });
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(TIMEOUT_MS) });
    this.#note(this.#domain, socket);
    const http2 = connectHttp2(`https://${this.#domain}`, { createConnection: () => socket });
    const session: Session = { http2, open: 0, lastBegun: undefined };
    // Its streams tell.
    http2.on('error', () => undefined);
    http2.once('goaway', (_code, lastBegun) => {
      session.lastBegun = lastBegun;
      leaveWhenIdle(session);
    });
    return session;
  }
}

/** As browsers do: the server waits for it. */
function leaveWhenIdle({ http2, open, lastBegun }: Session): void {
  if (open === 0 && lastBegun !== undefined) http2.destroy();
}

/** Whether a request was answered; else the server has not begun with it. */
function getOver(session: Session): Promise<boolean> {
  const { http2 } = session;
  return new Promise((resolve, reject) => {
    const stream = http2.request({ ':path': '/work?ms=20' });
    session.open += 1;
    let status = 0;
    let isWhole = false;
    let failure: Error | undefined;
    stream.setTimeout(TIMEOUT_MS, () => stream.destroy(new Error('no answer in time')));
    stream.once('response', (headers) => {
      status = headers[':status'] ?? 0;
    });
    stream.once('end', () => {
      isWhole = true;
    });
    stream.once('error', (error) => {
      failure = error;
    });
    stream.once('close', () => {
      session.open -= 1;
      leaveWhenIdle(session);
      const isRefused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
      const isUnbegun =
        (stream.id ?? Number.POSITIVE_INFINITY) > (session.lastBegun ?? Number.POSITIVE_INFINITY);
      if (status === 200 && isWhole && failure === undefined) resolve(true);
      else if (status === 0 && (isRefused || isUnbegun)) resolve(false);
      else reject(failure ?? new Error(`status ${status}, stream ${stream.id}, code ${stream.rstCode}`));
    });
    stream.resume();
  });
}
