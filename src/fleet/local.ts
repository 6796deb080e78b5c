import { type AddressInfo, connect, createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { EngineClient } from '../docker/engine-client.ts';
import { messageOf, UserError } from '../model/errors.ts';
import type { ServerSpec } from '../model/spec.ts';
import type { Listener } from '../ssh/connection.ts';
import type { DialTcp } from './dial.ts';
import { freeHere } from './disk.ts';
import { checkEngine } from './engine-check.ts';
import { handshakeOver } from './handshake.ts';
import { HttpOver } from './http.ts';
import type { Provider } from './server.ts';

/** localProvider deploys to the engine of the machine that runs the action: the one server of `servers`. */
export function localProvider(servers: readonly ServerSpec[], socketPath = dockerSocket()): Provider {
  return {
    servers: async () => [...servers],
    ensure: async () => [...servers],
    async connect(spec) {
      const engine = new EngineClient(() => open({ path: socketPath }));
      try {
        await checkEngine(engine, spec.name);
      } catch (error) {
        await engine.close();
        if (error instanceof UserError) throw error;
        throw new UserError(`no Docker engine answers at ${socketPath} (${messageOf(error)})`, {
          hint: 'The local provider needs Docker on the machine that runs the action, and the right to use it.',
          cause: error,
        });
      }
      const http = new HttpOver(dial);
      return {
        spec,
        name: spec.name,
        engine,
        http,
        dial,
        listen,
        handshake: handshakeOver(dial),
        freeBytes: freeHere,
        close: async () => {
          await Promise.all([http.close(), engine.close()]);
        },
      };
    },
  };
}

const dial: DialTcp = (address, port) => open({ host: address, port, noDelay: true });

function listen(accept: (stream: Duplex) => void): Promise<Listener> {
  const server = createServer(accept);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () =>
      resolve({
        port: (server.address() as AddressInfo).port,
        close: async () => void server.close(),
      }),
    );
  });
}

function dockerSocket(): string {
  const host = process.env.DOCKER_HOST;
  return host?.startsWith('unix://') ? host.slice('unix://'.length) : '/var/run/docker.sock';
}

function open(target: { path: string } | { host: string; port: number; noDelay: boolean }): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect(target);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
