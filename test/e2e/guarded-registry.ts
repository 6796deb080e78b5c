import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LabServer } from '../lab/lab.ts';

/** A registry that wants a name and a password. */
export interface GuardedRegistry {
  /** `127.0.0.1:34567`: on the runner's machine and on the servers. */
  address: string;
  close(): void;
}

/**
 * guardRegistry puts the registry of a lab behind a login (`name:password`), on the runner's machine and on servers. On a
 * server it ends by itself after ten minutes.
 */
export async function guardRegistry(
  registry: string,
  login: string,
  servers: readonly LabServer[] = [],
): Promise<GuardedRegistry> {
  const expected = `Basic ${Buffer.from(login).toString('base64')}`;
  const guard = (): Server =>
    createServer((asked, answer) => {
      if (asked.headers.authorization !== expected) {
        answer.writeHead(401, { 'www-authenticate': 'Basic realm="guarded"' }).end();
        return;
      }
      const { authorization: _, ...headers } = asked.headers;
      const passed = request(`http://${registry}${asked.url}`, { method: asked.method, headers }, (given) => {
        answer.writeHead(given.statusCode ?? 502, given.headers);
        given.pipe(answer);
      });
      asked.pipe(passed);
    });
  const here = await listening(guard(), '127.0.0.1');
  const { port } = here.address() as AddressInfo;
  const gateways = new Set(servers.map(({ host }) => host.replace(/\.\d+$/, '.1')));
  const outside = await Promise.all([...gateways].map((gateway) => listening(guard(), gateway, port)));
  for (const { host, exec } of servers) {
    const from = `TCP-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr`;
    const to = `TCP:${host.replace(/\.\d+$/, '.1')}:${port}`;
    await exec(['sh', '-c', `timeout 600 socat ${from} ${to} >/dev/null 2>&1 &`]);
  }
  const close = () => {
    for (const server of [here, ...outside]) server.close();
  };
  return { address: `127.0.0.1:${port}`, close };
}

async function listening(server: Server, host: string, port = 0): Promise<Server> {
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  return server;
}
