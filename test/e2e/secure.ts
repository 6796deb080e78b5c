import type { X509Certificate } from 'node:crypto';
import { type ConnectionOptions, connect } from 'node:tls';
import type { LabServer } from '../lab/lab.ts';
import { newRequest } from '../lab/traffic/http-request.ts';
import { Http2Connection } from '../lab/traffic/http2-connection.ts';

const TIMEOUT_MS = 5_000;

/** certificateOn returns the certificate that a server shows for a domain; it must lead to `ca`, unless that is left out. */
export function certificateOn(
  { host }: Pick<LabServer, 'host'>,
  domain: string,
  ca?: string,
  more: ConnectionOptions = {},
): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...{ host, port: 443, servername: domain, timeout: TIMEOUT_MS },
      ...(ca === undefined ? { rejectUnauthorized: false } : { ca }),
      ...more,
    });
    socket.once('secureConnect', () => {
      resolve(socket.getPeerX509Certificate()!);
      socket.destroy();
    });
    socket.once('timeout', () => socket.destroy(new Error(`no handshake with ${host}`)));
    socket.once('error', reject);
  });
}

/** secureVersionOf asks the lab's app behind a domain for its version, over HTTP/2 and a connection of its own. */
export async function secureVersionOf(
  { host }: Pick<LabServer, 'host'>,
  domain: string,
  ca: string,
): Promise<string> {
  const connection = await Http2Connection.open({ host, port: 443 }, { ca, servername: domain }, TIMEOUT_MS);
  try {
    const where = { authority: domain, path: '/version' };
    const { status, body } = await connection.exchange(newRequest('GET'), where, TIMEOUT_MS);
    if (status !== 200) throw new Error(`${domain} on ${host} answered ${status}: ${body}`);
    return (JSON.parse(body.toString()) as { version: string }).version;
  } finally {
    connection.close();
  }
}
