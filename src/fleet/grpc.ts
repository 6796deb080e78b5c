import { connect } from 'node:http2';
import type { Duplex } from 'node:stream';
import { GRPC_HEADERS } from '../model/grpc.ts';

/** What came of a call of gRPC. */
export interface GrpcAnswer {
  /** Of HTTP; where it is not 200 there is nothing else. */
  httpStatus: number;
  /** `grpc-status`, 0 is good; undefined where none came. */
  status: number | undefined;
  /** What is said of it, for people. */
  text: string;
  /** The message, in its frame. */
  message: Buffer;
}

/** What is called, and how. */
export interface GrpcCall {
  /** `/package.Service/Method` */
  path: string;
  host: string;
  headers?: Readonly<Record<string, string>>;
  /** In its frame. */
  message: Buffer;
}

/**
 * callGrpc calls a method over a connection that is open, by HTTP/2 without TLS, and ends the connection. It rejects where
 * there is no whole answer within `timeoutMs`.
 */
export async function callGrpc(
  connection: Duplex,
  { path, host, headers = {}, message }: GrpcCall,
  timeoutMs: number,
): Promise<GrpcAnswer> {
  const session = connect(`http://${host}`, { createConnection: () => connection });
  const { promise, resolve, reject } = Promise.withResolvers<GrpcAnswer>();
  const isLate = () => reject(new Error(`no answer within ${timeoutMs} ms`));
  const timer = AbortSignal.timeout(timeoutMs);
  timer.addEventListener('abort', isLate, { once: true });
  session.on('error', reject);
  session.on('close', () => reject(new Error('the connection was closed before an answer')));
  const asked = { ':method': 'POST', ':path': path, ':authority': host };
  const stream = session.request({ ...asked, 'user-agent': 'switchyard', ...headers, ...GRPC_HEADERS });
  const pieces: Buffer[] = [];
  const answer = { httpStatus: 0, status: undefined as number | undefined, text: '' };
  // Without a message both come in one piece.
  const readStatus = (fields: Readonly<Record<string, unknown>>) => {
    if (fields['grpc-status'] !== undefined) answer.status = Number(fields['grpc-status']);
    if (fields['grpc-message'] !== undefined) answer.text = decoded(String(fields['grpc-message']));
  };
  stream.on('response', (fields) => {
    answer.httpStatus = Number(fields[':status']);
    readStatus(fields);
  });
  stream.on('trailers', readStatus);
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  stream.on('error', reject);
  stream.on('end', () => resolve({ ...answer, message: Buffer.concat(pieces) }));
  stream.end(message);
  try {
    return await promise;
  } finally {
    timer.removeEventListener('abort', isLate);
    session.destroy();
    connection.destroy();
  }
}

/** What is not ASCII comes as %C3%A4. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
