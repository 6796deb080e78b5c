import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type Authority, startAuthority } from '../lab/ca.ts';
import { makeCertificate } from '../lab/certificates.ts';
import { type FakeCloudflare, startCloudflare } from '../lab/cloudflare.ts';
import type { LabServer } from '../lab/lab.ts';
import { type Relay, startRelay } from '../lab/relay.ts';
import { holdRequests } from '../lab/traffic/held.ts';
import { startHttpTraffic } from '../lab/traffic/http.ts';
import { startHttp2Traffic } from '../lab/traffic/http2.ts';
import { openStreams, type Streams } from '../lab/traffic/streams.ts';
import type { ClientTls } from '../lab/traffic/tls.ts';
import type { Traffic } from '../lab/traffic/traffic.ts';
import type { ActionRun } from './action.ts';
import { ask } from './ask.ts';
import { borrow, type LentServers } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { Project, serversOf } from './project.ts';
import { certificateOn, secureVersionOf } from './secure.ts';
import { size } from './size.ts';
import { release, webService } from './web-shop.ts';

jest.setTimeout(Math.max(300_000, (size.secure.toggles + 1) * 60_000));

const EDGE = 'switchyard_edge';
const [SHOP, ...OTHERS] = ['shop.example.com', 'www.example.com', 'api.example.com'] as const;
/** As long as those of Let's Encrypt that live shortest. */
const LIFETIME_DAYS = 6;
const NAMES = [SHOP, ...OTHERS];

/** What many browsers do at once, and none of them ever asks for anything twice. */
describe('A shop that is served over HTTPS, with certificates from a real authority', () => {
  let lab: LentServers;
  let authority: Authority;
  let shop: Project;
  let loads: Record<string, Traffic> = {};
  let streams: Streams | undefined;
  const relays: Relay[] = [];

  beforeAll(async () => {
    lab = await borrow(2);
    authority = await startAuthority({ httpPort: 80, lifetimeDays: LIFETIME_DAYS });
    const hosts = lab.servers.map(({ host }) => host);
    for (const name of [...NAMES, 'later.example.com']) await authority.dns.address(name, ...hosts);
    shop = await newShop('shop', lab.servers, NAMES);
  });

  afterEach(async () => {
    await endLoads();
    await streams?.finish();
    streams = undefined;
    await Promise.all(relays.splice(0).map((relay) => relay.close()));
  });

  afterAll(async () => {
    await authority?.stop();
    lab?.giveBack();
  });

  /** A project with one web service. */
  function newShop(
    project: string,
    servers: readonly LabServer[],
    domain: readonly string[],
  ): Promise<Project> {
    const { url, ca } = authority.directory;
    return Project.create(lab, {
      project,
      sidecar: lab.sidecar,
      tls: { email: 'ops@example.com', directory: url, directory_ca: ca! },
      environments: { production: { provider: 'static', user: 'deploy', servers: serversOf(servers) } },
      services: { web: { ...webService(lab, project, servers.length), domain } },
    });
  }

  function doors(): { host: string; port: number }[] {
    return lab.servers.map(({ host }) => ({ host, port: 443 }));
  }

  function tls(more: Partial<ClientTls> = {}): ClientTls {
    return { ca: authority.root, servername: SHOP, ...more };
  }

  /** Clients of every kind, until they are ended. */
  async function startLoads(targets = doors()): Promise<void> {
    const { secure, users } = size;
    const common = { targets, maxSeconds: 3_600 };
    const http2 = (more: Partial<ClientTls>, connections = secure.http2.connections) =>
      startHttp2Traffic({ ...common, ...secure.http2, connections, authority: SHOP, tls: tls(more) });
    const http1 = { ...common, ...users, hostHeader: SHOP };
    const handshakes = (more: Partial<ClientTls>) =>
      startHttpTraffic({ ...http1, ...secure.handshakes, keepAlive: false, tls: tls(more) });
    // Both versions of HTTP and of TLS, connections that are kept, and sessions that are resumed.
    const some = {
      'HTTP/2, TLS 1.3': () => http2({ version: 'TLSv1.3' }),
      'a session that is resumed, TLS 1.2': () => handshakes({ version: 'TLSv1.2', resumes: true }),
    };
    const others = {
      'HTTP/2, TLS 1.2': () => http2({ version: 'TLSv1.2' }, 2),
      'HTTP/1.1 with keep-alive': () => startHttpTraffic({ ...http1, tls: tls() }),
      'a handshake for each request': () => handshakes({}),
      'a session that is resumed, TLS 1.3': () => handshakes({ version: 'TLSv1.3', resumes: true }),
    };
    const kinds = Object.entries<() => Traffic>(size.isFull ? { ...some, ...others } : some);
    loads = Object.fromEntries(kinds.map(([name, start]) => [name, start()]));
    await Promise.all(Object.values(loads).map((load) => load.untilSent(20)));
  }

  async function endLoads() {
    const ended = await Promise.all(
      Object.entries(loads).map(async ([name, load]) => [name, await load.stop()] as const),
    );
    loads = {};
    return ended;
  }

  /** Everybody was answered, and nobody's connection was ended. */
  async function expectNothingLost(what: string): Promise<void> {
    const ended = await endLoads();
    const lines = ended.map(
      ([name, { sent, lost, connections, resumed, latency, longestGapMs, clientStallMs }]) =>
        `  ${name}: ${sent} requests, ${lost} lost, ${connections} connections (${resumed} resumed), ` +
        `p50 ${latency.p50} p99 ${latency.p99} ms, longest gap ${longestGapMs} ms (the client itself ${clientStallMs})`,
    );
    console.log(`${what}\n${lines.join('\n')}`);
    const found = Object.fromEntries(
      ended.map(([name, { losses, lost, endedByServer }]) => [name, { losses, lost, endedByServer }]),
    );
    const nothing = { losses: [], lost: 0, endedByServer: 0 };
    expect(found).toEqual(Object.fromEntries(ended.map(([name]) => [name, nothing])));
    for (const [name, { sent, ok, resumed }] of ended) {
      expect(ok).toBe(sent);
      expect(resumed > 0).toBe(name.startsWith('a session'));
    }
  }

  /** The version that does not run now, not deployed yet. */
  function next(): string {
    const version = shop.config.services.web!.image === lab.images.web('v1') ? 'v2' : 'v1';
    release(shop, 'web', version);
    return version;
  }

  async function expectServed(version: string): Promise<void> {
    for (const server of lab.servers)
      for (const name of NAMES) expect(await secureVersionOf(server, name, authority.root)).toBe(version);
  }

  /** Processes of the edges: a reload has new workers. */
  async function workers(): Promise<string[]> {
    const lists = await Promise.all(
      lab.servers.map((server) => server.docker('top', EDGE, '-eo', 'pid,args')),
    );
    return lists.map((list) =>
      list
        .split('\n')
        .filter((line) => line.includes('worker process'))
        .map((line) => line.trim().split(' ')[0])
        .join(' '),
    );
  }

  /** Serial numbers of what all servers show for some names: one of each name, or the servers would not agree. */
  async function serials(names: readonly string[] = NAMES, ca = authority.root): Promise<string[]> {
    return await Promise.all(
      names.map(async (name) => {
        const shown = await Promise.all(lab.servers.map((server) => certificateOn(server, name, ca)));
        const all = new Set(shown.map(({ serialNumber }) => serialNumber));
        expect([name, all.size]).toEqual([name, 1]);
        return [...all][0]!;
      }),
    );
  }

  test('its first deploy, from nothing, brings a certificate for each domain to all servers', async () => {
    const { ms, log } = await shop.deploy();
    for (const name of NAMES) expect(log).toMatch(`issue a certificate for ${name}, by http-01`);
    await expectServed('v1');
    expect(new Set(await serials()).size).toBe(NAMES.length);
    for (const server of lab.servers) expect((await ask(server, SHOP)).status).toBe(308);
    console.log(`the first deploy, ${NAMES.length} certificates on 2 servers: ${Math.round(ms)} ms`);
    expect((await shop.deploy()).outputs.changed).toBe('false');
  });

  test('its toggles lose no request, end no connection, and have nginx read nothing', async () => {
    const before = await workers();
    await startLoads();
    const whole: number[] = [];
    for (let toggle = 1; toggle <= size.secure.toggles; toggle += 1) {
      const version = next();
      const { ms } = await shop.deploy();
      whole.push(Math.round(ms));
      await expectServed(version);
    }
    expect(await workers()).toEqual(before);
    await expectNothingLost(`${whole.length} toggles over HTTPS, whole runs of ${whole.join(', ')} ms`);
  });

  fullSizeTest('over a line of 50 ms, and with a thousand requests on their way', async () => {
    relays.push(...(await Promise.all(doors().map((target) => startRelay({ target, delayMs: 25 })))));
    const before = await workers();
    await startLoads(relays);
    for (let toggle = 1; toggle <= size.secure.toggles; toggle += 1) {
      const version = next();
      const held = await holdRequests({
        ...{ targets: doors(), hostHeader: SHOP, tls: tls() },
        ...{ count: size.heldConnections, path: '/slow?ms=5000' },
      });
      await shop.deploy();
      await expectServed(version);
      const { lost, losses } = await held.finished();
      expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
    }
    expect(await workers()).toEqual(before);
    await expectNothingLost(`${size.secure.toggles} toggles over a line of 50 ms`);
  });

  test('its WebSockets and events live on while it is toggled', async () => {
    const { websockets, events } = size.streams;
    streams = await openStreams({
      ...{ targets: doors(), hostHeader: SHOP, tls: tls() },
      ...{ websockets, events, maxSeconds: 300 },
    });
    const version = next();
    const run = shop.start('toggle-deploy');
    await run.says(/waits for .* connections? /);
    await expectServed(version);
    const { opened, alive, broken } = await streams.finish();
    expect({ opened, alive, broken }).toEqual({ opened: websockets + events, alive: opened, broken: [] });
    expect((await run.done).code).toBe(0);
  });

  /** The clock of a run, so many days later. */
  function later(days: number): Record<string, string> {
    return {
      NODE_OPTIONS: `--import=${join(import.meta.dirname, 'shifted-clock.mjs')}`,
      CLOCK_OFF_MS: String(days * 86_400_000),
    };
  }

  /** A run is told about a server that went away under it, or has not noticed. */
  function expectDoneOrSaid({ code, log }: ActionRun): void {
    if (code === 0) return;
    expect(log).toMatch(/^::error title=Switchyard::/m);
    expect(log).not.toMatch('please report it');
  }

  /** Waits until all servers serve a version; the old one must not be seen again. */
  async function untilSecure(version: string): Promise<void> {
    const deadline = performance.now() + 30_000;
    for (const server of lab.servers) {
      for (;;) {
        const seen = await secureVersionOf(server, SHOP, authority.root).catch(() => undefined);
        if (seen === version) break;
        expect(seen).toBeUndefined();
        if (performance.now() > deadline) throw new Error(`${server.host} does not serve ${SHOP}`);
        await sleep(100);
      }
    }
  }

  const failures: [string, (server: LabServer) => Promise<unknown>][] = [
    ['nginx is restarted', (server) => server.docker('restart', EDGE)],
  ];
  const worseFailures: typeof failures = [
    [
      'the engine is restarted',
      async (server) => {
        await server.stopEngine();
        await server.startEngine();
      },
    ],
    [
      'the server is rebooted',
      async (server) => {
        await server.stop();
        await server.start();
      },
    ],
    [
      'the server loses its power',
      async (server) => {
        await server.kill();
        await server.start();
      },
    ],
  ];

  test.each(size.isFull ? [...failures, ...worseFailures] : failures)(
    '%s right after a switch: the new side is served, and the next run converges',
    async (_what, strike) => {
      const version = next();
      const run = shop.start('toggle-deploy');
      await run.says(/^::debug::ends: prove: [\s\S]*^::debug::ends: prove: /m);
      await strike(lab.servers[0]!);
      expectDoneOrSaid(await run.done);
      await untilSecure(version);
      await shop.deploy();
      expect((await shop.deploy()).outputs.changed).toBe('false');
      await expectServed(version);
    },
  );

  test('its certificates are renewed on all servers in one run, and nobody notices', async () => {
    const [old, before] = await Promise.all([serials(), workers()]);
    await startLoads();
    const { code, log, ms } = await shop.run('certificates', {}, later(LIFETIME_DAYS - 1));
    expect({ code, log }).toEqual({ code: 0, log: expect.any(String) });
    for (const name of NAMES) expect(log).toMatch(`renew the certificate of ${name} (`);
    const renewed = await serials();
    expect(renewed.filter((serial) => old.includes(serial))).toEqual([]);
    await Promise.all(Object.values(loads).map((load) => load.untilSent(size.isFull ? 200 : 50)));
    expect(await workers()).toEqual(before);
    await expectNothingLost(`${NAMES.length} certificates renewed in ${Math.round(ms)} ms`);
    expect((await shop.deploy()).outputs.changed).toBe('false');
    expect(await serials()).toEqual(renewed);
  });

  test('a certificate whose key is known to others is revoked, once another one serves in its place', async () => {
    const [old] = (await serials([SHOP])) as [string];
    await startLoads();
    const inputs = { action: 'revoke', domains: SHOP, 'revocation-reason': 'key-compromise' };
    const { code, log } = await shop.run('certificates', inputs);
    expect({ code, log }).toEqual({ code: 0, log: expect.any(String) });
    const [fresh] = (await serials([SHOP])) as [string];
    expect(await Promise.all([old, fresh].map((serial) => authority.statusOf(serial)))).toEqual([
      'Revoked',
      'Valid',
    ]);
    await expectNothingLost('a certificate revoked');
    expect((await shop.deploy()).outputs.changed).toBe('false');
  });

  fullSizeTest('a server that comes later gets the certificate that there is', async () => {
    const name = 'later.example.com';
    const [first, second] = lab.servers as [LabServer, LabServer];
    await authority.dns.address(name, first.host);
    const grown = await newShop('later', [first], [name]);
    await grown.deploy();
    const { serialNumber } = await certificateOn(first, name, authority.root);
    await authority.dns.address(name, first.host, second.host);
    const { log } = await grown
      .edit(({ environments, services }) => {
        environments.production!.servers = serversOf(lab.servers);
        services.web!.servers = 2;
      })
      .deploy();
    expect(log).toMatch(`copy the certificate of ${name} from ${first.host} to ${second.host}`);
    expect(log).not.toMatch('::debug::begins: certify: ');
    expect((await certificateOn(second, name, authority.root)).serialNumber).toBe(serialNumber);
  });

  describe('with a wildcard by DNS, a certificate of its own, and one that it has signed itself', () => {
    const WILD = ['wild.example.org', '*.wild.example.org'];
    const [OWN, SELF] = ['own.example.org', 'self.example.org'];
    let cloudflare: FakeCloudflare;

    beforeAll(async () => {
      let published = Promise.resolve();
      cloudflare = await startCloudflare({
        zones: ['example.org'],
        nameServers: [authority.nameServer],
        publish: (name, values) => {
          published = published.then(async () => {
            await authority.dns.clearText(name);
            for (const value of values) await authority.dns.text(name, value);
          });
          return published;
        },
      });
    });

    afterAll(() => cloudflare?.stop());

    test('it has all of them after one run', async () => {
      const own = await makeCertificate([OWN]);
      const wild = await newShop('wild', lab.servers, [...WILD, OWN, SELF]);
      wild.edit((config) => {
        config.tls = {
          ...{ ...(config.tls as object), cloudflare_token: 'CLOUDFLARE_TOKEN' },
          domains: {
            [OWN]: { mode: 'files', certificate: 'OWN_CERTIFICATE', key: 'OWN_KEY' },
            [SELF]: { mode: 'self-signed' },
          },
        };
      });
      const secrets = JSON.stringify({
        ...{ CLOUDFLARE_TOKEN: cloudflare.apiToken, OWN_CERTIFICATE: own.chain, OWN_KEY: own.privateKey },
      });
      const { port } = new URL(cloudflare.apiUrl);
      const env = {
        NODE_OPTIONS: `--import=${join(import.meta.dirname, 'rerouted.mjs')}`,
        REROUTED: JSON.stringify({ 'api.cloudflare.com': { host: '127.0.0.1', port: Number(port) } }),
      };
      const { log } = await wild.deploy({ secrets }, env);
      for (const secret of [cloudflare.apiToken, own.privateKey.split('\n')[1]!])
        expect(log.replaceAll(/^::add-mask::.*$/gm, '')).not.toMatch(secret);
      await serials(['wild.example.org', 'any.wild.example.org', 'other.wild.example.org']);
      await serials([OWN], own.chain);
      for (const server of lab.servers) {
        const { issuer, subject } = await certificateOn(server, SELF);
        expect(issuer).toBe(subject);
        expect(await secureVersionOf(server, 'any.wild.example.org', authority.root)).toBe('v1');
        await expect(secureVersionOf(server, 'a.b.wild.example.org', authority.root)).rejects.toThrow();
      }
      expect(cloudflare.records).toEqual([]);
      expect((await wild.deploy({ secrets }, env)).outputs.changed).toBe('false');
    });
  });
});
