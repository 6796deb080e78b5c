import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import type { ActionRun, RunningAction } from './action.ts';
import { versionOf } from './ask.ts';
import { borrow, type LentServers } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import type { Project } from './project.ts';
import { said } from './said.ts';
import { size } from './size.ts';
import { startUsers } from './users.ts';
import { newWebShop } from './web-shop.ts';

jest.setTimeout(300_000);

const DOMAIN = 'mortal.example.com';
const ALIVE = /^::debug::begins: answer: /m;

/** One server dies, at several moments. The others serve on and, at full size, agree with each other. */
describe('A server that dies', () => {
  let lab: LentServers;
  let living: LabServer[];
  let mortal: LabServer;
  let shop: Project;
  let traffic: HttpTraffic | undefined;

  /** The version that serves when a story begins, and the one that it deploys. */
  let old: string;
  let fresh: string;

  beforeAll(async () => {
    lab = await borrow(size.isFull ? 3 : 2);
    living = lab.servers.slice(0, -1);
    mortal = lab.servers.at(-1)!;
    shop = await newWebShop(lab, 'mortal', lab.servers);
  });

  beforeEach(async () => {
    await shop.stands();
    [old, fresh] = shop.config.services.web!.image === lab.images.web('v1') ? ['v1', 'v2'] : ['v2', 'v1'];
  });

  afterAll(async () => {
    await traffic?.stop();
    lab?.giveBack();
  });

  function next(version: string, more: Record<string, unknown> = {}): void {
    shop.edit(({ services }) => {
      services.web = { ...services.web, environment: {}, image: lab.images.web(version), ...more };
    });
  }

  function registryPort(): string {
    return lab.registry.direct.split(':')[1]!;
  }

  /** Users of the servers that live; what was on its way to the one that died is lost with it, whoever deploys. */
  async function startLoad(servers = living): Promise<void> {
    traffic = startUsers(servers, DOMAIN);
    await traffic.untilSent(50);
  }

  async function endLoad(): Promise<void> {
    // A run may end before the load has said much.
    await traffic!.untilSent(100);
    const { lost, losses, sent } = await traffic!.stop();
    traffic = undefined;
    expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
    expect(sent).toBeGreaterThan(50);
  }

  /** The server dies while a run is at work: the run fails and names it, and the users of the others notice nothing. */
  async function dieDuring(run: RunningAction): Promise<ActionRun> {
    await mortal.kill();
    await startLoad();
    const failed = await run.done;
    expect(failed.code).not.toBe(0);
    expect(said(failed)).toMatch(mortal.host);
    await endLoad();
    return failed;
  }

  async function expectServed(servers: readonly LabServer[], version: string): Promise<void> {
    for (const server of servers) {
      expect(await versionOf(server, DOMAIN)).toBe(version);
      expect(await shop.containers(server, 'web')).toHaveLength(1);
    }
  }

  /** It is back, whatever it was told last; the next deploy makes it one of the others again. */
  async function comesBack(version: string): Promise<void> {
    await mortal.start();
    await startLoad();
    await shop.deploy();
    await expectServed(lab.servers, version);
    await endLoad();
    await expectCaughtUp();
  }

  async function expectCaughtUp(): Promise<void> {
    expect(await shop.state()).not.toHaveProperty('stale_servers');
    expect(await shop.homesOf('web')).toEqual(lab.servers);
    expect((await shop.deploy()).outputs.changed).toBe('false');
  }

  fullSizeTest('while it pulls the new image: nothing starts anywhere, and it is named', async () => {
    const before = await shop.standing();
    const { release } = await shop.recorded('web');
    await lab.buildWeb('unpulled');
    next('unpulled');
    // Its pull hangs until it dies.
    await mortal.exec(['iptables', '-I', 'OUTPUT', '-p', 'tcp', '--dport', registryPort(), '-j', 'DROP']);
    const run = shop.start('toggle-deploy');
    await run.says(new RegExp(`^::debug::begins: pull: .* on ${mortal.host}$`, 'm'));
    const { log } = await dieDuring(run);
    expect(log).not.toMatch(/begins: start: /);
    await expectServed(living, old);
    await mortal.start();
    expect(await shop.standing()).toEqual(before);
    expect(await shop.recorded('web')).toMatchObject({ release });
    next(old);
    expect((await shop.deploy()).outputs.changed).toBe('false');
  });

  fullSizeTest(
    'before a deploy: refused with what to do; without it the others get the version, and it catches up',
    async () => {
      await mortal.kill();
      await startLoad();
      next(fresh);
      const refused = said(await shop.failToDeploy());
      expect(refused).toMatch(`deploy@${mortal.host}:22: the server did not answer`);
      expect(refused).toMatch('exclude-servers');
      await expectServed(living, old);

      const run = await shop.deploy({ 'exclude-servers': mortal.host });
      expect(run.log).toMatch(`${mortal.host} is left out: it gets no traffic`);
      await expectServed(living, fresh);
      await endLoad();
      expect((await shop.state()).stale_servers).toHaveProperty([mortal.host]);
      expect(await shop.homesOf('web')).toEqual(living);
      const status = await shop.run('status', { 'exclude-servers': mortal.host });
      expect(status.log).toMatch(`${mortal.host} was left out`);

      await comesBack(fresh);
    },
  );

  fullSizeTest(
    'while new containers start: nobody switches, the others go back, and say who died',
    async () => {
      next(fresh, {
        environment: { HEALTH: 'slow', SLOW_MS: '8000' },
        healthcheck: { path: '/health', start_period: '30s' },
      });
      const run = shop.start('toggle-deploy');
      await run.says(ALIVE);
      await dieDuring(run);
      await expectServed(living, old);
      expect((await shop.state()).stale_servers).toHaveProperty([mortal.host]);
      next(fresh, { healthcheck: { path: '/health' } });
      await comesBack(fresh);
    },
  );

  test('between switch and drain: the version is there, the others finish, and it is named', async () => {
    next(fresh);
    const run = shop.start('toggle-deploy');
    for (const { host } of lab.servers) await run.says(new RegExp(`^${host}: prove \\(`, 'm'));
    await dieDuring(run);
    await expectServed(living, fresh);
    await comesBack(fresh);
  });

  fullSizeTest(
    'only its edge does not take the routes, and what is proven is kept: the others go on without it',
    async () => {
      shop.edit(({ environments }) => {
        environments.production!.on_partial_failure = 'keep';
      });
      next(fresh);
      await startLoad(lab.servers);
      await mortal.docker('kill', '--signal', 'STOP', 'switchyard_edge');
      const failed = said(await shop.failToDeploy());
      expect(failed).toMatch(
        `${mortal.host} did not switch and was left out, the others have the new version`,
      );
      expect(failed).toMatch(`${mortal.host}: edge switchyard_edge: the reload did not take effect`);
      for (const server of living) expect(await versionOf(server, DOMAIN)).toBe(fresh);
      const { stale_servers } = await shop.state();
      expect(await shop.homesOf('web')).toEqual(living);
      expect(stale_servers![mortal.host]!.reason).toMatch('the reload did not take effect');
      const status = await shop.run('status');
      expect(status.log).toMatch(`${mortal.host} was left out`);

      await mortal.docker('kill', '--signal', 'CONT', 'switchyard_edge');
      await shop.deploy();
      await expectServed(lab.servers, fresh);
      await endLoad();
      await expectCaughtUp();
    },
  );
});
