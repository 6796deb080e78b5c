import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import { ask, versionOf } from './ask.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import type { Project } from './project.ts';
import { otherSlot, releasesOf, resultOf } from './recorded.ts';
import { startUsers } from './users.ts';
import { newProject, redisService, release, webService } from './web-shop.ts';

jest.setTimeout(300_000);

type Releases = Record<'api' | 'worker' | 'jobs', number>;

const API = 'api.causes.example';

/** Case 7: a run changes what the file changed, and nothing else. One shop lives through all the stories. */
describe('What a change of the file causes', () => {
  let lab: Fleet;
  let servers: LabServer[];
  let shop: Project;
  let traffic: HttpTraffic;
  let first: LabServer;
  /** How things are when a story begins. */
  let before: {
    containers: Record<string, string>;
    record: string | undefined;
    releases: Releases;
    version: string;
  };

  beforeAll(async () => {
    lab = await fleet();
    servers = lab.servers.slice(0, 2);
    first = servers[0]!;
    shop = await newProject(lab, 'causes', servers, {
      api: {
        ...webService(lab, 'causes', 2),
        domain: [API, 'old.causes.example'],
        environment: { LOG_LEVEL: 'info' },
        drain: { timeout: '20s' },
      },
      worker: { ...webService(lab, 'causes', 1), domain: undefined },
      jobs: jobsService(),
    });
    await shop.stands();
    traffic = startUsers(servers, API);
    await traffic.untilSent(100);
  });

  beforeEach(async () => {
    await shop.stands(({ services }) => {
      services.jobs ??= jobsService();
    });
    before = {
      containers: await shop.standing(),
      record: await shop.recordId(),
      releases: (await shop.releases()) as Releases,
      version: await versionOf(first, API),
    };
  });

  /** Not one request was lost meanwhile. */
  afterAll(async () => {
    await traffic?.untilSent(200);
    const { lost, losses, versions } = await traffic.stop();
    await shop.leave();
    expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
    expect(['v1', 'v2', 'v3']).toEqual(expect.arrayContaining(Object.keys(versions)));
  });

  function jobsService(): Record<string, unknown> {
    return {
      ...redisService(lab),
      protocol: 'tcp',
      volumes: ['jobs-data:/data'],
      strategy: 'recreate',
    };
  }

  /** A version that the service does not run. */
  function another(service: string): string {
    return shop.config.services[service]!.image === lab.images.web('v2') ? 'v3' : 'v2';
  }

  test('the same file again: nothing, and the run says so', async () => {
    const again = await shop.deploy();
    expect(again.outputs.changed).toBe('false');
    expect(releasesOf(again)).toEqual(before.releases);
    expect(again.log).toMatch('causes production: nothing to do, everything is as the file says');
    expect(again.summary).toMatch('nothing to do');
    expect(await shop.standing()).toEqual(before.containers);
    expect(await shop.recordId()).toBe(before.record);
  });

  test('a dry run: the plan, and not one change', async () => {
    release(shop, 'api', another('api'));
    const refsBefore = await refs();
    const dry = await shop.deploy({ 'dry-run': 'true' });
    expect(dry.outputs.changed).toBe('true');
    expect(dry.log).toMatch(moves('api', 'new containers beside the old ones .*\\(image\\)'));
    const { api, worker } = before.releases;
    for (const { host } of servers) {
      expect(dry.log).toMatch(new RegExp(`start api release ${api + 1} as (base|secondary) on ${host}`));
    }
    expect(dry.log).toMatch(`worker ${worker}: unchanged`);
    expect(dry.summary).toMatch(`api ${api} → ${api + 1}`);
    expect(await shop.standing()).toEqual(before.containers);
    expect(await shop.recordId()).toBe(before.record);
    expect(await refs()).toEqual(refsBefore);
  });

  fullSizeTest('the service filter: only that service, whatever else the file says by now', async () => {
    release(shop, 'api', another('api'));
    release(shop, 'worker', another('worker'));
    const run = await shop.deploy({ service: 'worker' });
    const { worker } = before.releases;
    expect(releasesOf(run)).toEqual({ ...before.releases, worker: worker + 1 });
    expect(changed(before.containers, await shop.standing())).toEqual([
      expect.stringMatching(/^- \S+ causes_production_worker(_secondary)?$/),
      expect.stringMatching(/^\+ \S+ causes_production_worker(_secondary)?$/),
    ]);
    expect(await shop.recorded('api')).toMatchObject({
      release: before.releases.api,
      image: expect.stringContaining('web'),
    });
    expect(await shop.recorded('worker')).toMatchObject({ release: worker + 1, previous: worker });
    expect(await versionOf(first, API)).toBe(before.version);
  });

  fullSizeTest('the input images: it wins over the file', async () => {
    const version = another('api');
    const run = await shop.deploy({ images: `api=${lab.images.web(version)}` });
    expect(releasesOf(run)).toEqual({ ...before.releases, api: before.releases.api + 1 });
    for (const server of servers) expect(await versionOf(server, API)).toBe(version);
    expect((await release(shop, 'api', version).deploy()).outputs.changed).toBe('false');
  });

  test('the domain: a reload, and the same containers', async () => {
    const [old = '', fresh = ''] = (shop.config.services.api!.domain as string[]).includes(
      'old.causes.example',
    )
      ? ['old.causes.example', 'new.causes.example']
      : ['new.causes.example', 'old.causes.example'];
    expect((await ask(first, fresh)).status).toBe(404);
    shop.edit(({ services }) => {
      services.api!.domain = [API, fresh];
    });
    const run = await shop.deploy();
    expect(resultOf(run, 'api')).toMatchObject({ release: before.releases.api + 1, effect: 'reload' });
    expect(run.log).toMatch(moves('api', 'routes only, no new container .*\\(domain\\)'));
    expect(await shop.standing()).toEqual(before.containers);
    for (const server of servers) {
      expect(await versionOf(server, fresh)).toBe(before.version);
      expect((await ask(server, old)).status).toBe(404);
    }
    expect((await shop.deploy()).outputs.changed).toBe('false');
  });

  fullSizeTest('health check and drain: nothing but the record', async () => {
    const routes = await generations();
    shop.edit(({ services }) => {
      services.api!.healthcheck = { path: '/health', interval: '2s' };
      services.api!.drain = { timeout: '30s' };
    });
    const run = await shop.deploy();
    const release = before.releases.api + 1;
    expect(resultOf(run, 'api')).toMatchObject({ release, effect: 'record' });
    expect(run.log).toMatch(moves('api', 'the record only .*\\(drain\\.timeout, healthcheck\\.interval\\)'));
    expect(await shop.standing()).toEqual(before.containers);
    expect(await generations()).toEqual(routes);
    expect(await shop.release('api', release)).toMatchObject({ policy: { drainTimeoutMs: 30_000 } });
    expect((await shop.deploy()).outputs.changed).toBe('false');
  });

  fullSizeTest('the environment: a new release in new containers on the other side', async () => {
    const { copies } = await shop.recorded('api');
    shop.edit(({ services }) => {
      services.api!.environment = { LOG_LEVEL: 'warn' };
    });
    const run = await shop.deploy();
    expect(run.log).toMatch(
      moves('api', 'new containers beside the old ones .*\\(environment\\.LOG_LEVEL\\)'),
    );
    const slot = otherSlot(copies);
    const names = { base: 'causes_production_api', secondary: 'causes_production_api_secondary' };
    expect(changed(before.containers, await shop.standing())).toEqual([
      ...servers.map(({ host }) => `- ${host} ${names[copies[0]!.slot as 'base']}`),
      ...servers.map(({ host }) => `+ ${host} ${names[slot]}`),
    ]);
    const { api } = before.releases;
    expect(await shop.recorded('api')).toMatchObject({
      release: api + 1,
      previous: api,
      copies: [{ slot }, { slot }],
    });
  });

  fullSizeTest(
    'a service that left the file: in the plan, then gone with its route, its volume kept',
    async () => {
      const { internal_port: port } = await shop.recorded('jobs');
      const [home] = await shop.homesOf('jobs');
      expect(await internally(home!, port!)).toBe('answered');
      shop.edit(({ services }) => {
        delete services.jobs;
      });
      const removed = `jobs ${before.releases.jobs} → none: removed`;
      const dry = await shop.deploy({ 'dry-run': 'true' });
      expect(dry.log).toMatch(new RegExp(`${removed} .*its volumes stay`));
      expect(await shop.standing()).toEqual(before.containers);

      const run = await shop.deploy();
      expect(run.log).toMatch(new RegExp(`${removed} .*its volumes stay`));
      expect(changed(before.containers, await shop.standing())).toEqual([
        expect.stringMatching(new RegExp(`^- ${home!.host} causes_production_jobs(_secondary)?$`)),
      ]);
      expect(await internally(home!, port!)).toBe('refused');
      expect(await home!.docker('volume', 'ls', '--quiet')).toMatch(/^causes_production_jobs-data$/m);
      expect((await shop.state()).services).not.toHaveProperty('jobs');
      expect((await shop.deploy()).outputs.changed).toBe('false');
    },
  );

  /** Matches how a plan tells that a service moves to its next release. */
  function moves(service: keyof Releases, how: string): RegExp {
    const release = before.releases[service];
    return new RegExp(`${service} ${release} → ${release + 1}: ${how}`);
  }

  /** All refs of the origin: state branch and lease among them. */
  async function refs(): Promise<string> {
    return await shop.inOrigin('for-each-ref');
  }

  /** What every edge and sidecar serve for this environment, read from their volumes. */
  async function generations(): Promise<unknown[]> {
    const readLive = 'cat "/etc/switchyard/$(grep -o "[ab]/" /etc/switchyard/nginx.conf)manifest.json"';
    return await Promise.all(
      servers.flatMap((server) =>
        ['switchyard_edge', 'causes_production_nginx'].map(async (name) => {
          const manifest = JSON.parse(await server.docker('exec', name, 'sh', '-c', readLive));
          expect(manifest.scopes).toHaveProperty('causes_production');
          return manifest.scopes.causes_production;
        }),
      ),
    );
  }

  /** Whether the sidecar takes connections on an internal port, asked from inside the environment's network. */
  async function internally(server: LabServer, port: number): Promise<'answered' | 'refused'> {
    const script = `require('net').connect(${port}, 'nginx').once('connect', () => process.exit(0)).once('error', () => process.exit(7))`;
    const result = await server.exec([
      ...['docker', 'run', '--rm', '--network', 'causes_production_network', '--entrypoint', 'node'],
      ...[lab.images.web('v1'), '-e', script],
    ]);
    if (result.code !== 0 && result.code !== 7) throw new Error(result.stderr);
    return result.code === 0 ? 'answered' : 'refused';
  }
});

/** What left (-) and what came (+) between two looks. A container that was made anew under its name does both. */
function changed(before: Record<string, string>, after: Record<string, string>): string[] {
  const gone = Object.keys(before).filter((name) => before[name] !== after[name]);
  const come = Object.keys(after).filter((name) => before[name] !== after[name]);
  return [...gone.map((name) => `- ${name}`), ...come.map((name) => `+ ${name}`)];
}
