import { type ConnectionOptions, connect, type SecureVersion, type TLSSocket } from 'node:tls';
import { Loss, lossOf } from './loss.ts';
import { nameOf, type Target } from './targets.ts';

/** How clients speak TLS. They believe nobody but `ca`, and the names in a certificate are checked. */
export interface ClientTls {
  /** PEM of the root. */
  ca: string;
  /** The name that is asked for, and that the certificate must have. */
  servername: string;
  /** The one version that is spoken; default: the best of both ends. */
  version?: SecureVersion;
  /** Whether a connection goes on with the session of an earlier one to the same target, where there is one; default false. */
  resumes?: boolean;
}

/** Sessions by target, the newest of each; none is used twice, as RFC 8446 (C.4) wants it. */
const sessions = new Map<string, Buffer>();

/** tlsOptions returns what `node:tls` and `node:http2` are told; `protocol` is offered by ALPN. */
export function tlsOptions(
  target: Target,
  { ca, servername, version, resumes = false }: ClientTls,
  protocol: 'h2' | 'http/1.1',
): ConnectionOptions {
  const session = resumes ? takeSession(target) : undefined;
  return {
    ...target,
    ca,
    servername,
    ALPNProtocols: [protocol],
    ...(version && { minVersion: version, maxVersion: version }),
    ...(session && { session }),
  };
}

/**
 * openTlsSocket connects to a target and shakes hands.
 * @param timeoutMs gives up after so many milliseconds
 * @throws Loss as `openSocket` does, and `handshake` where TLS fails
 */
export function openTlsSocket(target: Target, tls: ClientTls, timeoutMs: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect(tlsOptions(target, tls, 'http/1.1'));
    socket.setNoDelay();
    const fail = (loss: Loss): void => {
      clearTimeout(timer);
      socket.on('error', () => {}); // a late second error has nothing to add
      socket.destroy();
      reject(loss);
    };
    const timer = setTimeout(() => fail(new Loss('timeout', `no handshake in ${timeoutMs} ms`)), timeoutMs);
    const onError = (error: Error): void => fail(handshakeLoss(error));
    const onClose = (): void => fail(new Loss('closed', 'FIN in the handshake'));
    socket.once('error', onError).once('close', onClose);
    if (tls.resumes) keepSession(target, socket);
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      socket.off('error', onError).off('close', onClose);
      resolve(socket);
    });
  });
}

/** keepSession has the next connection to a target go on with the session of this one. */
export function keepSession(target: Target, socket: TLSSocket): void {
  socket.on('session', (session) => sessions.set(nameOf(target), session));
}

/** handshakeLoss turns an error before the first request into a Loss: what is none of the kernel's is one of TLS. */
export function handshakeLoss(error: Error): Loss {
  const loss = lossOf(error, 'connecting');
  const isOfKernel = /^E[A-Z0-9]+ /.test(loss.detail);
  return loss.kind === 'client' && !isOfKernel ? new Loss('handshake', error.message) : loss;
}

function takeSession(target: Target): Buffer | undefined {
  const session = sessions.get(nameOf(target));
  sessions.delete(nameOf(target));
  return session;
}
