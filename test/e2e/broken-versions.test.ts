import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import type { ActionRun } from './action.ts';
import { versionOf } from './ask.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import type { Project } from './project.ts';
import { otherSlot } from './recorded.ts';
import { said } from './said.ts';
import { startUsers } from './users.ts';
import { newWebShop, webService } from './web-shop.ts';

jest.setTimeout(300_000);

/** start_period 2 s + retries 2 × (interval 500 ms + timeout 1 s). */
const HEALTHCHECK = { path: '/health', start_period: '2s', retries: 2, interval: '500ms', timeout: '1s' };
const ALLOWED_MS = 5_000;
/** One look may begin just before the time is over; then the log is read; and the machine may be busy. */
const MARGIN_MS = 10_000;
const DOMAIN = 'broken.example.com';
const WEB = 'broken_production_web';

/** Case 5: a version that does not work. The old one serves through all of it. */
describe('A new version that is broken', () => {
  let lab: Fleet;
  let servers: [LabServer, LabServer];
  let shop: Project;
  let traffic: HttpTraffic;
  let before: { standing: Record<string, string>; release: number };
  /** What a new container is called. */
  let newcomer: string;

  beforeAll(async () => {
    lab = await fleet();
    servers = lab.servers.slice(2, 4) as [LabServer, LabServer];
    shop = await newWebShop(lab, 'broken', servers);
  });

  afterAll(async () => {
    await shop?.leave();
  });

  beforeEach(async () => {
    await shop.stands(({ services }) => {
      services.web = { ...webService(lab, 'broken', 2), healthcheck: HEALTHCHECK };
    });
    const { release, copies } = await shop.recorded('web');
    before = { standing: await shop.standing(), release };
    newcomer = otherSlot(copies) === 'base' ? WEB : `${WEB}_secondary`;
    traffic = startUsers(servers, DOMAIN);
    await traffic.untilSent(50);
  });

  afterEach(async () => {
    const { lost, losses, ok } = await traffic.stop();
    expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
    expect(ok).toBeGreaterThan(50);
  });

  test('never healthy: given up in the time its health check allows, and removed', async () => {
    const failed = await shop.failToDeploy({
      images: `web=${await lab.buildWeb('never', { HEALTH: 'never' })}`,
    });
    for (const { host } of servers) {
      expect(said(failed)).toMatch(
        new RegExp(
          `${host}: the new container ${newcomer} was not healthy within \\d+\\.\\d s: GET /health answered 503\\. Its last lines:\n  \\| web never listening on 3000`,
        ),
      );
    }
    expect(failed.summary).toMatch('the deploy failed');
    // Each has its time from its own start on, also where it waits for the start of another.
    for (const [, seconds] of said(failed).matchAll(/was not healthy within (\d+\.\d) s/g)) {
      expect(Number(seconds) * 1000).toBeGreaterThanOrEqual(ALLOWED_MS);
    }
    for (const ms of healthyAfter(failed)) expect(ms).toBeLessThan(ALLOWED_MS + MARGIN_MS);
    await expectUntouched();
  });

  fullSizeTest('crashes at once: noticed long before that time is over', async () => {
    const image = await lab.buildWeb('crash', { HEALTH: 'crash' });
    shop.edit(({ services }) => {
      services.web!.healthcheck = { ...HEALTHCHECK, start_period: '60s' };
    });
    const failed = await shop.failToDeploy({ images: `web=${image}` });
    expect(said(failed)).toMatch(
      new RegExp(`: the new container ${newcomer} (ended|crashed .*) with exit code 1\\. Its last lines:`),
    );
    expect(said(failed)).toMatch('  | Error: this version crashes at start (HEALTH=crash)');
    for (const ms of healthyAfter(failed)) expect(ms).toBeLessThan(60_000);
    await expectUntouched();
  });

  fullSizeTest('broken on one of two servers: neither moves', async () => {
    const [first, second] = servers;
    const isHere = `grep -q -- -${second.index} /server-name`;
    shop.edit(({ services }) => {
      services.web!.volumes = ['/etc/hostname:/server-name:ro'];
      services.web!.healthcheck = {
        ...{ start_period: '2s', retries: 2, interval: '500ms', timeout: '1s' },
        test: ['CMD-SHELL', `if ${isHere}; then echo not on this one; exit 3; fi`],
      };
    });
    const failed = await shop.failToDeploy();
    expect(said(failed)).toMatch(`${second.host}: the new container ${newcomer} was not healthy`);
    expect(said(failed)).toMatch('ended with 3 (not on this one)');
    expect(said(failed)).not.toMatch(`${first.host}: the new container`);
    await expectUntouched();
  });

  fullSizeTest('an image that is nowhere: the run fails before anything starts', async () => {
    const missing = lab.images.web('never-built');
    const failed = await shop.failToDeploy({ images: `web=${missing}` });
    expect(said(failed)).toMatch(missing);
    expect(failed.log).not.toMatch(/bug, please report/);
    await expectUntouched();
  });

  fullSizeTest('of a service that is recreated: the old container is started again', async () => {
    await shop.stands(({ services }) => {
      services.ledger = {
        image: lab.images.web('v1'),
        port: 3000,
        domain: 'ledger.example.com',
        healthcheck: HEALTHCHECK,
        volumes: ['ledger-data:/data'],
        strategy: 'recreate',
      };
    });
    const standing = await shop.standing();
    const { release } = await shop.recorded('ledger');
    const failed = await shop.failToDeploy({
      images: `ledger=${await lab.buildWeb('never', { HEALTH: 'never' })}`,
    });
    expect(failed.log).toMatch(new RegExp(`ledger ${release} → \\d+: RESTART`));
    expect(said(failed)).toMatch(
      /the new container broken_production_ledger_secondary was not healthy within/,
    );
    expect(said(failed)).toMatch(new RegExp(`Release ${release} of ledger .*serves`));
    expect(await shop.standing()).toEqual(standing);
    expect(await shop.recorded('ledger')).toMatchObject({ release });
    const [home] = await shop.homesOf('ledger');
    expect(await home!.docker('ps', '--all', '--format', '{{.Names}}')).not.toMatch('ledger_secondary');
    expect(await versionOf(home!, 'ledger.example.com')).toBe('v1');
    expect((await shop.deploy()).outputs.changed).toBe('false');
  });

  fullSizeTest('slow to start: waited for, and it succeeds', async () => {
    const image = await lab.buildWeb('slow-3000', { HEALTH: 'slow', SLOW_MS: '3000' });
    const run = await shop.deploy({ images: `web=${image}` });
    for (const ms of healthyAfter(run)) expect(ms).toBeGreaterThan(2_000);
    for (const server of servers) expect(await versionOf(server, DOMAIN)).toBe('slow-3000');
    await traffic.untilVersion('slow-3000');
    expect((await shop.recorded('web')).copies).toHaveLength(2);
  });

  /** The same containers as before, nothing beside them, the same version, and a record that says so. */
  async function expectUntouched(): Promise<void> {
    expect(await shop.standing()).toEqual(before.standing);
    for (const server of servers) {
      const names = (await server.docker('ps', '--all', '--format', '{{.Names}}')).split('\n');
      expect(names).not.toContain(newcomer);
      expect(await versionOf(server, DOMAIN)).toBe('v1');
    }
    expect(await shop.recorded('web')).toMatchObject({ release: before.release, isUnfinished: false });
    const refusal = new RegExp(`^broken production: web ${before.release} → \\d+ \\(\\S+\\) not deployed$`);
    expect((await shop.history())[0]).toMatch(refusal);
  }
});

/** How long the new containers were waited for, in milliseconds, as the log says it for each server. */
function healthyAfter({ log }: ActionRun): number[] {
  const waits = new Map<string, number>();
  for (const [, server = '', seconds] of log.matchAll(
    /^web on (\S+): (?:answer|healthy)(?: failed)? \((\d+\.\d+) s\)/gm,
  )) {
    waits.set(server, (waits.get(server) ?? 0) + Number(seconds) * 1000);
  }
  expect(waits.size).toBe(2);
  return [...waits.values()];
}
