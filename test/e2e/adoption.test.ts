import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import { resetServer } from '../lab/reset.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import { versionOf } from './ask.ts';
import { borrow, type LentServers, seedOf } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { frontConfig, HandMade } from './hand-made.ts';
import { describeMoment, isChosen, type Moment, momentsOf, sampleOf, strike } from './moments.ts';
import { once } from './once.ts';
import type { Project } from './project.ts';
import { said } from './said.ts';
import { size } from './size.ts';
import { startUsers } from './users.ts';
import { newProject, webService } from './web-shop.ts';

jest.setTimeout(size.killMatrixMinutes * 60_000);

const SEED = Number(process.env.SWITCHYARD_SEED ?? 4);
const DOMAIN = 'shop.example.com';

/** What runs already on a server is taken over by the first deploy, and nobody notices. */
describe('A server on which something runs already', () => {
  let lab: LentServers;
  let byHand: HandMade;
  let byOlderWay: HandMade;
  let loads: HttpTraffic[] = [];

  beforeAll(async () => {
    lab = await borrow(2);
    [byHand, byOlderWay] = lab.servers.map((server) => new HandMade(lab, server)) as [HandMade, HandMade];
  });

  afterAll(async () => {
    await Promise.all(loads.map((load) => load.stop()));
    lab?.giveBack();
  });

  /** Users with connections that they keep, and users that open one for each request. */
  async function startLoad(server: LabServer): Promise<void> {
    loads = [startUsers([server], DOMAIN), startUsers([server], DOMAIN, { keepAlive: false })];
    await Promise.all(loads.map((load) => load.untilSent(50)));
  }

  /** The figures of both kinds of users; those that were lost are shown. */
  async function endLoad(): Promise<{ sent: number; losses: unknown[] }> {
    const results = await Promise.all(loads.splice(0).map((load) => load.stop()));
    return {
      sent: results.reduce((sum, { sent }) => sum + sent, 0),
      losses: results.flatMap(({ losses }) => losses),
    };
  }

  async function shopOf(
    { server }: HandMade,
    services: Record<string, Record<string, unknown>>,
    sidecar = {},
  ): Promise<Project> {
    const shop = await newProject(lab, 'shop', [server], services);
    return shop.edit((config) => {
      config.sidecar = { ...lab.sidecar, ...sidecar };
    });
  }

  function api(): Record<string, unknown> {
    return { ...webService(lab, 'shop', 1), image: lab.images.web('v2') };
  }

  /** An app, a redis with data, and an nginx in front, under names that somebody liked. */
  async function makeByHand(): Promise<void> {
    await resetServer(byHand.server, seedOf(lab));
    await byHand.network('hand');
    await byHand.redis('old-redis', 'hand', 'redis-data');
    await byHand.app('old-api', 'hand', 'v1');
    await byHand.nginx('front', 'hand', frontConfig(DOMAIN, 'old-api'));
    await byHand.server.docker('exec', 'old-redis', 'redis-cli', 'set', 'orders', '42');
    await byHand.server.docker('exec', 'old-redis', 'redis-cli', 'save');
  }

  function shopByHand(): Promise<Project> {
    const redis = {
      image: lab.images.redis,
      adopt: 'old-redis',
      strategy: 'recreate',
      volumes: [{ type: 'volume', source: 'redis-data', target: '/data', external: true }],
      healthcheck: { test: ['CMD', 'redis-cli', 'ping'], interval: '1s' },
    };
    return shopOf(
      byHand,
      { redis, api: { ...api(), adopt: 'old-api', depends_on: ['redis'] } },
      { adopt: 'front' },
    );
  }

  async function expectTakenOver(shop: Project): Promise<void> {
    expect(await byHand.settled()).toEqual([
      'shop_production_api',
      'shop_production_nginx',
      'shop_production_redis',
      'switchyard_edge',
    ]);
    expect(await versionOf(byHand.server, DOMAIN)).toBe('v2');
    expect(await byHand.server.docker('exec', 'shop_production_redis', 'redis-cli', 'get', 'orders')).toMatch(
      /^42$/m,
    );
    expect((await shop.deploy()).outputs.changed).toBe('false');
    expect(await shop.releases()).toEqual({ api: 1, redis: 1 });
  }

  /** A deploy over what was made by hand, under load; what it went through. */
  const takenOver = once(async () => {
    await makeByHand();
    const shop = await shopByHand();
    const plan = said(await shop.deploy({ 'dry-run': 'true' }));
    expect(plan).toContain(`adopts old-api on ${byHand.server.host}`);
    expect(plan).toContain('past front');
    await startLoad(byHand.server);
    const run = await shop.deploy();
    await loads[0]!.untilVersion('v2');
    const { sent, losses } = await endLoad();
    expect(losses).toEqual([]);
    console.log(`taken over in ${run.ms} ms, ${losses.length} of ${sent} requests lost`);
    await expectTakenOver(shop);
    return momentsOf(run.log);
  });

  test('containers of any name and their front: all leave, and no request and no data is lost', async () => {
    await takenOver();
  });

  fullSizeTest('containers of the older naming: found by their names, the sidecar among them', async () => {
    const network = 'shop_production_network';
    await byOlderWay.network(network);
    await byOlderWay.app('shop_production_api', network, 'v1');
    const listen =
      'server { listen 5999; server_name _; location / { proxy_pass http://shop_production_api:3000; } }\n';
    await byOlderWay.nginx(
      'shop_production_nginx',
      network,
      frontConfig(DOMAIN, 'shop_production_api', { server: listen }),
      ...['--network-alias', 'nginx'],
    );
    const shop = await shopOf(byOlderWay, { api: api() });
    await startLoad(byOlderWay.server);
    await shop.deploy();
    await loads[0]!.untilVersion('v2');
    const { sent, losses } = await endLoad();
    expect(losses).toEqual([]);
    console.log(`${losses.length} of ${sent} requests lost`);
    expect(await byOlderWay.settled()).toEqual([
      'shop_production_api_secondary',
      'shop_production_nginx',
      'switchyard_edge',
    ]);
    const { docker } = byOlderWay.server;
    const found = await docker('exec', 'shop_production_api_secondary', 'getent', 'hosts', 'nginx');
    const address = await docker(
      ...['inspect', '--format', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`],
      'shop_production_nginx',
    );
    expect(found.split(/\s+/)[0]).toBe(address.trim());
    expect((await shop.deploy()).outputs.changed).toBe('false');
  });

  fullSizeTest('what must not be lost silently is refused before anything changes', async () => {
    await makeByHand();
    const before = await byHand.containers();
    const shop = await shopByHand();
    shop.edit((config) => {
      config.services.redis!.volumes = ['data:/data'];
      config.services.api!.domain = 'www.example.com';
    });
    const refused = said(await shop.failToDeploy());
    expect(refused).toContain(
      'old-redis writes to the volume redis-data at /data, which redis does not mount',
    );
    expect(refused).toContain(`front serves ${DOMAIN}, which no service of the file has as its domain`);
    shop.edit((config) => {
      config.sidecar = { image: lab.images.nginx };
      config.services = { api: { ...api(), adopt: 'old-api' } };
    });
    expect(said(await shop.failToDeploy())).toContain('the edge needs port 80, which front holds');
    expect(await byHand.containers()).toEqual(before);
  });

  fullSizeTest(
    'a run that is killed while it takes over: nobody notices, and the next run finishes it',
    async () => {
      const all = (await takenOver()).map((moment) => ({ moment }));
      const isTaking = ({ moment: { kind } }: { moment: Moment }) =>
        ['divert', 'drain', 'stop', 'remove'].includes(kind);
      const taking = all.filter(isTaking);
      // The other steps are those of any deploy, and the kill matrix has each of their moments.
      const others = all.filter((one) => !isTaking(one));
      const cases = [...taking, ...sampleOf(others, SEED)];
      const wrong: string[] = [];
      for (const { moment } of cases.filter(isChosen)) wrong.push(...(await killAt(moment)));
      expect(wrong).toEqual([]);
    },
  );

  async function killAt(moment: Moment): Promise<string[]> {
    const title = `SIGKILL ${describeMoment(moment)}`;
    console.log(title);
    await makeByHand();
    const shop = await shopByHand();
    await startLoad(byHand.server);
    const run = shop.start('toggle-deploy');
    const wrong: string[] = [];
    try {
      await strike(run, moment, () => run.signal('SIGKILL'));
      const { state } = await run.done;
      await shop.run('post', {}, { STATE_lease: state.lease ?? '' });
      await shop.deploy();
      await expectTakenOver(shop);
    } catch (error) {
      wrong.push(`${title}: ${(error as Error).message}\n${run.log()}`);
    }
    const { sent, losses } = await endLoad();
    if (losses.length > 0)
      wrong.push(`${title}: ${losses.length} of ${sent} lost: ${JSON.stringify(losses[0])}`);
    return wrong;
  }
});
