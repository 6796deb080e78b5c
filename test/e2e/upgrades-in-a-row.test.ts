import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startHttpTraffic } from '../lab/traffic/http.ts';
import { startHttp2Traffic } from '../lab/traffic/http2.ts';
import { openStreams } from '../lab/traffic/streams.ts';
import { startTcpTraffic } from '../lab/traffic/tcp.ts';
import type { Traffic } from '../lab/traffic/traffic.ts';
import { borrow, type LentServers } from './fleet.ts';
import { Project, serversOf } from './project.ts';
import { certificateOn } from './secure.ts';
import { size } from './size.ts';
import { webService } from './web-shop.ts';

const UPGRADES = size.isFull ? 10 : 1;
const DOMAIN = 'shop.example.com';
/** Where the edge passes tcp on, and a port more that comes and goes. */
const TCP = 7_000;
const FURTHER = 7_001;

jest.setTimeout(300_000 + UPGRADES * 180_000);

const HTTP2 = 'HTTP/2 over TLS';

/** An nginx that goes refuses what comes by HTTP/2 just then: nobody got it, and every client may send it again (RFC 9113 §8.7). */
function isRefused({ detail }: { detail?: string }): boolean {
  return detail?.startsWith('REFUSED_STREAM') ?? false;
}

/**
 * Edge and sidecar get another image, other ports and other settings, again and again, one server with engine 26.1 and one
 * with 20.10, while clients of every kind use them that never try anything twice.
 */
describe('Edge and sidecar that are upgraded again and again', () => {
  let lab: LentServers;
  let shop: Project;
  let loads: Record<string, Traffic> = {};

  beforeAll(async () => {
    lab = await borrow(2);
    for (const server of lab.servers) await server.docker('tag', lab.images.nginx, newer());
    const web = {
      ...webService(lab, 'shop', 2),
      environment: { TCP_PORT: '4000' },
      publish: [`${TCP}:4000`],
      drain: { timeout: '60s' },
    };
    shop = await Project.create(lab, {
      project: 'shop',
      sidecar: lab.sidecar,
      tls: { mode: 'self-signed', redirect: false },
      environments: { production: { provider: 'static', user: 'deploy', servers: serversOf(lab.servers) } },
      services: { web },
    });
    await shop.deploy();
  });

  afterAll(async () => {
    await Promise.all(Object.values(loads).map((load) => load.stop()));
    lab?.giveBack();
  });

  /** The same nginx under the name of a newer one: what changes is the container. */
  function newer(): string {
    return lab.images.nginx.replace(/:[^/:]*$/, ':1.31');
  }

  async function startLoads(): Promise<void> {
    const { users, secure } = size;
    const targetsAt = (port: number) => lab.servers.map(({ host }) => ({ host, port }));
    const maxSeconds = 300 + UPGRADES * 180;
    const ca = (await certificateOn(lab.servers[0]!, DOMAIN)).toString();
    const tls = { ca, servername: DOMAIN };
    const http = { targets: targetsAt(80), hostHeader: DOMAIN, maxSeconds, ...users };
    loads = {
      'HTTP/1.1 with keep-alive': startHttpTraffic(http),
      'HTTP/1.1 without': startHttpTraffic({ ...http, keepAlive: false }),
      'HTTP/1.1 with keep-alive over TLS': startHttpTraffic({ ...http, targets: targetsAt(443), tls }),
      'TCP that is passed on': startTcpTraffic({ targets: targetsAt(TCP), clients: 8, maxSeconds }),
      [HTTP2]: startHttp2Traffic({
        ...{ targets: targetsAt(443), authority: DOMAIN, tls, maxSeconds },
        ...{ connections: 8, streams: secure.http2.streams, thinkMs: secure.http2.thinkMs },
      }),
    };
    await Promise.all(Object.values(loads).map((load) => load.untilSent(20)));
  }

  /** Another image, a port more or less, and another setting of both nginx. */
  function change(round: number): void {
    const isNewer = round % 2 === 0;
    shop.edit((config) => {
      config.sidecar = { ...lab.sidecar, image: isNewer ? newer() : lab.images.nginx };
      config.services.web!.publish = [`${TCP}:4000`, ...(isNewer ? [`${FURTHER}:4000`] : [])];
      config.services.web!.max_body_size = isNewer ? '100m' : '200m';
    });
  }

  async function imagesOn(server: LentServers['servers'][number]): Promise<string[]> {
    const asked = await server.docker(
      ...['inspect', '--format', '{{.Config.Image}}', 'switchyard_edge', 'shop_production_nginx'],
    );
    return asked.trim().split('\n');
  }

  test(`${UPGRADES} in a row lose nothing of anybody`, async () => {
    await startLoads();
    for (let round = 0; round < UPGRADES; round++) {
      const { websockets, events } = size.streams;
      const streams = await openStreams({
        targets: lab.servers.map(({ host }) => ({ host, port: 80 })),
        hostHeader: DOMAIN,
        websockets,
        events,
        maxSeconds: 300,
      });
      change(round);
      const run = shop.start('toggle-deploy');
      await run.says(/give the name of the sidecar|waits for .* connections?/);
      const { opened, alive, broken } = await streams.finish();
      expect({ alive, broken }).toEqual({ alive: opened, broken: [] });
      const { code, log } = await run.done;
      expect({ code, log }).toEqual({ code: 0, log: expect.any(String) });
      const image = round % 2 === 0 ? newer() : lab.images.nginx;
      for (const server of lab.servers) expect(await imagesOn(server)).toEqual([image, image]);
    }
    const results = await Promise.all(
      Object.entries(loads).map(async ([name, load]) => ({ name, ...(await load.stop()) })),
    );
    loads = {};
    const told = results.map(({ name, sent, losses }) => `${name}: ${losses.length} of ${sent}`);
    console.log(`${UPGRADES} upgrades of edge and sidecar, lost: ${told.join(', ')}`);
    const lost = results.flatMap(({ name, losses }) => losses.map((loss) => ({ name, loss })));
    expect(lost.filter(({ name, loss }) => name !== HTTP2 || !isRefused(loss))).toEqual([]);
    expect((await shop.deploy()).outputs.changed).toBe('false');
  });
});
