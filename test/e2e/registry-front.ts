import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LabServer } from '../lab/lab.ts';

/** What stands before a registry, on the runner's machine and on servers. */
export interface RegistryFront {
  /** `127.0.0.1:34567`: on the runner's machine and on the servers. */
  address: string;
  close(): void;
}

/** A front that can be told to take no pushes. */
export interface RefusingFront extends RegistryFront {
  /** refuses says how pushes end from now on; without a word they pass. */
  refuses(how?: Refusal): void;
}

/** How a registry does not take what is pushed to it. */
export type Refusal = keyof typeof REFUSALS;

/** It answers a request itself, and returns true; or it leaves that to the registry. */
type Judge = (asked: IncomingMessage, answer: ServerResponse) => boolean;

/** guardRegistry puts the registry of a lab behind a login (`name:password`). On a server it ends by itself after ten minutes. */
export async function guardRegistry(
  registry: string,
  login: string,
  servers: readonly LabServer[] = [],
): Promise<RegistryFront> {
  const expected = `Basic ${Buffer.from(login).toString('base64')}`;
  const guard: Judge = ({ headers }, answer) => {
    if (headers.authorization === expected) return false;
    answer.writeHead(401, { 'www-authenticate': 'Basic realm="guarded"' }).end();
    return true;
  };
  return await frontOf(registry, guard, servers);
}

/** refuseAtRegistry puts a registry behind one that refuses pushes, and gives what is there. On a server it ends by itself after ten minutes. */
export async function refuseAtRegistry(
  registry: string,
  servers: readonly LabServer[] = [],
): Promise<RefusingFront> {
  let refusal: Refusal | undefined;
  const judge: Judge = (asked, answer) => {
    const isPush = !['GET', 'HEAD'].includes(asked.method ?? '');
    return refusal !== undefined && isPush && REFUSALS[refusal](asked, answer);
  };
  const front = await frontOf(registry, judge, servers);
  return Object.assign(front, {
    refuses(how?: Refusal) {
      refusal = how;
    },
  });
}

/** Those of registries that people have: GitHub's, Docker's, and one behind a proxy that goes away. */
const REFUSALS = {
  denied: (_asked, answer) =>
    refuse(answer, 403, { code: 'DENIED', message: 'permission_denied: write_package' }),
  busy: (_asked, answer) =>
    refuse(answer.setHeader('retry-after', '120'), 429, {
      code: 'TOOMANYREQUESTS',
      message: 'You have reached your push rate limit',
    }),
  cut: (asked) => {
    if (!/\/blobs\/uploads\/./.test(asked.url ?? '')) return false;
    asked.once('data', () => asked.socket.destroy());
    return true;
  },
} satisfies Record<string, Judge>;

function refuse(answer: ServerResponse, status: number, error: { code: string; message: string }): boolean {
  answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ errors: [error] }));
  return true;
}

async function frontOf(
  registry: string,
  judge: Judge,
  servers: readonly LabServer[],
): Promise<RegistryFront> {
  const front = (): Server =>
    createServer((asked, answer) => {
      if (judge(asked, answer)) return;
      const { authorization: _, ...headers } = asked.headers;
      const passed = request(`http://${registry}${asked.url}`, { method: asked.method, headers }, (given) => {
        answer.writeHead(given.statusCode ?? 502, given.headers);
        given.pipe(answer);
      });
      passed.on('error', () => answer.destroy());
      asked.pipe(passed);
    });
  const here = await listening(front(), '127.0.0.1');
  const { port } = here.address() as AddressInfo;
  const gateways = new Set(servers.map(({ host }) => host.replace(/\.\d+$/, '.1')));
  const outside = await Promise.all([...gateways].map((gateway) => listening(front(), gateway, port)));
  for (const { host, exec } of servers) {
    const from = `TCP-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr`;
    const to = `TCP:${host.replace(/\.\d+$/, '.1')}:${port}`;
    await exec(['sh', '-c', `timeout 600 socat ${from} ${to} >/dev/null 2>&1 &`]);
  }
  const close = () => {
    for (const server of [here, ...outside]) {
      server.close();
      server.closeAllConnections();
    }
  };
  return { address: `127.0.0.1:${port}`, close };
}

async function listening(server: Server, host: string, port = 0): Promise<Server> {
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  return server;
}
