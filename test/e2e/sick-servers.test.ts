import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import type { ActionRun } from './action.ts';
import { untilServed, versionOf } from './ask.ts';
import { borrow, type LentServers } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { Project } from './project.ts';
import { said } from './said.ts';
import { size } from './size.ts';
import { startUsers } from './users.ts';
import { newWebShop, release } from './web-shop.ts';

jest.setTimeout(600_000);

const DOMAIN = 'sick.example.com';
const CHECKS = /^::debug::begins: answer: /m;
const RETIRES = /^::debug::begins: drain: /m;
/** From the fault to the end of the run. */
const LONGEST_MS = 90_000;

/** Something is wrong with one of two servers. It is said, the other one loses nothing, and the next run converges. */
describe('A server that is not well', () => {
  let lab: LentServers;
  let sound: LabServer;
  let sick: LabServer;
  let shop: Project;
  let traffic: HttpTraffic | undefined;

  beforeAll(async () => {
    lab = await borrow(2);
    [sound, sick] = lab.servers as [LabServer, LabServer];
    shop = await newWebShop(lab, 'sick', lab.servers);
  });

  beforeEach(() => shop.stands());

  afterEach(async () => {
    await traffic?.stop();
    traffic = undefined;
  });

  afterAll(() => lab?.giveBack());

  /** The version that does not run now: the app in its other version, with nothing that an earlier story wanted. */
  function next(more: Record<string, unknown> = {}): { version: string; shop: Project } {
    const version = shop.config.services.web!.image === lab.images.web('v1') ? 'v2' : 'v1';
    release(shop, 'web', version).edit(({ services }) => {
      services.web = { ...services.web, environment: {}, healthcheck: { path: '/health' }, ...more };
    });
    return { version, shop };
  }

  /** The new containers take their time, so that something can happen meanwhile. */
  function nextSlowly(): Project {
    return next({
      environment: { HEALTH: 'slow', SLOW_MS: '6000' },
      healthcheck: { path: '/health', start_period: '60s' },
    }).shop;
  }

  /** What was on its way to a server that went down is lost with it, whoever deploys: there, load begins afterwards. */
  async function startLoad(servers: readonly LabServer[]): Promise<void> {
    traffic = startUsers(servers, DOMAIN);
    await traffic.untilSent(50);
  }

  async function expectNothingLost(): Promise<void> {
    const { lost, losses, sent } = await traffic!.stop();
    traffic = undefined;
    expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
    expect(sent).toBeGreaterThan(50);
  }

  function expectPlainFailure(failed: ActionRun): string {
    expect(failed.code).not.toBe(0);
    const words = said(failed);
    expect(words).toMatch(/^::error title=Switchyard::/m);
    expect(words).not.toMatch('please report it');
    return words;
  }

  async function expectServed(version: string): Promise<void> {
    for (const server of lab.servers) {
      expect(await versionOf(server, DOMAIN)).toBe(version);
      expect(await shop.containers(server, 'web')).toHaveLength(1);
    }
  }

  /** The next run makes everything as the file says, without losing a request, and leaves nothing to do. */
  async function expectConverging(): Promise<void> {
    await startLoad(lab.servers);
    const { version } = next();
    await shop.deploy();
    await expectServed(version);
    await expectNothingLost();
    expect((await shop.deploy()).outputs.changed).toBe('false');
    expect(await shop.lease()).toMatchObject({ released: true });
    for (const server of lab.servers) {
      const names = (await server.docker('ps', '--all', '--format', '{{.Names}}')).trim().split('\n');
      expect(names).toHaveLength(3);
    }
  }

  test('its engine is restarted in the middle of a deploy', async () => {
    const run = nextSlowly().start('toggle-deploy');
    await run.says(CHECKS);
    await sick.stopEngine();
    await startLoad([sound]);
    await sick.startEngine();
    const ended = await run.done;
    if (ended.code !== 0) expect(expectPlainFailure(ended)).toMatch(sick.host);
    await expectNothingLost();
    await expectConverging();
  });

  fullSizeTest.each([
    ['before the switch', CHECKS],
    ['after the switch', RETIRES],
  ])('it is rebooted in the middle of a deploy, %s', async (_when, moment) => {
    const run = nextSlowly().start('toggle-deploy');
    await run.says(moment);
    const begun = performance.now();
    await sick.stop();
    await startLoad([sound]);
    await sick.start();
    expect(expectPlainFailure(await run.done)).toMatch(sick.host);
    expect(performance.now() - begun).toBeLessThan(LONGEST_MS);
    await expectNothingLost();
    await expectConverging();
  });

  describe('the clock of the runner is ten minutes', () => {
    const off = (minutes: number) => ({
      NODE_OPTIONS: `--import=${join(import.meta.dirname, 'shifted-clock.mjs')}`,
      CLOCK_OFF_MS: String(minutes * 60_000),
    });

    fullSizeTest.each([
      ['fast', 10],
      ['slow', -10],
    ])('%s: its runs take their turn with others, and lose nothing', async (_how, minutes) => {
      await startLoad(lab.servers);
      const right = next().shop.start('toggle-deploy');
      await right.says(/^::debug::begins: /m);
      release(shop, 'web', 'v3');
      const wrong = shop.start('toggle-deploy', {}, off(minutes));
      const ended = await Promise.all([right.done, wrong.done]);
      expect(ended.map(({ code }) => code)).toEqual([0, 0]);
      expect(ended.map(({ log }) => log).join('\n')).not.toMatch(/taking over|please report it/);
      await expectServed('v3');
      await expectNothingLost();
    });
  });

  describe('the image of edge and sidecar', () => {
    test('cannot be had: said for every server before anything is changed', async () => {
      const missing = await Project.create(lab, {
        ...structuredClone(shop.config),
        project: 'missing',
        sidecar: { image: `${lab.registry.address}/nginx:none`, keepalive_min_timeout: '2s' },
      });
      const failed = expectPlainFailure(await missing.failToDeploy());
      for (const { host, docker } of lab.servers) {
        expect(failed).toMatch(`${host}: pulling ${lab.registry.address}/nginx:none failed`);
        expect(await docker('network', 'ls', '--format', '{{.Name}}')).not.toMatch('missing');
      }
      expect(await missing.standing()).toEqual({});
      expect(await missing.recordId()).toBeUndefined();
    });

    fullSizeTest('was removed while they run: it is pulled again first', async () => {
      await sick.docker('image', 'rm', '--force', lab.images.nginx);
      await startLoad(lab.servers);
      const { version } = next();
      const { log } = await shop.deploy();
      expect(log).toMatch(`pull ${lab.images.nginx} on ${sick.host}`);
      await expectServed(version);
      await expectNothingLost();
    });
  });

  // Jest wants no hooks where there are no tests.
  if (size.isFull) {
    describe('its disk is full', () => {
      /** What containers, volumes and networks are made of lies on a disk of its own from here on. */
      beforeAll(async () => {
        await shop.stands();
        await sick.stopEngine();
        const smallDisk = `mount -t tmpfs -o size=16m tmpfs /mnt
          for part in containers volumes network; do
            mkdir /mnt/$part && cp -a /var/lib/docker/$part/. /mnt/$part && mount --bind /mnt/$part /var/lib/docker/$part
          done`;
        expect(await sick.exec(['sh', '-ec', smallDisk])).toMatchObject({ code: 0 });
        await sick.startEngine();
        await untilServed(sick, DOMAIN);
      });

      const fill = () => sick.exec(['dd', 'if=/dev/zero', 'of=/mnt/full', 'bs=4k']);
      const makeRoom = () => sick.exec(['rm', '--force', '/mnt/full']);

      afterEach(makeRoom);

      test('before a deploy: nobody switches, and what runs serves on', async () => {
        const serving = await versionOf(sound, DOMAIN);
        await startLoad(lab.servers);
        await fill();
        const failed = expectPlainFailure(await next().shop.failToDeploy());
        expect(failed).toMatch(new RegExp(`${sick.host}: .*no space left on device`));
        await makeRoom();
        await expectServed(serving);
        await expectNothingLost();
        await shop.stands();
        await expectConverging();
      });

      test.each([
        ['while new containers start', CHECKS],
        ['while the old ones drain', RETIRES],
      ])('%s: what runs serves on', async (_when, moment) => {
        await startLoad(lab.servers);
        const run = nextSlowly().start('toggle-deploy');
        await run.says(moment);
        await fill();
        const ended = await run.done;
        if (ended.code !== 0) expect(expectPlainFailure(ended)).toMatch(sick.host);
        await makeRoom();
        await expectNothingLost();
        await expectConverging();
      });
    });
  }
});
