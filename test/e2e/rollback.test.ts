import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { mustRun } from '../lab/command.ts';
import { type Lab, type LabServer, startLab } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import type { ActionRun } from './action.ts';
import { ask, versionOf } from './ask.ts';
import { watchCommandLines } from './command-lines.ts';
import { type Inputs, Project, serversOf } from './project.ts';
import { said } from './said.ts';
import { size } from './size.ts';
import { startUsers } from './users.ts';

jest.setTimeout(300_000);

const API = 'api.back.example';
const WWW = 'www.back.example';

/** Case 3: services go back, under load. Its servers are its own: their images are pruned. */
describe('A rollback', () => {
  /** In every secret, so that one search finds them all. */
  const marker = randomBytes(8).toString('hex');
  let lab: Lab;
  let first: LabServer;
  let shop: Project;
  const loads: HttpTraffic[] = [];

  beforeAll(async () => {
    lab = await startLab({ name: 'rollback', servers: 2 });
    first = lab.servers[0]!;
    const web = { port: 3000, servers: 2, healthcheck: { path: '/health' } };
    shop = await Project.create(lab, {
      project: 'back',
      sidecar: { image: lab.images.nginx, keepalive_min_timeout: size.keepaliveMinTimeout },
      environments: {
        production: { provider: 'static', user: 'deploy', servers: serversOf(lab.servers) },
      },
      services: {
        www: { ...web, image: lab.images.web('v1'), domain: WWW, depends_on: ['api'] },
        api: {
          ...web,
          image: lab.images.web('v1'),
          domain: API,
          environment: { EXPOSE_ENV: '1', LEVEL: 'info', ONLY_FIRST: 'yes' },
          secrets: ['TOKEN'],
          drain: { timeout: '20s' },
        },
      },
    });
    const gone = await lab.buildWeb('gone');
    await shop.deploy(token('one'));
    await shop
      .edit(({ services }) => {
        services.www!.image = gone;
        Object.assign(services.api!, {
          image: lab.images.web('v2'),
          environment: { EXPOSE_ENV: '1', LEVEL: 'warn' },
          secrets: ['TOKEN', 'ONLY_SECOND'],
          drain: { timeout: '30s' },
        });
      })
      .deploy(token('two'));
    for (const domain of [API, WWW]) loads.push(startUsers(lab.servers, domain));
    await Promise.all(loads.map((load) => load.untilSent(50)));
  });

  afterAll(async () => {
    await Promise.all(loads.map((load) => load.stop()));
    await lab?.down();
  });

  test('right after a deploy: the old digest, settings and secrets, as a release of its own', async () => {
    const watch = watchCommandLines();
    const run = await shop.rollback(['api']);
    const commandLines = watch.stop().join('\n');
    tellSpeed('right after a deploy', run);
    expect(run.log).toMatch(/api 2 → 3: new containers beside the old ones .*\(release 1 is restored, /);
    expect(JSON.parse(run.outputs.releases!)).toEqual({ api: 3, www: 2 });
    await expectFirstApi();

    const [one, three] = await Promise.all([shop.release('api', 1), shop.release('api', 3)]);
    const { number, image_digest, route, policy, secrets_version } = one!;
    expect(three).toMatchObject({ number: 3, restores: 1, image_digest, route, policy, secrets_version });
    const image = `${one!.container.image}@${image_digest!.split('@')[1]}`;
    expect(three!.container).toEqual({ ...one!.container, image });
    const { services, secrets_versions } = await shop.state();
    expect(services.api).toMatchObject({ release: 3, image: image_digest, previous: 2 });
    expect(services.api!.history).toMatchObject([
      { release: 3, outcome: 'deployed', restores: number, lost: 0, sent: expect.any(Number) },
      { release: 2, outcome: 'deployed', why: expect.arrayContaining(['image', 'environment.LEVEL']) },
      { release: 1, outcome: 'deployed', why: ['not deployed yet'] },
    ]);
    expect(secrets_versions).toEqual({ api: 2 });

    expect(commandLines).toMatch('rollback.js');
    const { stdout: origin } = await shop.git('remote', 'get-url', 'origin');
    const objects = await mustRun(['git', '-C', origin.trim(), 'cat-file', '--batch-all-objects', '--batch']);
    const told = [run.log, run.summary, ...Object.values(run.outputs), commandLines, objects];
    for (const text of told) expect(text).not.toMatch(marker);
  });

  test('values of secrets are files that root alone may read, and no running container has them', async () => {
    for (const server of lab.servers) {
      const { stdout } = await server.exec([
        'stat',
        '--format',
        '%a %U',
        `${KEPT}/api`,
        `${KEPT}/api/1.json`,
      ]);
      expect(stdout).toBe('700 root\n600 root\n');
      expect(await kept(server, 2)).toEqual({
        TOKEN: `two ${marker}`,
        ONLY_SECOND: `two-second ${marker}`,
      });
      const users = await server.docker(
        'ps',
        '--all',
        '--filter',
        'volume=back_production_secrets',
        '--quiet',
      );
      expect(users).toBe('');
    }
  });

  test('a dry run and a list change nothing', async () => {
    const before = { record: await shop.recordId(), containers: await shop.standing() };
    const dry = await shop.rollback(['www'], { 'dry-run': 'true' });
    expect(dry.log).toMatch(/www 2 → 3: new containers .*\(release 1 is restored, image\)/);
    const list = await shop.run('rollback', { to: 'list' });
    expect(list.log).toMatch(/^api +3 \(runs\) +deployed +\d{4}-\d\d-\d\d \d\d:\d\d /m);
    expect(list.log).toMatch(/^api +1 +deployed .*web:v1/m);
    expect(JSON.parse(list.outputs.result!).www).toMatchObject([
      { release: 2, isCurrent: true },
      { release: 1 },
    ]);
    const { log } = await shop.run('status');
    expect(log).toMatch(/^api +3 +deployed .*release 1 is restored.* 0 of \d+ +local$/m);
    expect({ record: await shop.recordId(), containers: await shop.standing() }).toEqual(before);
  });

  test('the file as it is goes forward again, and its secrets get a number that nobody had', async () => {
    const run = await shop.deploy(token('two'));
    expect(run.log).toMatch(/api 3 → 4: new containers/);
    expect(await environmentOf(first)).toMatchObject({ LEVEL: 'warn', TOKEN: `two ${marker}` });
    expect((await shop.state()).secrets_versions).toEqual({ api: 3 });
    expect(await kept(first, 3)).toEqual(await kept(first, 2));
  });

  test('of several services, after all servers were pruned: pulled by digest, in the order of dependencies', async () => {
    for (const server of lab.servers) {
      await server.docker('system', 'prune', '--all', '--force');
      expect(await server.docker('images', '--format', '{{.Repository}}:{{.Tag}}')).not.toMatch('web:v1');
    }
    const run = await shop.rollback(['www', 'api']);
    tellSpeed('with a pull of both images', run);
    expect(run.log).toMatch(/pull \S+web:v1@sha256:\w+ on /);
    expect(run.log.indexOf('ends: switch: switch api')).toBeLessThan(
      run.log.indexOf('begins: start: start www'),
    );
    await expectFirstApi();
    for (const server of lab.servers) expect(await versionOf(server, WWW)).toBe('v1');
    expect(JSON.parse(run.outputs.releases!)).toEqual({ api: 5, www: 3 });
    expect(await shop.release('api', 5)).toMatchObject({ restores: 1 });
  });

  test('what cannot be had is refused before anything changes, with the reason', async () => {
    const before = { record: await shop.recordId(), containers: await shop.standing() };
    const refused = async (inputs: Inputs, services = ['api']) =>
      said(await shop.failToRollBack(services, inputs));
    expect(await refused({})).toMatch('api has no earlier release that was deployed');
    expect(await refused({ to: '99' })).toMatch(/api has no release 99, or no longer\n→ "to: list" shows/);
    expect(await refused({}, [])).toMatch('no service to roll back is named');
    for (const server of lab.servers) await server.exec(['rm', `${KEPT}/api/2.json`]);
    expect(await refused({ to: '2' })).toMatch(
      'the secrets of api as release 2 had them (set 2) are on no server',
    );
    const [, digest] = (await shop.release('www', 2))!.image_digest!.split('@');
    await fetch(`http://${lab.registry.address}/v2/acme/web/manifests/${digest}`, { method: 'DELETE' });
    for (const server of lab.servers) await server.docker('image', 'prune', '--all', '--force');
    expect(await refused({ to: 'gone' }, ['www'])).toMatch(/pulling \S+web:gone@sha256:\w+ failed/);
    expect({ record: await shop.recordId(), containers: await shop.standing() }).toEqual(before);
    expect(await shop.lease()).toMatchObject({ released: true });
  });

  test('what is older than retain_releases goes from the tip of the record, and its secrets from the servers', async () => {
    shop.edit((config) => {
      config.retain_releases = 2;
      config.services.api!.image = lab.images.web('v3');
      config.services.www!.image = lab.images.web('v2');
    });
    await shop.deploy(token('three'));
    const { stdout: tip } = await shop.git(
      'ls-tree',
      '--name-only',
      'origin/switchyard-state',
      `${RELEASES}/`,
    );
    expect(tip).toBe(`${RELEASES}/5.json\n${RELEASES}/6.json\n`);
    for (const server of lab.servers) {
      expect(await kept(server, 3)).toBeUndefined();
      expect(await kept(server, 1)).toEqual({ TOKEN: `one ${marker}` });
      expect(await kept(server, 4)).toMatchObject({ TOKEN: `three ${marker}` });
    }
    const { stdout: past } = await shop.git(
      'log',
      '--format=%H',
      'origin/switchyard-state',
      '--',
      `${RELEASES}/1.json`,
    );
    expect(past.trim().split('\n')).toHaveLength(2);
  });

  if (size.isFull) {
    test('after five deploys, to a number', async () => {
      shop.edit((config) => {
        config.retain_releases = 50;
      });
      const before = (await shop.state()).services.www!.release;
      for (const round of [1, 2, 3, 4, 5]) {
        shop.edit(({ services }) => {
          services.www!.image = lab.images.web(round % 2 === 0 ? 'v2' : 'v3');
          services.www!.environment = { ROUND: String(round) };
        });
        await shop.deploy({ service: 'www' });
      }
      tellSpeed('after five deploys', await shop.rollback(['www'], { to: String(before + 2) }));
      for (const server of lab.servers) expect(await versionOf(server, WWW)).toBe('v2');
    });

    test('of an image that was loaded by hand: only while its name means the same', async () => {
      const name = 'by-hand:1';
      const load = (version: string) =>
        Promise.all(lab.servers.map((server) => server.docker('tag', lab.images.web(version), name)));
      for (const server of lab.servers) await server.docker('pull', '--quiet', lab.images.web('v1'));
      for (const server of lab.servers) await server.docker('pull', '--quiet', lab.images.web('v2'));
      await load('v1');
      shop.edit(({ services }) => {
        services.www!.image = name;
      });
      await shop.deploy({ service: 'www' });
      const { release } = (await shop.state()).services.www!;
      expect(await shop.release('www', release)).toMatchObject({
        image_id: expect.stringMatching(/^sha256:/),
      });
      shop.edit(({ services }) => {
        services.www!.image = lab.images.web('v2');
      });
      await shop.deploy({ service: 'www' });
      await load('v2');
      const to = { to: String(release) };
      expect(said(await shop.failToRollBack(['www'], to))).toMatch('by-hand:1, which release');
      await load('v1');
      await shop.rollback(['www'], to);
      expect(await versionOf(first, WWW)).toBe('v1');
    });
  }

  test('and not one request was lost meanwhile', async () => {
    for (const load of loads.splice(0)) {
      const { lost, losses, ok } = await load.stop();
      expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
      expect(ok).toBeGreaterThan(500);
    }
  });

  test('a service that leaves takes its secrets along, and the environment takes the volume', async () => {
    shop.edit(({ services }) => {
      delete services.api;
      delete services.www!.depends_on;
    });
    const run = await shop.deploy();
    expect(run.log).toMatch('forget old secrets of api on');
    for (const server of lab.servers) {
      for (const version of [1, 2, 3, 4]) expect(await kept(server, version)).toBeUndefined();
    }
    expect(said(await shop.failToRollBack(['api'], { to: '5' }))).toMatch(
      'there is no service "api" in the file',
    );
    await shop.leave();
    for (const server of lab.servers) {
      expect(await server.docker('volume', 'ls', '--quiet')).not.toMatch('back_production_secrets');
    }
  });

  function token(value: string): Inputs {
    return {
      secrets: JSON.stringify({
        TOKEN: `${value} ${marker}`,
        ONLY_SECOND: `${value}-second ${marker}`,
      }),
    };
  }

  /** The api as release 1 had it, on all servers. */
  async function expectFirstApi(): Promise<void> {
    for (const server of lab.servers) {
      expect(await versionOf(server, API)).toBe('v1');
      const environment = await environmentOf(server);
      expect(environment).toMatchObject({ LEVEL: 'info', ONLY_FIRST: 'yes', TOKEN: `one ${marker}` });
      expect(environment).not.toHaveProperty('ONLY_SECOND');
    }
  }

  async function environmentOf(server: LabServer): Promise<Record<string, string>> {
    return JSON.parse((await ask(server, API, '/env')).body);
  }

  /** What a server keeps of a secret set; undefined when that is nothing. */
  async function kept(server: LabServer, version: number): Promise<unknown> {
    const { stdout } = await server.exec(['cat', `${KEPT}/api/${version}.json`]);
    return stdout === '' ? undefined : JSON.parse(stdout);
  }
});

const KEPT = '/var/lib/docker/volumes/back_production_secrets/_data';
const RELEASES = 'releases/back/production/api';

/** A figure, not a test: the machine has other things to do. */
function tellSpeed(what: string, { summary, ms }: ActionRun): void {
  const ends = [...summary.matchAll(/^ {4}switch :\d+, (\d+)$/gm)].map(([, end]) => Number(end));
  console.log(`rollback ${what}: switched after ${Math.max(...ends)} ms, ${Math.round(ms)} ms in all`);
}
