import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import { versionOf } from './ask.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import type { Project } from './project.ts';
import { said } from './said.ts';
import { startUsers } from './users.ts';
import { newProject, redisService, webService } from './web-shop.ts';

jest.setTimeout(300_000);

const DOMAIN = 'hooked.example.com';
/** GitHub gives a cancelled run 7.5 s before it insists. */
const CANCEL_MS = 7_000;
const BEGUN = /^::debug::ends: record hook: pre_deploy of web is begun/m;

/** Migrations count themselves in a redis of the environment: it shows how often one has run. */
describe('A release with hooks', () => {
  let lab: Fleet;
  let servers: LabServer[];
  let shop: Project;
  let traffic: HttpTraffic;
  /** How things are when a story begins. */
  let before: { standing: Record<string, string>; migrations: number; release: number };
  /** The version that serves then, and the one that the story deploys. */
  let old: string;
  let fresh: string;

  beforeAll(async () => {
    lab = await fleet();
    servers = lab.servers.slice(2, 4);
    shop = await newProject(lab, 'hooked', servers, {
      cache: redisService(lab),
      web: {
        ...webService(lab, 'hooked', 2),
        depends_on: ['cache'],
        environment: { TABLE: 'migrations' },
        pre_deploy: migration(),
      },
    });
    await shop.stands();
    traffic = startUsers(servers, DOMAIN);
    await traffic.untilSent(50);
  });

  beforeEach(async () => {
    await shop.stands();
    const { release } = await shop.recorded('web');
    before = { standing: await shop.standing(), migrations: await migrations(), release };
    old = await versionOf(servers[0]!, DOMAIN);
    fresh = old === 'v1' ? 'v2' : 'v1';
  });

  /** Nobody has noticed anything. */
  afterAll(async () => {
    await traffic?.untilSent(200);
    const { lost, losses } = await traffic.stop();
    await shop.leave();
    expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
  });

  /** A command that counts in redis that it has run, takes its time, and ends with a code. */
  function migration({ ms = 0, code = 0 } = {}): string[] {
    const script = `
      const { SWITCHYARD_CACHE_HOST: host, SWITCHYARD_CACHE_PORT: port, TABLE, VERSION } = process.env;
      const redis = require('net').connect(port, host);
      redis.write('INCR ' + TABLE + '\\r\\n');
      redis.once('data', (count) => {
        console.log('migration ' + count.toString().trim() + ' of ' + VERSION);
        setTimeout(() => process.exit(${code}), ${ms});
      });`;
    return ['node', '-e', script.replaceAll('$', '$$$$')];
  }

  function next(version: string, hooks: Record<string, unknown>): void {
    shop.edit(({ services }) => {
      const { pre_deploy, post_deploy, ...web } = services.web!;
      services.web = { ...web, image: lab.images.web(version), ...hooks };
    });
  }

  async function migrations(): Promise<number> {
    const [home] = await shop.homesOf('cache');
    return Number(await home!.docker('exec', 'hooked_production_cache', 'redis-cli', 'GET', 'migrations'));
  }

  async function expectServed(version: string): Promise<void> {
    for (const server of servers) {
      expect(await versionOf(server, DOMAIN)).toBe(version);
      expect(await shop.containers(server, 'web')).toHaveLength(1);
      expect(await server.docker('ps', '--all', '--filter', 'label=switchyard.hook', '--quiet')).toBe('');
    }
  }

  test('runs its migration once, for both servers, with the new image and its environment', async () => {
    next(fresh, { pre_deploy: migration() });
    const run = await shop.deploy();
    expect(run.log).toMatch(`migration :${before.migrations + 1} of ${fresh}`);
    expect(await migrations()).toBe(before.migrations + 1);
    await expectServed(fresh);
    const { release, hooks } = await shop.recorded('web');
    expect(release).toBe(before.release + 1);
    expect(hooks).toMatchObject({ release, pre_deploy: 'done' });
    expect((await shop.deploy()).outputs.changed).toBe('false');
  });

  test('changes nothing when its migration fails: its log is shown, and what served serves', async () => {
    next(fresh, { pre_deploy: migration({ code: 3 }) });
    const failed = said(await shop.failToDeploy());
    expect(failed).toMatch(/pre_deploy of web release \d+ ended with exit code 3/);
    expect(failed).toMatch(`| migration :${before.migrations + 1} of ${fresh}`);
    expect(await shop.standing()).toEqual(before.standing);
    await expectServed(old);
    expect(await shop.recorded('web')).toMatchObject({
      release: before.release,
      hooks: { pre_deploy: 'failed' },
    });
  });

  fullSizeTest(
    'whose run is killed while it migrates: the next run waits for that migration, and goes on',
    async () => {
      next(fresh, { pre_deploy: migration({ ms: 8_000 }) });
      const run = shop.start('toggle-deploy');
      await run.says(BEGUN);
      await untilMigrated();
      run.signal('SIGKILL');
      await run.done;
      const { log } = await shop.deploy();
      expect(log).toMatch(
        /^::debug::ends: await hook: wait until pre_deploy of web release \d+ on \S+ has ended/m,
      );
      expect(await migrations()).toBe(before.migrations + 1);
      await expectServed(fresh);
    },
  );

  fullSizeTest(
    'that was cancelled while it migrates: the next run asks, and does what it is told',
    async () => {
      next(fresh, { pre_deploy: migration({ ms: 60_000 }) });
      const run = shop.start('toggle-deploy');
      await run.says(BEGUN);
      await untilMigrated();
      const cancelledAt = performance.now();
      run.signal('SIGTERM');
      const cancelled = await run.done;
      expect(performance.now() - cancelledAt).toBeLessThan(CANCEL_MS);
      expect(said(cancelled)).toMatch(/pre_deploy of web release \d+ on \S+ was stopped in the middle/);
      await expectServed(old);

      next(fresh, { pre_deploy: migration() });
      const standing = await shop.standing();
      const refused = said(await shop.failToDeploy());
      expect(refused).toMatch(/pre_deploy of web release \d+ was begun on \S+, and nobody saw how it ended/);
      expect(refused).toMatch('unfinished-hook');
      expect((await shop.run('status')).log).toMatch(/drift: pre_deploy of web release \d+/);
      expect(await shop.standing()).toEqual(standing);
      expect(await migrations()).toBe(before.migrations + 1);

      await shop.deploy({ 'unfinished-hook': 'done' });
      expect(await migrations()).toBe(before.migrations + 1);
      await expectServed(fresh);
    },
  );

  fullSizeTest('stays when its post_deploy fails: the run fails and says so, once', async () => {
    next(fresh, { post_deploy: { command: migration({ code: 4 }), timeout: '1m' } });
    const failed = said(await shop.failToDeploy());
    const { release, hooks } = await shop.recorded('web');
    expect(release).toBeGreaterThan(before.release);
    expect(hooks).toMatchObject({ release, post_deploy: 'failed' });
    expect(failed).toMatch(`post_deploy of web release ${release} ended with exit code 4`);
    expect(failed).toMatch(`| migration :${before.migrations + 1} of ${fresh}`);
    await expectServed(fresh);
    expect((await shop.deploy()).outputs.changed).toBe('false');
    expect((await shop.run('status')).log).toMatch(
      new RegExp(`drift: post_deploy of web release ${release} on \\S+ has failed`),
    );
    expect(await migrations()).toBe(before.migrations + 1);
  });

  async function untilMigrated(): Promise<void> {
    while ((await migrations()) === before.migrations) await sleep(100);
  }
});
