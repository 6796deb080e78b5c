import { type AddressInfo, createServer, type Socket } from 'node:net';
import ssh2 from 'ssh2';
import type { LabServer } from '../lab/lab.ts';

/** A loopback port of this machine that leads to an address which only a server can reach. */
export interface Tunnel {
  host: string;
  port: number;
  close(): Promise<void>;
}

/**
 * openTunnel forwards a free loopback port through SSH, as `ssh -L` does: what connects to it, the server connects
 * to the target. That is how a test gets to a sidecar, which serves its project's network only.
 */
export async function openTunnel(
  server: LabServer,
  privateKey: string,
  target: { host: string; port: number },
): Promise<Tunnel> {
  const client = new ssh2.Client();
  await new Promise<void>((resolve, reject) => {
    client.once('ready', resolve).once('error', reject);
    client.connect({ host: server.host, port: server.port, username: 'deploy', privateKey });
  });
  client.setNoDelay(true);
  const open = new Set<Socket>();
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    open.add(near);
    near.on('close', () => open.delete(near));
    near.on('error', () => near.destroy());
    client.forwardOut('127.0.0.1', 0, target.host, target.port, (error, far) => {
      if (error) return near.destroy();
      far.on('error', () => near.destroy());
      near.pipe(far).pipe(near);
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return {
    host: '127.0.0.1',
    port: (listener.address() as AddressInfo).port,
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
      client.end();
    },
  };
}
