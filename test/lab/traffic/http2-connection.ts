import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Answer } from './http-connection.ts';
import type { TrafficRequest } from './http-request.ts';
import { Loss, lossOf } from './loss.ts';
import { nameOf, type Target } from './targets.ts';
import { type ClientTls, handshakeLoss, keepSession, tlsOptions } from './tls.ts';

/** A whole answer over HTTP/2. */
export type Http2Answer = Pick<Answer, 'status' | 'headers' | 'body'>;

const { NGHTTP2_REFUSED_STREAM, NGHTTP2_CANCEL } = constants;

/** Http2Connection is one connection that carries many requests at once and repeats none. */
export class Http2Connection {
  readonly target: Target;
  readonly #session: ClientHttp2Session;
  readonly #socket: TLSSocket;
  #ending: Loss | undefined;

  private constructor(target: Target, session: ClientHttp2Session, socket: TLSSocket) {
    this.target = target;
    this.#session = session;
    this.#socket = socket;
    const ends = (loss: Loss): void => {
      this.#ending ??= loss;
    };
    session.on('goaway', (code, lastStream) =>
      ends(new Loss('closed', `GOAWAY with code ${code}, last stream ${lastStream}`)),
    );
    session.on('error', (error) => ends(lossOf(error, 'connected')));
    session.on('close', () => ends(new Loss('closed', 'the connection is gone')));
    socket.on('end', () => ends(new Loss('closed', 'FIN from the server')));
  }

  /** open connects and shakes hands; throws a Loss when that fails or takes longer than `timeoutMs`. */
  static open(target: Target, tls: ClientTls, timeoutMs: number): Promise<Http2Connection> {
    return new Promise((resolve, reject) => {
      const socket = connectTls(tlsOptions(target, tls, 'h2'));
      socket.setNoDelay();
      if (tls.resumes) keepSession(target, socket);
      const session = connect(`https://${nameOf(target)}`, { createConnection: () => socket });
      const fail = (loss: Loss): void => {
        clearTimeout(timer);
        session.destroy();
        reject(loss);
      };
      const timer = setTimeout(
        () => fail(new Loss('timeout', `no connection in ${timeoutMs} ms`)),
        timeoutMs,
      );
      session.on('error', (error) => fail(handshakeLoss(error)));
      session.once('close', () => fail(new Loss('closed', 'FIN in the handshake')));
      // With the settings of the server it is known that it speaks HTTP/2.
      session.once('remoteSettings', () => {
        clearTimeout(timer);
        resolve(new Http2Connection(target, session, socket));
      });
    });
  }

  /** False once the server has said or shown that the connection ends. */
  get isReusable(): boolean {
    return this.#ending === undefined;
  }

  /** True where TLS went on with a session of an earlier connection. */
  get isResumed(): boolean {
    return this.#socket.isSessionReused();
  }

  /**
   * exchange sends one request and reads the whole answer.
   * @throws Loss when the answer does not arrive whole within `timeoutMs`
   */
  exchange(
    { method, id, body }: TrafficRequest,
    { authority, path }: { authority: string; path: string },
    timeoutMs: number,
  ): Promise<Http2Answer> {
    return new Promise((resolve, reject) => {
      if (this.#ending !== undefined) {
        reject(this.#ending);
        return;
      }
      const stream = this.#session.request(
        { ':method': method, ':authority': authority, ':path': path, 'x-traffic-id': id },
        { endStream: method === 'GET' },
      );
      const pieces: Buffer[] = [];
      const headers = new Map<string, string>();
      let status = 0;
      let failure: Loss | undefined;
      const timer = setTimeout(() => {
        failure = new Loss('timeout', `no whole answer in ${Math.round(timeoutMs)} ms`);
        stream.close(NGHTTP2_CANCEL);
      }, timeoutMs);
      stream.on('response', (found) => {
        status = found[':status'] ?? 0;
        for (const [name, value] of Object.entries(found)) headers.set(name, String(value));
      });
      let isWhole = false;
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('end', () => {
        isWhole = true;
      });
      stream.on('error', (error) => {
        failure ??= this.#lossOf(stream, error);
      });
      stream.on('close', () => {
        clearTimeout(timer);
        if (failure === undefined && isWhole && status !== 0 && stream.rstCode === 0) {
          resolve({ status, headers, body: Buffer.concat(pieces) });
        } else reject(failure ?? this.#lossOf(stream, undefined));
      });
      if (method === 'POST') stream.end(body);
    });
  }

  /** close ends the connection as a polite client does: what is in flight may end. */
  close(): void {
    this.#ending ??= new Loss('closed', 'by the client');
    this.#session.close();
  }

  #lossOf({ rstCode, id }: ClientHttp2Stream, error: Error | undefined): Loss {
    const where = `stream ${id} to ${nameOf(this.target)}`;
    if (rstCode === NGHTTP2_REFUSED_STREAM) return new Loss('refused', `REFUSED_STREAM on ${where}`);
    if (this.#ending !== undefined) return new Loss(this.#ending.kind, `${where}: ${this.#ending.detail}`);
    if (rstCode !== undefined && rstCode !== 0) return new Loss('reset', `RST_STREAM ${rstCode} on ${where}`);
    return error === undefined ? new Loss('closed', `no whole answer on ${where}`) : lossOf(error, where);
  }
}
