import { Agent, get } from 'node:http';
import type { LabServer } from '../lab/lab.ts';

/** So often each server is asked. */
const EVERY_MS = 10;

/** A client that stands outside of a run. */
export interface Outsider {
  /** When each server had answered by the new version, in milliseconds since `begun`: the last of them. */
  served: Promise<number>;
  /** stop ends the asking. It throws when any request got no answer. */
  stop(): Promise<void>;
}

/**
 * askFromOutside asks each of some servers for the page of a domain every 10 ms, whether or not it has answered before, until
 * all have answered with `text`; `begun` is a time of `performance.now()`.
 */
export function askFromOutside(
  servers: readonly LabServer[],
  domain: string,
  text: string,
  begun: number,
): Outsider {
  const agent = new Agent({ keepAlive: true });
  const waiting = new Set(servers);
  const pending = new Set<Promise<void>>();
  const lost: string[] = [];
  const served = Promise.withResolvers<number>();
  const askOnce = async (server: LabServer) => {
    const answer = await ask(agent, server.host, domain).catch((error: Error) => error);
    if (answer instanceof Error) lost.push(`${server.host}: ${answer.message}`);
    else if (answer.trim() === text && waiting.delete(server) && waiting.size === 0)
      served.resolve(performance.now() - begun);
  };
  const timer = setInterval(() => {
    for (const server of servers) {
      const asked = askOnce(server).finally(() => pending.delete(asked));
      pending.add(asked);
    }
  }, EVERY_MS);
  return {
    served: served.promise,
    async stop() {
      clearInterval(timer);
      await Promise.all(pending);
      agent.destroy();
      if (lost.length > 0) throw new Error(`${lost.length} requests got no answer: ${lost[0]}`);
    },
  };
}

function ask(agent: Agent, host: string, domain: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ agent, host, headers: { host: domain }, timeout: 5_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () =>
        response.statusCode === 200 ? resolve(body) : reject(new Error(`status ${response.statusCode}`)),
      );
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', reject);
  });
}
