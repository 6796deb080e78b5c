import { request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LabServer } from '../lab/lab.ts';

/** What a server answered over HTTP. */
export interface Answer {
  status: number;
  body: string;
}

/**
 * ask sends one GET, or a POST with a body, to the edge of a server, from outside, as a browser would. It rejects when there is no
 * whole answer within five seconds.
 */
export function ask(
  { host }: Pick<LabServer, 'host'>,
  domain: string,
  path = '/version',
  body?: string,
): Promise<Answer> {
  const method = body === undefined ? 'GET' : 'POST';
  return new Promise((resolve, reject) => {
    const asked = request(
      { host, port: 80, path, method, headers: { host: domain }, agent: false, timeout: 5_000 },
      (answer) => {
        let got = '';
        answer.setEncoding('utf8').on('data', (text: string) => {
          got += text;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: got }));
        answer.on('error', reject);
      },
    );
    asked.on('timeout', () => asked.destroy(new Error(`no answer of ${domain} on ${host}`)));
    asked.on('error', reject);
    asked.end(body);
  });
}

/** versionOf asks the lab's app behind a domain for its version. */
export async function versionOf(server: Pick<LabServer, 'host'>, domain: string): Promise<string> {
  const { status, body } = await ask(server, domain);
  if (status !== 200) throw new Error(`${domain} on ${server.host} answered ${status}: ${body}`);
  return (JSON.parse(body) as { version: string }).version;
}

/** untilServed waits until a domain is answered with 200, and throws when that takes too long. */
export async function untilServed(
  server: Pick<LabServer, 'host'>,
  domain: string,
  withinMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while ((await ask(server, domain).catch(() => undefined))?.status !== 200) {
    if (performance.now() > deadline) throw new Error(`${server.host} does not serve ${domain}`);
    await sleep(100);
  }
}

/** knock tries to open a TCP connection from this machine; it tells what came of it within two seconds. */
export function knock(host: string, port: number): Promise<'open' | 'refused' | 'no answer'> {
  const socket = connect({ host, port, timeout: 2_000 });
  const { promise, resolve } = Promise.withResolvers<'open' | 'refused' | 'no answer'>();
  socket.once('connect', () => resolve('open'));
  socket.once('timeout', () => resolve('no answer'));
  socket.once('error', (error: NodeJS.ErrnoException) =>
    resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'no answer'),
  );
  return promise.finally(() => socket.destroy());
}
