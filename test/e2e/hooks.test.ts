import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import { versionOf } from './ask.ts';
import { type Fleet, fleet } from './fleet.ts';
import { Project, serversOf } from './project.ts';
import { said } from './said.ts';
import { startUsers } from './users.ts';
import { webService } from './web-shop.ts';

jest.setTimeout(300_000);

const DOMAIN = 'hooked.example.com';
/** GitHub gives a cancelled run 7.5 s before it insists. */
const CANCEL_MS = 7_000;
const BEGUN = /^::debug::ends: record hook: pre_deploy of web is begun/m;

/** Migrations count themselves in a redis of the environment: it shows how often one has run. */
describe('A release with hooks', () => {
  let lab: Fleet;
  let shop: Project;
  let traffic: HttpTraffic;

  beforeAll(async () => {
    lab = await fleet();
    const servers = lab.servers.slice(0, 2);
    shop = await Project.create(lab, {
      project: 'hooked',
      sidecar: lab.sidecar,
      environments: { production: { provider: 'static', user: 'deploy', servers: serversOf(servers) } },
      services: {
        cache: {
          image: lab.images.redis,
          port: 6379,
          healthcheck: { test: ['CMD', 'redis-cli', 'ping'] },
        },
        web: {
          ...webService(lab, 'hooked', 2),
          depends_on: ['cache'],
          environment: { TABLE: 'migrations' },
          pre_deploy: migration(),
        },
      },
    });
    await shop.deploy();
    traffic = startUsers(servers, DOMAIN);
    await traffic.untilSent(50);
  });

  afterAll(async () => {
    await traffic?.stop();
    await shop?.leave();
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
    const [cache] = (await shop.state()).services.cache!.servers;
    const server = lab.servers.find(({ host }) => host === cache!.host)!;
    return Number(await server.docker('exec', 'hooked_production_cache', 'redis-cli', 'GET', 'migrations'));
  }

  async function expectServed(version: string): Promise<void> {
    for (const server of lab.servers.slice(0, 2)) {
      expect(await versionOf(server, DOMAIN)).toBe(version);
      expect(await shop.containers(server, 'web')).toHaveLength(1);
      expect(await server.docker('ps', '--all', '--filter', 'label=switchyard.hook', '--quiet')).toBe('');
    }
  }

  test('runs its migration once, for both servers, with the new image and its environment', async () => {
    expect(await migrations()).toBe(1);
    await expectServed('v1');
    next('v2', { pre_deploy: migration() });
    const run = await shop.deploy();
    expect(run.log).toMatch('migration :2 of v2');
    expect(await migrations()).toBe(2);
    await expectServed('v2');
    expect((await shop.state()).services.web!.hooks).toMatchObject({ release: 2, pre_deploy: 'done' });
    expect((await shop.deploy()).outputs.changed).toBe('false');
  });

  test('changes nothing when its migration fails: its log is shown, and what served serves', async () => {
    const before = await shop.standing();
    next('v3', { pre_deploy: migration({ code: 3 }) });
    const failed = said(await shop.failToDeploy());
    expect(failed).toMatch(/pre_deploy of web release 3 ended with exit code 3/);
    expect(failed).toMatch('| migration :3 of v3');
    expect(await shop.standing()).toEqual(before);
    await expectServed('v2');
    expect((await shop.state()).services.web).toMatchObject({ release: 2, hooks: { pre_deploy: 'failed' } });
  });

  test('whose run is killed while it migrates: the next run waits for that migration, and goes on', async () => {
    next('v3', { pre_deploy: migration({ ms: 8_000 }) });
    const run = shop.start('toggle-deploy');
    await run.says(BEGUN);
    await untilMigrated(4);
    run.signal('SIGKILL');
    await run.done;
    const { log } = await shop.deploy();
    expect(log).toMatch(/^::debug::ends: await: wait until pre_deploy of web release 4 on \S+ has ended/m);
    expect(await migrations()).toBe(4);
    await expectServed('v3');
  });

  test('that was cancelled while it migrates: the next run asks, and does what it is told', async () => {
    next('v1', { pre_deploy: migration({ ms: 60_000 }) });
    const run = shop.start('toggle-deploy');
    await run.says(BEGUN);
    await untilMigrated(5);
    const cancelledAt = performance.now();
    run.signal('SIGTERM');
    const cancelled = await run.done;
    expect(performance.now() - cancelledAt).toBeLessThan(CANCEL_MS);
    expect(said(cancelled)).toMatch(/pre_deploy of web release 5 on \S+ was stopped in the middle/);
    await expectServed('v3');

    next('v1', { pre_deploy: migration() });
    const before = await shop.standing();
    const refused = said(await shop.failToDeploy());
    expect(refused).toMatch(/pre_deploy of web release 5 was begun on \S+, and nobody saw how it ended/);
    expect(refused).toMatch('unfinished-hook');
    expect((await shop.run('status')).log).toMatch('drift: pre_deploy of web release 5');
    expect(await shop.standing()).toEqual(before);
    expect(await migrations()).toBe(5);

    await shop.deploy({ 'unfinished-hook': 'done' });
    expect(await migrations()).toBe(5);
    await expectServed('v1');
  });

  test('stays when its post_deploy fails: the run fails and says so, once', async () => {
    next('v2', { post_deploy: { command: migration({ code: 4 }), timeout: '1m' } });
    const failed = said(await shop.failToDeploy());
    expect(failed).toMatch(/post_deploy of web release 7 ended with exit code 4/);
    expect(failed).toMatch('| migration :6 of v2');
    await expectServed('v2');
    expect((await shop.state()).services.web).toMatchObject({ release: 7, hooks: { post_deploy: 'failed' } });
    expect((await shop.deploy()).outputs.changed).toBe('false');
    expect((await shop.run('status')).log).toMatch(/drift: post_deploy of web release 7 on \S+ has failed/);
    expect(await migrations()).toBe(6);
  });

  test('and nobody has noticed any of it', async () => {
    const { lost, losses, sent } = await traffic.stop();
    expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
    expect(sent).toBeGreaterThan(500);
  });

  async function untilMigrated(count: number): Promise<void> {
    while ((await migrations()) < count) await sleep(100);
  }
});
