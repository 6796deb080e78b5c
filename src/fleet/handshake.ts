import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import type { DialTcp } from './dial.ts';

/** Whom to ask for a certificate. */
export interface HandshakeTarget {
  address: string;
  port: number;
  /** The name that is asked for; undefined names nobody. */
  name: string | undefined;
}

/** Handshake asks a server for the certificate that it shows for a name. */
export type Handshake = (target: HandshakeTarget, timeoutMs: number) => Promise<X509Certificate>;

/**
 * handshakeOver returns what asks for the certificate of a name, over connections of `dial`. Whether it is to be believed
 * is not its concern. It rejects when there is no handshake within the time, as for a name that the server does not have.
 */
export function handshakeOver(dial: DialTcp): Handshake {
  return async ({ address, port, name }, timeoutMs) => {
    const socket = await dial(address, port);
    const { promise, resolve, reject } = Promise.withResolvers<X509Certificate>();
    const secure = connect({
      socket,
      // One that nobody trusts is a certificate as well; nothing is said to whoever has it.
      rejectUnauthorized: false,
      ...(name !== undefined && { servername: name }),
    });
    const timeout = () => secure.destroy(new Error('no answer in time'));
    const signal = AbortSignal.timeout(timeoutMs);
    signal.addEventListener('abort', timeout, { once: true });
    secure.once('secureConnect', () => {
      const { raw } = secure.getPeerCertificate();
      if (raw === undefined) reject(new Error('no certificate'));
      else resolve(new X509Certificate(raw));
    });
    secure.on('error', reject);
    secure.once('close', () => reject(new Error('the connection was closed')));
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', timeout);
      secure.destroy();
    }
  };
}
