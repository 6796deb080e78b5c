import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { parse } from 'yaml';
import { mustRun } from '../lab/command.ts';
import type { LabServer } from '../lab/lab.ts';
import { PROMISED } from '../promised-configuration.ts';
import { type ActionRun, startAction } from './action.ts';
import { ask, versionOf } from './ask.ts';
import { borrow, type LentServers } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { type ConfigFile, Project } from './project.ts';

jest.setTimeout(300_000);

const SECRETS = { secrets: JSON.stringify({ API_TOKEN: 'a token of the lab' }) };

/** The example of the documentation, on the lab's servers, with its default settings. */
describe('The example configuration', () => {
  let lab: LentServers;
  let first: LabServer;
  let shop: Project;

  beforeAll(async () => {
    lab = await borrow(2);
    first = lab.servers[0]!;
    await lab.buildWeb('1.2.3', { EXPOSE_ENV: '1' });
    shop = await Project.create(lab, filledIn(lab));
  });

  afterAll(async () => {
    lab?.giveBack();
  });

  test('production, on two servers', async () => {
    const run = await shop.deploy(SECRETS);
    expect(JSON.parse(run.outputs.releases!)).toEqual({ cache: 1, api: 1 });
    for (const server of lab.servers) {
      for (const domain of ['api.example.com', 'www.example.com']) {
        expect(await versionOf(server, domain)).toBe('1.2.3');
      }
      const environment = JSON.parse((await ask(server, 'api.example.com', '/env')).body);
      expect(environment).toMatchObject({
        LOG_LEVEL: 'warn',
        API_TOKEN: 'a token of the lab',
        SWITCHYARD_CACHE_HOST: 'nginx',
        SWITCHYARD_CACHE_PORT: expect.stringMatching(/^5\d{3}$/),
      });
      const [container = ''] = await shop.containers(server, 'api');
      const limits = await server.docker(
        ...['inspect', '--format', '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}', container],
      );
      expect(limits.trim()).toBe(`500000000 ${256 * 1024 * 1024}`);
    }
    expect(await shop.recorded('api')).toMatchObject({
      release: 1,
      image: expect.stringMatching(/\/acme\/web@sha256:[0-9a-f]{64}$/),
      previous: 0,
      deployed_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      run: 'local',
      copies: lab.servers.map(({ host }) =>
        expect.objectContaining({
          server: host,
          slot: 'base',
          container: 'shop_production_api',
          healthy: true,
        }),
      ),
    });
    expect((await shop.deploy(SECRETS)).outputs.changed).toBe('false');
    await shop.leave();
    expect(await shop.standing()).toEqual({});
  });

  fullSizeTest('local, on the engine of the runner', async () => {
    const local = await Project.create(lab, filledIn(lab), 'local');
    const run = await onTheServer(local, SECRETS);
    expect(run).toMatchObject({ code: 0, outputs: { releases: JSON.stringify({ cache: 1, api: 1 }) } });
    expect(await versionOf(first, 'api.example.com')).toBe('1.2.3');
    expect(JSON.parse((await ask(first, 'www.example.com', '/env')).body)).toMatchObject({
      LOG_LEVEL: 'info',
    });
    expect(Object.keys(await local.standing())).toEqual(
      ['api', 'cache', 'nginx'].map((name) => `${first.host} shop_local_${name}`),
    );
    expect(await onTheServer(local, SECRETS)).toMatchObject({ code: 0, outputs: { changed: 'false' } });

    local.edit((config) => {
      config.services = {};
      for (const environment of Object.values(config.environments)) delete environment.services;
    });
    expect(await onTheServer(local)).toMatchObject({ code: 0 });
    expect(await local.standing()).toEqual({});
    expect((await ask(first, 'api.example.com')).status).toBe(404);
    expect(await first.docker('network', 'ls', '--format', '{{.Name}}')).not.toMatch('shop_local');
    expect(await first.docker('volume', 'ls', '--quiet')).toMatch(/^shop_local_cache-data$/m);
  });

  test('local, where no engine answers: said in a sentence', async () => {
    const local = await Project.create(lab, filledIn(lab), 'local');
    const failed = await local.failToDeploy(SECRETS, { DOCKER_HOST: 'unix:///nowhere/docker.sock' });
    expect(failed.log).toMatch('no Docker engine answers at /nowhere/docker.sock');
    expect(await local.recordId()).toBeUndefined();
  });

  /** Runs the deploy as if the first server were the runner: in its network, with its engine, without SSH. */
  async function onTheServer(project: Project, inputs: Record<string, string> = {}): Promise<ActionRun> {
    const pid = (await mustRun(['docker', 'inspect', '--format', '{{.State.Pid}}', first.container])).trim();
    return await startAction(
      'toggle-deploy',
      { environment: 'local', ...inputs },
      {
        workspace: project.folder,
        env: { DOCKER_HOST: `unix:///proc/${pid}/root/run/docker.sock` },
        inside: ['nsenter', '--target', pid, '--net'],
      },
    ).done;
  }
});

/** The configuration with the lab's addresses, keys and images. */
function filledIn(lab: LentServers): ConfigFile {
  const config = parse(PROMISED) as ConfigFile;
  const servers = config.environments.production!.servers as Record<string, unknown>[];
  for (const [index, { host, privateIp, hostKeys }] of lab.servers.entries()) {
    Object.assign(servers[index]!, { host, private_ip: privateIp, host_key: hostKeys[0] });
  }
  Object.assign(config, { sidecar: { image: lab.images.nginx } });
  config.services.cache!.image = lab.images.redis;
  config.services.api!.image = lab.images.web('1.2.3');
  return config;
}
