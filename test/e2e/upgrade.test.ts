import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import { openStreams, type Streams } from '../lab/traffic/streams.ts';
import { borrow, type LentServers } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { describeMoment, isChosen, type Moment, momentsOf, strike } from './moments.ts';
import type { Project } from './project.ts';
import { said } from './said.ts';
import { size } from './size.ts';
import { startUsers } from './users.ts';
import { newProject, release, webService } from './web-shop.ts';

jest.setTimeout(size.killMatrixMinutes * 60_000);

const DOMAIN = 'shop.example.com';

/** The image of the edge changes while everybody uses it, one server with engine 26.1 and one with 20.10. */
describe('An edge that is upgraded', () => {
  let lab: LentServers;
  let shop: Project;
  let loads: HttpTraffic[] = [];
  let streams: Streams | undefined;

  beforeAll(async () => {
    lab = await borrow(2);
    for (const server of lab.servers) await server.docker('tag', lab.images.nginx, newer());
    const web = { ...webService(lab, 'shop', 2), drain: { timeout: 0 } };
    shop = await newProject(lab, 'shop', lab.servers, { web });
    await shop.deploy();
  });

  afterAll(async () => {
    await Promise.all(loads.map((load) => load.stop()));
    await streams?.finish();
    lab?.giveBack();
  });

  /** The same nginx under the name of a newer one: what changes is the container. */
  function newer(): string {
    return lab.images.nginx.replace(/:[^/:]*$/, ':1.31');
  }

  function withImage(image: string): Project {
    return shop.edit((config) => {
      config.sidecar = { ...lab.sidecar, image };
    });
  }

  /** Users with connections that they keep, and users that open one for each request. */
  async function startLoad(): Promise<void> {
    loads = [startUsers(lab.servers, DOMAIN), startUsers(lab.servers, DOMAIN, { keepAlive: false })];
    await Promise.all(loads.map((load) => load.untilSent(50)));
  }

  async function endLoad(): Promise<{ sent: number; losses: unknown[] }> {
    const results = await Promise.all(loads.splice(0).map((load) => load.stop()));
    const sent = results.reduce((sum, one) => sum + one.sent, 0);
    return { sent, losses: results.flatMap(({ losses }) => losses) };
  }

  function imageOf(server: LabServer): Promise<string> {
    return server.docker('inspect', '--format', '{{.Config.Image}}', 'switchyard_edge');
  }

  async function expectUpgraded(image: string): Promise<void> {
    for (const server of lab.servers) expect((await imageOf(server)).trim()).toBe(image);
    expect((await shop.deploy()).outputs.changed).toBe('false');
  }

  test('takes all new connections, and the old one goes with its last stream: nothing is lost', async () => {
    withImage(newer());
    expect(said(await shop.deploy({ 'dry-run': 'true' }))).toMatch(/upgrade the edge on .*1\.30 → 1\.31/);
    await startLoad();
    const { websockets, events } = size.streams;
    streams = await openStreams({
      targets: lab.servers.map(({ host }) => ({ host, port: 80 })),
      hostHeader: DOMAIN,
      websockets,
      events,
      maxSeconds: 300,
    });
    const run = shop.start('toggle-deploy');
    await run.says(/waits for .* connections? to its port/);
    await Promise.all(loads.map((load) => load.untilSent(200)));
    const { opened, alive, broken } = await streams.finish();
    streams = undefined;
    expect({ alive, broken }).toEqual({ alive: opened, broken: [] });
    const { code, log } = await run.done;
    expect({ code, log }).toEqual({ code: 0, log: expect.any(String) });
    const { sent, losses } = await endLoad();
    expect(losses).toEqual([]);
    console.log(`upgraded under ${sent} requests and ${opened} streams: 0 lost`);
    await expectUpgraded(newer());
  });

  fullSizeTest('comes in one run with a new version, and goes back the same way', async () => {
    await startLoad();
    const run = await release(withImage(lab.images.nginx), 'web', 'v2').deploy();
    await loads[0]!.untilVersion('v2');
    const { sent, losses } = await endLoad();
    expect(losses).toEqual([]);
    console.log(`upgraded with a new version in ${run.ms} ms: 0 of ${sent} lost`);
    await expectUpgraded(lab.images.nginx);
  });

  fullSizeTest('a run that is killed at each moment of it: the next one finishes it', async () => {
    const isOfUpgrade = ({ kind }: Moment) =>
      ['upgrade', 'divert', 'upgrade sidecar', 'hand over', 'stop', 'remove', 'prepare'].includes(kind);
    const { log } = await withImage(newer()).deploy();
    const moments = momentsOf(log).filter((moment) => isOfUpgrade(moment) && isChosen({ moment }));
    const lost: unknown[] = [];
    for (const moment of moments) {
      await withImage(lab.images.nginx).deploy();
      console.log(`SIGKILL ${describeMoment(moment)}`);
      await startLoad();
      const run = withImage(newer()).start('toggle-deploy');
      await strike(run, moment, () => run.signal('SIGKILL'));
      const { state } = await run.done;
      await shop.run('post', {}, { STATE_lease: state.lease ?? '' });
      await shop.deploy();
      await expectUpgraded(newer());
      lost.push(...(await endLoad()).losses);
    }
    expect(lost).toEqual([]);
  });
});
