import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import { type Relay, startRelay } from '../lab/relay.ts';
import { type HttpTraffic, startHttpTraffic } from '../lab/traffic/http.ts';
import { type Fleet, fleet } from './fleet.ts';
import type { Project } from './project.ts';
import { resultOf } from './recorded.ts';
import { size } from './size.ts';
import { newWebShop, release } from './web-shop.ts';

/** One way to load a service while it is toggled. */
interface LoadCase {
  name: string;
  /** How many servers it stands on; with one, it is reached by its container's name. */
  servers: number;
  toggles: number;
  /** So many at least. */
  requests: number;
  keepAlive?: boolean;
  /** Added each way between client and edge. */
  delayMs?: number;
}

/** Cases 1 and 2: clients that never send anything twice, through all edges, while the service is replaced. */
describe('A web service is toggled under load, and not one request is lost', () => {
  let lab: Fleet;
  const shops: Project[] = [];
  let traffic: HttpTraffic | undefined;
  let relays: Relay[] = [];

  beforeAll(async () => {
    lab = await fleet();
  });

  afterEach(async () => {
    await traffic?.stop();
    await Promise.all(relays.map((relay) => relay.close()));
    relays = [];
  }, 120_000);

  afterAll(async () => {
    await Promise.all(shops.map((shop) => shop.leave()));
  }, 120_000);

  /** The shop on so many servers: it is deployed once, and every case toggles it. */
  async function shopOn(servers: readonly LabServer[]): Promise<Project> {
    const name = `toggled-${servers.length}`;
    let shop = shops.find(({ config }) => config.project === name);
    if (shop === undefined) {
      shop = await newWebShop(lab, name, servers);
      shops.push(shop);
    }
    await shop.stands();
    return shop;
  }

  /** How many toggles the history of the record tells of. */
  async function toggled(shop: Project): Promise<number> {
    const line = new RegExp(`^${shop.config.project} production: web [1-9]\\d* → \\d+ \\(\\S+, \\d server`);
    return (await shop.history()).filter((subject) => line.test(subject)).length;
  }

  const { load, variant } = size;
  const cases: LoadCase[] = [
    { name: 'on two servers, keep-alive', servers: 2, ...load },
    ...(size.isFull
      ? [
          { name: 'without keep-alive', servers: 2, keepAlive: false, ...variant },
          { name: 'over a line of 50 ms', servers: 2, delayMs: 25, ...variant },
          { name: 'on one server, keep-alive', servers: 1, ...variant },
        ]
      : []),
  ];

  test.each(cases)(
    '$name',
    async ({ name, servers: count, toggles, requests, keepAlive = true, delayMs = 0 }) => {
      const servers = lab.servers.slice(0, count);
      const shop = await shopOn(servers);
      const { project } = shop.config;
      const { release: before, copies: stood } = await shop.recorded('web');
      const toggledBefore = await toggled(shop);
      const doors = servers.map(({ host }) => ({ host, port: 80 }));
      if (delayMs > 0) {
        relays = await Promise.all(doors.map((target) => startRelay({ target, delayMs })));
      }
      const { clients, thinkMs } = size;
      traffic = startHttpTraffic({
        targets: relays.length > 0 ? relays : doors,
        hostHeader: `${project}.example.com`,
        clients,
        thinkMs,
        keepAlive,
        maxSeconds: 3_600,
      });
      await traffic.untilSent(10 * clients);

      let side = stood[0]!.slot;
      for (let toggle = 1; toggle <= toggles; toggle += 1) {
        const version = shop.config.services.web!.image === lab.images.web('v1') ? 'v2' : 'v1';
        side = side === 'base' ? 'secondary' : 'base';
        const run = await release(shop, 'web', version).deploy();
        const { copies } = resultOf(run, 'web');
        expect(copies).toMatchObject(servers.map(({ host }) => ({ server: host, slot: side })));
        for (const server of servers) {
          expect(await shop.containers(server, 'web')).toEqual([
            `${project}_production_web${side === 'base' ? '' : '_secondary'}`,
          ]);
        }
        // Nobody answers any more but what was deployed last.
        const { versions: answered } = await traffic.snapshot();
        await traffic.untilSent((await traffic.snapshot()).sent + 2 * clients);
        const { versions: after } = await traffic.snapshot();
        const other = version === 'v1' ? 'v2' : 'v1';
        expect(after[version]).toBeGreaterThan(answered[version]!);
        expect(after[other]).toBe(answered[other]);
      }

      await traffic.untilSent(requests, 600_000);
      const { sent, ok, lost, losses, ...figures } = await traffic.stop();
      expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
      expect(ok).toBe(sent);
      expect(sent).toBeGreaterThanOrEqual(requests);
      expect(await toggled(shop)).toBe(toggledBefore + toggles);
      expect((await shop.recorded('web')).release).toBe(before + toggles);
      console.log(`${name}: ${toggles} toggles, ${sent} requests, ${lost} lost`, figures);
    },
    (load.toggles + 1) * 60_000,
  );
});
