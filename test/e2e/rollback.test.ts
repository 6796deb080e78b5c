import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import type { ActionRun } from './action.ts';
import { ask, versionOf } from './ask.ts';
import { watchCommandLines } from './command-lines.ts';
import { borrow, type LentServers } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import type { ConfigFile, Inputs, Project } from './project.ts';
import { releasesOf } from './recorded.ts';
import { said } from './said.ts';
import { startUsers } from './users.ts';
import { newProject, webService } from './web-shop.ts';

jest.setTimeout(300_000);

const API = 'api.back.example';
const WWW = 'www.back.example';

/** Case 3: services go back, under load. Its servers are its own: their images are pruned. */
describe('A rollback', () => {
  /** In every secret, so that one search finds them all. */
  const marker = randomBytes(8).toString('hex');
  let lab: LentServers;
  let first: LabServer;
  let shop: Project;
  let loads: HttpTraffic[] = [];

  beforeAll(async () => {
    lab = await borrow(2);
    first = lab.servers[0]!;
    await lab.buildWeb('gone');
    shop = await newProject(lab, 'back', lab.servers, {});
    // Releases 1 and 2 of both services: what the stories go back to.
    await shop.edit(firstVersions).deploy(token('one'));
    await shop.edit(secondVersions).deploy(token('two'));
    loads = [API, WWW].map((domain) => startUsers(lab.servers, domain));
    await Promise.all(loads.map((load) => load.untilSent(50)));
  });

  /** What the file says runs: the second versions. */
  beforeEach(() => shop.stands(secondVersions, token('two')));

  /** And not one request was lost meanwhile. */
  afterAll(async () => {
    const results = await Promise.all(loads.map((load) => load.stop()));
    lab?.giveBack();
    for (const { lost, losses } of results) expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
  });

  const firstVersions = (config: ConfigFile) => {
    config.retain_releases = 50;
    config.services = {
      www: {
        ...webService(lab, 'back', 2),
        image: lab.images.web('v1'),
        domain: WWW,
        depends_on: ['api'],
      },
      api: {
        ...webService(lab, 'back', 2),
        domain: API,
        environment: { EXPOSE_ENV: '1', LEVEL: 'info', ONLY_FIRST: 'yes', TOKEN: null },
        drain: { timeout: '20s' },
      },
    };
  };

  const secondVersions = (config: ConfigFile) => {
    firstVersions(config);
    config.services.www!.image = lab.images.web('gone');
    Object.assign(config.services.api!, {
      image: lab.images.web('v2'),
      environment: { EXPOSE_ENV: '1', LEVEL: 'warn', TOKEN: null, ONLY_SECOND: null },
      drain: { timeout: '30s' },
    });
  };

  test('right after a deploy: the old digest, settings and secrets, as a release of its own', async () => {
    const before = await shop.releases();
    const [api, www] = [before.api!, before.www!];
    const watch = watchCommandLines();
    const run = await shop.rollback(['api']);
    const commandLines = watch.stop().join('\n');
    tellSpeed('right after a deploy', run);
    const restored = new RegExp(
      `api ${api} → ${api + 1}: new containers beside the old ones .*\\(release 1 is restored, `,
    );
    expect(run.log).toMatch(restored);
    expect(releasesOf(run)).toEqual({ api: api + 1, www });
    await expectFirstApi();

    const [one, now] = await Promise.all([shop.release('api', 1), shop.release('api', api + 1)]);
    const { image_digest, route, policy, secrets_version } = one!;
    expect(now).toMatchObject({
      ...{ number: api + 1, restores: 1 },
      ...{ image_digest, route, policy, secrets_version },
    });
    const image = `${one!.container.image}@${image_digest!.split('@')[1]}`;
    expect(now!.container).toEqual({ ...one!.container, image });
    const { history, ...recorded } = await shop.recorded('api');
    expect(recorded).toMatchObject({ release: api + 1, image: image_digest, previous: api });
    expect(history!.slice(0, 2)).toMatchObject([
      { release: api + 1, outcome: 'deployed', restores: 1, lost: 0, sent: expect.any(Number) },
      { release: api, outcome: 'deployed', why: expect.arrayContaining(['image', 'environment.LEVEL']) },
    ]);
    expect(history!.at(-1)).toMatchObject({ release: 1, outcome: 'deployed', why: ['not deployed yet'] });

    expect(commandLines).toMatch('rollback.js');
    const objects = await shop.inOrigin('cat-file', '--batch-all-objects', '--batch');
    const told = [run.log, run.summary, ...Object.values(run.outputs), commandLines, objects];
    for (const text of told) expect(text).not.toMatch(marker);

    const refused = said(await shop.failToRollBack(['api']));
    expect(refused).toMatch('api has no earlier release that was deployed');

    // The file as it is goes forward again, and its secrets get a number that nobody had.
    const { api: newest } = (await shop.state()).secrets_versions!;
    const forward = await shop.deploy(token('two'));
    expect(forward.log).toMatch(`api ${api + 1} → ${api + 2}: new containers`);
    expect(await environmentOf(first)).toMatchObject({ LEVEL: 'warn', TOKEN: `two ${marker}` });
    expect((await shop.state()).secrets_versions).toEqual({ api: newest! + 1 });
    expect(await kept(first, newest! + 1)).toEqual(await kept(first, 2));
  });

  test('values of secrets are files that root alone may read, and no running container has them', async () => {
    for (const server of lab.servers) {
      const looked = await server.exec(['stat', '--format', '%a %U', `${KEPT}/api`, `${KEPT}/api/1.json`]);
      expect(looked.stdout).toBe('700 root\n600 root\n');
      expect(await kept(server, 2)).toEqual({ TOKEN: `two ${marker}`, ONLY_SECOND: `two-second ${marker}` });
      const users = ['ps', '--all', '--filter', 'volume=back_production_secrets', '--quiet'];
      expect(await server.docker(...users)).toBe('');
    }
  });

  test('a dry run and a list change nothing', async () => {
    const before = { record: await shop.recordId(), containers: await shop.standing() };
    const { api, www } = await shop.releases();
    const dry = await shop.rollback(['www'], { 'dry-run': 'true' });
    expect(dry.log).toMatch(
      new RegExp(`www ${www} → ${www! + 1}: new containers .*\\(release \\d+ is restored, image\\)`),
    );
    const list = await shop.run('rollback', { to: 'list' });
    expect(list.log).toMatch(
      new RegExp(`^api +${api} \\(runs\\) +deployed +\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d `, 'm'),
    );
    expect(list.log).toMatch(/^api +1 +deployed .*web:v1/m);
    const listed = JSON.parse(list.outputs.result!).www;
    expect(listed[0]).toMatchObject({ release: www, isCurrent: true });
    expect(listed.at(-1)).toMatchObject({ release: 1 });
    const { log } = await shop.run('status');
    expect(log).toMatch(new RegExp(`^api +${api} +deployed .* 0 of \\d+ +local$`, 'm'));
    expect({ record: await shop.recordId(), containers: await shop.standing() }).toEqual(before);
  });

  fullSizeTest('what cannot be had is refused before anything changes, with the reason', async () => {
    const before = { record: await shop.recordId(), containers: await shop.standing() };
    const refused = async (inputs: Inputs, services = ['api']) =>
      said(await shop.failToRollBack(services, inputs));
    expect(await refused({ to: '99' })).toMatch(/api has no release 99, or no longer\n→ "to: list" shows/);
    expect(await refused({}, [])).toMatch('no service to roll back is named');
    const sets = await Promise.all(lab.servers.map((server) => kept(server, 1)));
    for (const server of lab.servers) await server.exec(['mv', `${KEPT}/api/1.json`, '/tmp/kept.json']);
    try {
      expect(await refused({ to: '1' })).toMatch(
        'the secrets of api as release 1 had them (set 1) are on no server',
      );
    } finally {
      for (const server of lab.servers) await server.exec(['mv', '/tmp/kept.json', `${KEPT}/api/1.json`]);
    }
    expect(await Promise.all(lab.servers.map((server) => kept(server, 1)))).toEqual(sets);
    expect({ record: await shop.recordId(), containers: await shop.standing() }).toEqual(before);
    expect(await shop.lease()).toMatchObject({ released: true });
  });

  fullSizeTest(
    'of several services, after all servers were pruned: pulled by digest, in the order of dependencies',
    async () => {
      const before = await shop.releases();
      const [api, www] = [before.api!, before.www!];
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
      expect(releasesOf(run)).toEqual({ api: api + 1, www: www + 1 });
      expect(await shop.release('api', api + 1)).toMatchObject({ restores: 1 });

      // Nowhere any more: neither on the servers, now that nothing runs of it, nor in the registry.
      const [, digest] = (await shop.release('www', www))!.image_digest!.split('@');
      await fetch(`http://${lab.registry.address}/v2/acme/web/manifests/${digest}`, { method: 'DELETE' });
      for (const server of lab.servers) await server.docker('image', 'prune', '--all', '--force');
      const left = { record: await shop.recordId(), containers: await shop.standing() };
      try {
        const refused = said(await shop.failToRollBack(['www'], { to: 'gone' }));
        expect(refused).toMatch(/pulling \S+web:gone@sha256:\w+ failed/);
        expect({ record: await shop.recordId(), containers: await shop.standing() }).toEqual(left);
      } finally {
        await lab.buildWeb('gone');
      }
    },
  );

  fullSizeTest('after five deploys, to a number', async () => {
    const before = (await shop.recorded('www')).release;
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

  fullSizeTest('of an image that was loaded by hand: only while its name means the same', async () => {
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
    const { release } = await shop.recorded('www');
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

  fullSizeTest(
    'what is older than retain_releases goes from the tip of the record, and its secrets from the servers; a service that leaves takes all of its secrets along',
    async () => {
      const { api } = await shop.releases();
      shop.edit((config) => {
        config.retain_releases = 2;
        config.services.api!.image = lab.images.web('v3');
      });
      await shop.deploy(token('three'));
      const tip = ['ls-tree', '--name-only', 'switchyard-state', `${RELEASES}/`];
      expect((await shop.inOrigin(...tip)).trim().split('\n').sort()).toEqual(
        [`${RELEASES}/${api}.json`, `${RELEASES}/${api! + 1}.json`].sort(),
      );
      const { api: newest } = (await shop.state()).secrets_versions!;
      for (const server of lab.servers) {
        expect(await kept(server, 1)).toBeUndefined();
        expect(await kept(server, newest! - 1)).toMatchObject({ TOKEN: `two ${marker}` });
        expect(await kept(server, newest!)).toMatchObject({ TOKEN: `three ${marker}` });
      }
      const past = ['log', '--format=%H', 'switchyard-state', '--', `${RELEASES}/1.json`];
      expect((await shop.inOrigin(...past)).trim().split('\n')).toHaveLength(2);

      // The service leaves, and the environment takes the volume.
      const www = loads[1]!;
      const result = await loads.shift()!.stop();
      expect({ lost: result.lost, losses: result.losses }).toEqual({ lost: 0, losses: [] });
      shop.edit(({ services }) => {
        delete services.api;
        delete services.www!.depends_on;
      });
      const run = await shop.deploy();
      expect(run.log).toMatch('forget old secrets of api on');
      for (const server of lab.servers) {
        for (let version = 1; version <= newest!; version += 1) {
          expect(await kept(server, version)).toBeUndefined();
        }
      }
      expect(said(await shop.failToRollBack(['api'], { to: String(api) }))).toMatch(
        'there is no service "api" in the file',
      );
      const left = await www.stop();
      expect({ lost: left.lost, losses: left.losses }).toEqual({ lost: 0, losses: [] });
      await shop.leave();
      for (const server of lab.servers) {
        expect(await server.docker('volume', 'ls', '--quiet')).not.toMatch('back_production_secrets');
      }
    },
  );

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
