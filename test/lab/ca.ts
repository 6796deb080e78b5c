import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, fetch } from 'undici';
import { selfSigned } from '../../src/acme/certificate.ts';
import type { AcmeDirectory } from '../../src/acme/directory.ts';

/** How an authority of the lab is. */
export interface AuthorityOptions {
  /** Where HTTP-01 is asked for; default: a free port, which is then known by `httpPort`. */
  httpPort?: number;
  /** Accounts are made only with an external account binding. */
  needsBinding?: boolean;
  /** For how long its certificates are valid. Default: five years. */
  lifetimeDays?: number;
  /** How many percent of good nonces it refuses. Default: 0. */
  refusedNonces?: number;
  /** How many percent of valid authorizations it uses again. Default: 0. */
  reusedAuthorizations?: number;
}

/** A real authority, pebble, with a name server of its own, pebble-challtestsrv. Both end with `stop`. */
export interface Authority {
  /** As clients are told of it. */
  directory: AcmeDirectory;
  /** Where it asks for HTTP-01. */
  httpPort: number;
  /** `127.0.0.1:PORT`, over UDP and TCP. */
  nameServer: string;
  /** PEM of the root that its chains lead to; a new one at every start. */
  root: string;
  dns: AuthorityDns;
  /** statusOf says of a certificate, by its serial, whether it is `Valid` or `Revoked`. */
  statusOf(serial: string): Promise<string>;
  /** stop ends both processes, and forgets their files. */
  stop(): Promise<void>;
}

/** What the name server of an authority says. Every name that nothing was said about is 127.0.0.1. */
export interface AuthorityDns {
  /** address has a name lead to these addresses. */
  address(name: string, ...addresses: string[]): Promise<void>;
  /** fail has every question for a name answered with SERVFAIL. */
  fail(name: string): Promise<void>;
  /** text adds a TXT record; pebble-challtestsrv keeps several for one name. */
  text(name: string, value: string): Promise<void>;
  /** clearText removes all TXT records of a name. */
  clearText(name: string): Promise<void>;
}

/** The external account that an authority with `needsBinding` knows. */
export const boundAccount = {
  keyId: 'kid-1',
  hmacKey: 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W',
};

/** startAuthority starts pebble and its name server on free ports of this machine; returns when both answer. */
export async function startAuthority(options: AuthorityOptions = {}): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-ca-'));
  const [port, management, dnsPort, dnsManagement, freePort, tlsPort] = await freePorts(6);
  const httpPort = options.httpPort ?? Number(freePort);
  const nameServer = `127.0.0.1:${dnsPort}`;
  const own = await selfSigned(['localhost'], { days: 30 });
  await writeFile(join(folder, 'chain.pem'), own.chain);
  await writeFile(join(folder, 'key.pem'), own.privateKey, { mode: 0o600 });
  await writeFile(
    join(folder, 'pebble.json'),
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${port}`,
        managementListenAddress: `127.0.0.1:${management}`,
        certificate: join(folder, 'chain.pem'),
        privateKey: join(folder, 'key.pem'),
        httpPort,
        tlsPort,
        ...(options.lifetimeDays && { certificateValidityPeriod: options.lifetimeDays * 86_400 }),
        externalAccountBindingRequired: options.needsBinding === true,
        externalAccountMACKeys: { [boundAccount.keyId]: boundAccount.hmacKey },
      },
    }),
  );
  const off = ['-http01', '', '-https01', '', '-tlsalpn01', ''];
  const processes = [
    start('pebble-challtestsrv', [
      ...off,
      ...['-dns01', nameServer, '-management', `127.0.0.1:${dnsManagement}`],
      // With an IPv6 address of its own for every name, pebble would ask there first.
      ...['-defaultIPv4', '127.0.0.1', '-defaultIPv6', ''],
    ]),
    start('pebble', ['-config', join(folder, 'pebble.json'), '-dnsserver', nameServer], {
      PEBBLE_VA_NOSLEEP: '1',
      PEBBLE_WFE_NONCEREJECT: String(options.refusedNonces ?? 0),
      PEBBLE_AUTHZREUSE: String(options.reusedAuthorizations ?? 0),
    }),
  ];
  const agent = new Agent({ connect: { ca: own.chain } });
  const stop = async () => {
    await Promise.all(processes.map(end));
    await agent.destroy();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const tell = (what: string, body: object) =>
      answered(processes, async () => {
        const url = `http://127.0.0.1:${dnsManagement}/${what}`;
        return await fetch(url, { method: 'POST', body: JSON.stringify(body) });
      });
    await tell('clear-txt', { host: 'ready.example.test.' });
    const url = `https://localhost:${management}/roots/0`;
    const root = await answered(processes, async () => await fetch(url, { dispatcher: agent }));
    return {
      directory: { url: `https://localhost:${port}/dir`, ca: own.chain },
      httpPort,
      nameServer,
      root,
      statusOf: async (serial) => {
        const status = `https://localhost:${management}/cert-status-by-serial/${serial.toLowerCase()}`;
        const text = await answered(processes, async () => await fetch(status, { dispatcher: agent }));
        return (JSON.parse(text) as { Status: string }).Status;
      },
      dns: dnsOf(async (what, body) => {
        await tell(what, body);
      }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function dnsOf(tell: (what: string, body: object) => Promise<void>): AuthorityDns {
  const host = (name: string) => `${name}.`;
  return {
    address: (name, ...addresses) => tell('add-a', { host: host(name), addresses }),
    fail: (name) => tell('set-servfail', { host: host(name) }),
    text: (name, value) => tell('set-txt', { host: host(name), value }),
    clearText: (name) => tell('clear-txt', { host: host(name) }),
  };
}

/** Asks until there is an answer, for as long as the processes live and 20 s at most. */
async function answered(
  processes: readonly Started[],
  ask: () => Promise<Awaited<ReturnType<typeof fetch>>>,
): Promise<string> {
  const end = Date.now() + 20_000;
  for (;;) {
    try {
      const answer = await ask();
      const text = await answer.text();
      if (!answer.ok) throw new Error(`the authority of the lab answered ${answer.status}: ${text}`);
      return text;
    } catch (error) {
      const dead = processes.find(({ child }) => child.exitCode !== null);
      if (dead) throw new Error(`${dead.child.spawnfile} ended: ${dead.said()}`, { cause: error });
      if (Date.now() > end) throw error;
      await sleep(30);
    }
  }
}

interface Started {
  child: ChildProcess;
  said: () => string;
}

function start(program: string, args: readonly string[], env: Record<string, string> = {}): Started {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-4000);
    });
  }
  child.on('error', (error) => {
    said = `${error.message}: install the Debian package pebble (npm run lab does)`;
  });
  return { child, said: () => said };
}

async function end({ child }: Started): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const over = once(child, 'exit');
  child.kill('SIGKILL');
  await over;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
