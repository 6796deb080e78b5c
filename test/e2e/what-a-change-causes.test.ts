import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import { ask, versionOf } from './ask.ts';
import { type Fleet, fleet } from './fleet.ts';
import { Project, serversOf } from './project.ts';
import { startUsers } from './users.ts';

jest.setTimeout(300_000);

/** Case 7: a run changes what the file changed, and nothing else. One shop lives through all the tests. */
describe('What a change of the file causes', () => {
  let lab: Fleet;
  let servers: LabServer[];
  let shop: Project;
  let traffic: HttpTraffic;
  let first: LabServer;

  beforeAll(async () => {
    lab = await fleet();
    servers = lab.servers.slice(0, 2);
    first = servers[0]!;
    shop = await Project.create(lab, {
      project: 'causes',
      sidecar: lab.sidecar,
      environments: {
        production: { provider: 'static', user: 'deploy', servers: serversOf(servers) },
      },
      services: {
        api: {
          image: lab.images.web('v1'),
          port: 3000,
          domain: ['api.causes.example', 'old.causes.example'],
          servers: 2,
          healthcheck: { path: '/health' },
          environment: { LOG_LEVEL: 'info' },
          drain: { timeout: '20s' },
        },
        worker: { image: lab.images.web('v1'), port: 3000, healthcheck: { path: '/health' } },
        jobs: {
          image: lab.images.redis,
          port: 6379,
          protocol: 'tcp',
          healthcheck: { test: ['CMD', 'redis-cli', 'ping'], interval: '1s' },
          volumes: ['jobs-data:/data'],
          strategy: 'recreate',
        },
      },
    });
    await shop.deploy();
    traffic = startUsers(servers, 'api.causes.example');
    await traffic.untilSent(100);
  });

  afterAll(async () => {
    await traffic?.stop();
    await shop?.leave();
  });

  test('the same file again: nothing, and the run says so', async () => {
    const before = { containers: await shop.standing(), record: await shop.recordId() };
    const again = await shop.deploy();
    expect(again.outputs).toMatchObject({
      changed: 'false',
      releases: JSON.stringify({ api: 1, worker: 1, jobs: 1 }),
    });
    expect(again.log).toMatch('causes production: nothing to do, everything is as the file says');
    expect(again.summary).toMatch('nothing to do');
    expect(await shop.standing()).toEqual(before.containers);
    expect(await shop.recordId()).toBe(before.record);
  });

  test('a dry run: the plan, and not one change', async () => {
    shop.edit(({ services }) => {
      services.api!.image = lab.images.web('v2');
    });
    const before = { containers: await shop.standing(), record: await shop.recordId(), refs: await refs() };
    const dry = await shop.deploy({ 'dry-run': 'true' });
    expect(dry.outputs.changed).toBe('true');
    expect(dry.log).toMatch(/api 1 → 2: new containers beside the old ones .*\(image\)/);
    for (const { host } of servers) expect(dry.log).toMatch(`start api release 2 as secondary on ${host}`);
    expect(dry.log).toMatch(/worker 1: unchanged/);
    expect(dry.summary).toMatch('api 1 → 2');
    expect(await shop.standing()).toEqual(before.containers);
    expect(await shop.recordId()).toBe(before.record);
    expect(await refs()).toEqual(before.refs);
  });

  test('the service filter: only that service, whatever else the file says by now', async () => {
    shop.edit(({ services }) => {
      services.worker!.image = lab.images.web('v2');
    });
    const before = await shop.standing();
    const run = await shop.deploy({ service: 'worker' });
    expect(JSON.parse(run.outputs.releases!)).toEqual({ api: 1, jobs: 1, worker: 2 });
    expect(changed(before, await shop.standing())).toEqual([
      expect.stringMatching(/^- \S+ causes_production_worker$/),
      expect.stringMatching(/^\+ \S+ causes_production_worker_secondary$/),
    ]);
    const { services } = await shop.state();
    expect(services.api).toMatchObject({ release: 1, image: expect.stringContaining('web') });
    expect(services.worker).toMatchObject({ release: 2, previous: 1 });
    expect(await versionOf(first, 'api.causes.example')).toBe('v1');
  });

  test('the input images: it wins over the file', async () => {
    const run = await shop.deploy({ images: `api=${lab.images.web('v3')}` });
    expect(JSON.parse(run.outputs.releases!)).toMatchObject({ api: 2, worker: 2 });
    for (const server of servers) expect(await versionOf(server, 'api.causes.example')).toBe('v3');
    shop.edit(({ services }) => {
      services.api!.image = lab.images.web('v3');
    });
    expect((await shop.deploy()).outputs.changed).toBe('false');
  });

  test('the domain: a reload, and the same containers', async () => {
    expect((await ask(first, 'new.causes.example')).status).toBe(404);
    const before = await shop.standing();
    shop.edit(({ services }) => {
      services.api!.domain = ['api.causes.example', 'new.causes.example'];
    });
    const run = await shop.deploy();
    expect(JSON.parse(run.outputs.result!).api).toMatchObject({ release: 3, effect: 'reload' });
    expect(run.log).toMatch(/api 2 → 3: routes only, no new container .*\(domains\)/);
    expect(await shop.standing()).toEqual(before);
    for (const server of servers) {
      expect(await versionOf(server, 'new.causes.example')).toBe('v3');
      expect((await ask(server, 'old.causes.example')).status).toBe(404);
    }
    expect((await shop.deploy()).outputs.changed).toBe('false');
  });

  test('health check and drain: nothing but the record', async () => {
    const before = { containers: await shop.standing(), routes: await generations() };
    shop.edit(({ services }) => {
      services.api!.healthcheck = { path: '/health', interval: '2s' };
      services.api!.drain = { timeout: '30s' };
    });
    const run = await shop.deploy();
    expect(JSON.parse(run.outputs.result!).api).toMatchObject({ release: 4, effect: 'record' });
    expect(run.log).toMatch(/api 3 → 4: the record only .*\(drain_timeout_ms, healthcheck\.interval_ms\)/);
    expect(await shop.standing()).toEqual(before.containers);
    expect(await generations()).toEqual(before.routes);
    const { stdout } = await shop.git(
      'show',
      'origin/switchyard-state:releases/causes/production/api/4.json',
    );
    expect(JSON.parse(stdout).policy).toMatchObject({ drainTimeoutMs: 30_000 });
    expect((await shop.deploy()).outputs.changed).toBe('false');
  });

  test('the environment: a new release in new containers on the other side', async () => {
    const before = await shop.standing();
    shop.edit(({ services }) => {
      services.api!.environment = { LOG_LEVEL: 'warn' };
    });
    const run = await shop.deploy();
    expect(run.log).toMatch(/api 4 → 5: new containers beside the old ones .*\(environment\.LOG_LEVEL\)/);
    const sides = { old: 'causes_production_api_secondary', new: 'causes_production_api' };
    expect(changed(before, await shop.standing())).toEqual([
      ...servers.map(({ host }) => `- ${host} ${sides.old}`),
      ...servers.map(({ host }) => `+ ${host} ${sides.new}`),
    ]);
    const { services } = await shop.state();
    expect(services.api).toMatchObject({ release: 5, previous: 4 });
    expect(services.api!.servers.map(({ side }) => side)).toEqual(['base', 'base']);
  });

  test('a service that left the file: in the plan, then gone with its route, its volume kept', async () => {
    const home = (await shop.state()).services.jobs!;
    const server = servers.find(({ host }) => host === home.servers[0]!.host)!;
    expect(await internally(server, home.internal_port)).toBe('answered');
    shop.edit(({ services }) => {
      delete services.jobs;
    });
    const before = await shop.standing();
    const dry = await shop.deploy({ 'dry-run': 'true' });
    expect(dry.log).toMatch(/jobs 1 → none: removed .*its volumes stay/);
    expect(await shop.standing()).toEqual(before);

    const run = await shop.deploy();
    expect(run.log).toMatch(/jobs 1 → none: removed .*its volumes stay/);
    expect(changed(before, await shop.standing())).toEqual([`- ${server.host} causes_production_jobs`]);
    expect(await internally(server, home.internal_port)).toBe('refused');
    expect(await server.docker('volume', 'ls', '--quiet')).toMatch(/^causes_production_jobs-data$/m);
    expect((await shop.state()).services).not.toHaveProperty('jobs');
    expect((await shop.deploy()).outputs.changed).toBe('false');
  });

  test('and not one request was lost meanwhile', async () => {
    const { lost, losses, ok, versions } = await traffic.stop();
    expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
    expect(ok).toBeGreaterThan(500);
    expect(Object.keys(versions).sort()).toEqual(['v1', 'v3']);
  });

  /** All refs of the origin: state branch and lease among them. */
  async function refs(): Promise<string> {
    return (await shop.git('ls-remote', 'origin')).stdout;
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
