import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Lab } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import type { ActionRun } from './action.ts';
import { versionOf } from './ask.ts';
import { openFaultsLab } from './faults-lab.ts';
import { Project, serversOf } from './project.ts';
import { said } from './said.ts';
import { startUsers } from './users.ts';

jest.setTimeout(300_000);

/** start_period 2 s + retries 2 × (interval 500 ms + timeout 1 s). */
const HEALTHCHECK = { path: '/health', start_period: '2s', retries: 2, interval: '500ms', timeout: '1s' };
const ALLOWED_MS = 5_000;
/** One look may begin just before the time is over; then the log is read; and the machine may be busy. */
const MARGIN_MS = 10_000;
const DOMAIN = 'api.broken.example';

/** Case 5: a version that does not work. The old one serves through all of it. */
describe('A new version that is broken', () => {
  let lab: Lab;
  let shop: Project;
  let traffic: HttpTraffic;
  let before: Record<string, string>;

  beforeAll(async () => {
    lab = await openFaultsLab('broken');
    shop = await Project.create(lab, {
      project: 'broken',
      sidecar: { image: lab.images.nginx, keepalive_min_timeout: '2s' },
      environments: {
        production: { provider: 'static', user: 'deploy', servers: serversOf(lab.servers) },
      },
      services: {
        api: {
          image: lab.images.web('v1'),
          port: 3000,
          domain: DOMAIN,
          servers: 2,
          healthcheck: HEALTHCHECK,
        },
      },
    });
    await shop.deploy();
  });

  afterAll(async () => {
    await lab?.down();
  });

  beforeEach(async () => {
    before = await shop.standing();
    traffic = startUsers(lab.servers, DOMAIN);
    await traffic.untilSent(50);
  });

  afterEach(async () => {
    const { lost, losses, ok } = await traffic.stop();
    expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
    expect(ok).toBeGreaterThan(50);
  });

  test('never healthy: given up in the time its health check allows, and removed', async () => {
    const failed = await shop.failToDeploy({
      images: `api=${await lab.buildWeb('never', { HEALTH: 'never' })}`,
    });
    for (const { host } of lab.servers) {
      expect(said(failed)).toMatch(
        new RegExp(
          `${host}: the new container broken_production_api_secondary was not healthy within \\d+\\.\\d s: GET /health answered 503\\. Its last lines:\n  \\| web never listening on 3000`,
        ),
      );
    }
    expect(failed.summary).toMatch('the deploy failed');
    for (const ms of healthyAfter(failed)) {
      expect(ms).toBeGreaterThanOrEqual(ALLOWED_MS);
      expect(ms).toBeLessThan(ALLOWED_MS + MARGIN_MS);
    }
    await expectUntouched();
  });

  test('crashes at once: noticed long before that time is over', async () => {
    const image = await lab.buildWeb('crash', { HEALTH: 'crash' });
    shop.edit(({ services }) => {
      services.api!.healthcheck = { ...HEALTHCHECK, start_period: '60s' };
    });
    const failed = await shop.failToDeploy({ images: `api=${image}` });
    expect(said(failed)).toMatch(
      /: the new container broken_production_api_secondary (ended|crashed .*) with exit code 1\. Its last lines:/,
    );
    expect(said(failed)).toMatch('  | Error: this version crashes at start (HEALTH=crash)');
    for (const ms of healthyAfter(failed)) expect(ms).toBeLessThan(60_000);
    await expectUntouched();
    shop.edit(({ services }) => {
      services.api!.healthcheck = HEALTHCHECK;
    });
  });

  test('broken on one of two servers: neither moves', async () => {
    shop.edit(({ services }) => {
      services.api!.volumes = ['/etc/hostname:/server-name:ro'];
      services.api!.healthcheck = {
        ...{ start_period: '2s', retries: 2, interval: '500ms', timeout: '1s' },
        test: ['CMD-SHELL', 'if grep -q -- -2 /server-name; then echo not on this one; exit 3; fi'],
      };
    });
    const failed = await shop.failToDeploy();
    const [first, second] = lab.servers;
    expect(said(failed)).toMatch(
      `${second!.host}: the new container broken_production_api_secondary was not healthy`,
    );
    expect(said(failed)).toMatch('ended with 3 (not on this one)');
    expect(said(failed)).not.toMatch(`${first!.host}: the new container`);
    await expectUntouched();
    shop.edit(({ services }) => {
      delete services.api!.volumes;
      services.api!.healthcheck = HEALTHCHECK;
    });
  });

  test('an image that is nowhere: the run fails before anything starts', async () => {
    const missing = lab.images.web('never-built');
    const failed = await shop.failToDeploy({ images: `api=${missing}` });
    expect(said(failed)).toMatch(missing);
    expect(failed.log).not.toMatch(/bug, please report/);
    await expectUntouched();
  });

  test('slow to start: waited for, and it succeeds', async () => {
    const image = await lab.buildWeb('slow', { HEALTH: 'slow', SLOW_MS: '3000' });
    const run = await shop.deploy({ images: `api=${image}` });
    for (const ms of healthyAfter(run)) expect(ms).toBeGreaterThan(2_000);
    for (const server of lab.servers) expect(await versionOf(server, DOMAIN)).toBe('slow');
    await traffic.untilVersion('slow');
    const { services } = await shop.state();
    expect(services.api!.servers).toHaveLength(2);
  });

  test('of a service that is recreated: the old container is started again', async () => {
    shop.edit(({ services }) => {
      services.api!.image = lab.images.web('slow');
      services.ledger = {
        image: lab.images.web('v1'),
        port: 3000,
        domain: 'ledger.broken.example',
        healthcheck: HEALTHCHECK,
        volumes: ['ledger-data:/data'],
        strategy: 'recreate',
      };
    });
    await shop.deploy();
    const standing = await shop.standing();
    const failed = await shop.failToDeploy({ images: `ledger=${lab.images.web('never')}` });
    expect(failed.log).toMatch(/ledger 1 → 2: RESTART/);
    expect(said(failed)).toMatch(
      /the new container broken_production_ledger_secondary was not healthy within/,
    );
    expect(said(failed)).toMatch('what ran before, if anything did, serves');
    expect(await shop.standing()).toEqual(standing);
    const home = (await shop.state()).services.ledger!;
    expect(home).toMatchObject({ release: 1 });
    const server = lab.servers.find(({ host }) => host === home.servers[0]!.host)!;
    expect(await server.docker('ps', '--all', '--format', '{{.Names}}')).not.toMatch('ledger_secondary');
    expect(await versionOf(server, 'ledger.broken.example')).toBe('v1');
    expect((await shop.deploy()).outputs.changed).toBe('false');
  });

  /** The same containers as before, nothing beside them, the same version, and a record that says so. */
  async function expectUntouched(): Promise<void> {
    expect(await shop.standing()).toEqual(before);
    for (const server of lab.servers) {
      expect(await server.docker('ps', '--all', '--format', '{{.Names}}')).not.toMatch('api_secondary');
      expect(await versionOf(server, DOMAIN)).toBe('v1');
    }
    const { services } = await shop.state();
    expect(services.api).toMatchObject({ release: 1 });
    expect(services.api).not.toHaveProperty('pending');
    expect((await shop.history())[0]).toMatch(/^broken production: api 1 → \d+ not deployed$/);
  }
});

/** How long the new containers of api were waited for, in milliseconds, as the log says it for each server. */
function healthyAfter({ log }: ActionRun): number[] {
  const found = [...log.matchAll(/^api on \S+: healthy(?: failed)? \((\d+\.\d+) s\)/gm)];
  expect(found).toHaveLength(2);
  return found.map((match) => Number(match[1]) * 1000);
}
